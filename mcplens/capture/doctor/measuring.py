"""Times taken in turns, and how sure their median is."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SIGMAS: Final = 1.96


class Measured(NamedTuple):
    """A median, and the range in which it lies 95 times of 100."""

    median: float
    low: float
    high: float


def in_turns(ways: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, list[float]]:
    """Call each way once a round, in an order that changes, and collect what they give."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    order = list(ways)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            found[name].append(ways[name]())
    return found


def measured(values: Sequence[float]) -> Measured:
    """Take the median of one value per round; the range is that of order statistics."""
    ranked = sorted(values)
    half = _SIGMAS * math.sqrt(len(ranked)) / 2
    middle = (len(ranked) - 1) / 2
    low = ranked[max(0, math.floor(middle - half))]
    high = ranked[min(len(ranked) - 1, math.ceil(middle + half))]
    return Measured((ranked[math.floor(middle)] + ranked[math.ceil(middle)]) / 2, low, high)


def added(with_us: Sequence[float], without: Sequence[float]) -> Measured:
    """Compare two ways round by round: how much more the first one took."""
    return measured([ours - theirs for ours, theirs in zip(with_us, without, strict=True)])

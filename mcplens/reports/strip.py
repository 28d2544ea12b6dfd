"""A tool's latency on one line of text: from p50 to p99, a dot at p95, a bar at the budget."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from mcplens.units import format_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """What one strip draws, in milliseconds; what is None is not drawn."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    budget_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A logarithmic scale from one round time to another."""

    low_ms: float
    high_ms: float

    def place(self, ms: float, width: int) -> int:
        """Find the cell of a time on a strip of this width."""
        span = math.log(self.high_ms / self.low_ms)
        share = math.log(max(ms, self.low_ms) / self.low_ms) / span
        return min(width - 1, round(share * (width - 1)))


def scale_of(latencies: Iterable[Latency]) -> Scale | None:
    """Choose ends of 1, 3, 10, 30 … that hold every time; None if there is none.

    It spans a factor of ten at least, or a hair's breadth would look like a mile.
    """
    times = [
        ms
        for latency in latencies
        for ms in (latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.budget_ms)
        if ms is not None
    ]
    if not times:
        return None
    low = _round_down(max(min(times), 0.001))
    return Scale(low_ms=low, high_ms=max(_round_up(max(times)), low * 10))


def strip_title(scale: Scale, width: int) -> str:
    """Say where the strip begins and ends, and what its marks are if there is room."""
    low, high = format_ms(scale.low_ms), format_ms(scale.high_ms)
    room = width - len(low) - len(high) - 2
    for legend in (" p50 ──●p95── p99 ", " log "):
        if len(legend) + 2 <= room:
            return f"{low} {legend.center(room, '─')} {high}"
    return f"{low} {'─' * room} {high}"


def draw_strip(latency: Latency, scale: Scale, width: int) -> Text:
    """Draw one tool's latency."""
    cells: list[tuple[str, str]] = [(" ", "")] * width
    if latency.p50_ms is not None and latency.p99_ms is not None:
        first, last = scale.place(latency.p50_ms, width), scale.place(latency.p99_ms, width)
        cells[first : last + 1] = [("─", "dim")] * (last + 1 - first)
    if latency.budget_ms is not None:
        cells[scale.place(latency.budget_ms, width)] = ("│", "magenta")
    if latency.p95_ms is not None:
        over = latency.budget_ms is not None and latency.p95_ms > latency.budget_ms
        cells[scale.place(latency.p95_ms, width)] = ("●", "bold red" if over else "cyan")
    return Text.assemble(*cells)


def draw_strips(latencies: Sequence[Latency], width: int) -> tuple[str, list[Text]]:
    """Draw all tools on one scale; the first text is the title that says which."""
    scale = scale_of(latencies)
    if scale is None:
        return "", [Text() for _ in latencies]
    return strip_title(scale, width), [draw_strip(each, scale, width) for each in latencies]


def _round_down(ms: float) -> float:
    decade = 10.0 ** math.floor(math.log10(ms))
    return decade * 3 if ms >= decade * 3 else decade


def _round_up(ms: float) -> float:
    down = _round_down(ms)
    if down >= ms:
        return down
    is_three = math.log10(down) % 1 > 0.1  # noqa: PLR2004  log10 of 3 is 0.48, of 1 is 0
    return down / 3 * 10 if is_three else down * 3

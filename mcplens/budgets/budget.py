"""What a tool may cost, and how that is written: `p95=200ms`, `search:p95=200ms success=95%`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mcplens.errors import UsageError
from mcplens.units import format_rate, parse_ms, parse_rate

if TYPE_CHECKING:
    from collections.abc import Iterable

QUANTILES = {
    f"p{format_rate(share)[:-1]}": share
    for share in (0.5, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
}
"""The quantiles a budget can name, and the share of calls each stands for."""

_DEFAULT_QUANTILE = "p95"
_FORM = "write it as p95=200ms or success=95%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a tool may cost: the share of its calls that must turn out well.

    A call turns out well when it takes at most `limit_ms`; without a limit, when it succeeds.
    """

    tool: str = "*"
    """The tools it is for: a name or a glob, of a tool or of `server:tool`."""

    share: float
    """0.95 for the quantile p95, as for a success rate of 95 %."""

    limit_ms: float | None = None
    """Longest allowed duration of that share of the calls, in milliseconds."""

    @property
    def is_latency(self) -> bool:
        """Whether it limits durations; else it asks for successes."""
        return self.limit_ms is not None


def parse_budget(text: str) -> tuple[Budget, ...]:
    """Read `[TOOL:]BUDGET`, such as `p95=200ms` or `search:p95=200ms success=95%`.

    One budget for each promise, all for the same tool. In a name with colons, the last colon
    before the first `=` divides.
    """
    first, equals, rest = text.strip().partition("=")
    tool, term = _divide(first)
    return tuple(_promise(t, tool) for t in _terms(f"{term}{equals}{rest}", text))


def parse_latency_budget(text: str) -> tuple[Budget, ...]:
    """Read `[TOOL:]pNN=TIME`; a time alone is one for p95."""
    first, equals, rest = text.strip().partition("=")
    tool, term = _divide(first)
    terms = _terms(f"{term}{equals}{rest}", text)
    for t in terms:
        if t.startswith("success="):
            raise UsageError(f'"{t}" limits no latency; write it as p95=200ms')
    return tuple(_latency(t if "=" in t else f"{_DEFAULT_QUANTILE}={t}", tool) for t in terms)


def parse_success_rate(text: str) -> tuple[Budget, ...]:
    """Read `[TOOL:]RATE`, such as `95%` or `search:0.99`."""
    tool, rate = _divide(text.strip())
    return (_success(rate, tool),)


def most_specific(budgets: Iterable[Budget]) -> list[Budget]:
    """Pick, of the budgets that are for one tool, those that hold: one for each quantity.

    A name is more specific than a glob, a longer glob more than a shorter, and a later budget more
    than an earlier one.
    """
    chosen: dict[float | None, Budget] = {}
    for budget in budgets:
        quantity = budget.share if budget.is_latency else None
        rival = chosen.get(quantity)
        if rival is None or _rank(budget) >= _rank(rival):
            chosen[quantity] = budget
    return list(chosen.values())


def _rank(budget: Budget) -> tuple[bool, int]:
    is_glob = re.search(r"[*?\[]", budget.tool) is not None
    return (not is_glob, len(budget.tool))


def _divide(text: str) -> tuple[str, str]:
    tool, colon, term = text.rpartition(":")
    if colon and not tool.strip():
        raise UsageError(f'"{text}" names no tool before its colon; leave the colon out')
    return (tool.strip() or "*"), term.strip()


def _terms(text: str, whole: str) -> list[str]:
    terms = [term for term in re.split(r"[\s,]+", text) if term]
    if not terms:
        raise UsageError(f'"{whole}" says no budget: {_FORM}')
    return terms


def _promise(term: str, tool: str) -> Budget:
    key, equals, value = term.partition("=")
    if not equals:
        raise UsageError(f'"{term}" says no budget: {_FORM}')
    if ":" in key:
        raise UsageError(f'"{term}": one tool for each budget; give the option once more for it')
    return _success(value, tool) if key == "success" else _latency(term, tool)


def _latency(term: str, tool: str) -> Budget:
    key, _, value = term.partition("=")
    if key not in QUANTILES:
        swapped = [name for name in QUANTILES if sorted(name) == sorted(key)]
        close = swapped or get_close_matches(key, [*QUANTILES, "success"], n=1, cutoff=0.5)
        hint = f'. Did you mean "{close[0]}"?' if close else f"; {_FORM}"
        raise UsageError(f'unknown budget "{key}"{hint}')
    limit_ms = parse_ms(value)
    if limit_ms <= 0:
        raise UsageError(f'"{term}" allows no time at all; a call takes some')
    return Budget(tool=tool, share=QUANTILES[key], limit_ms=limit_ms)


def _success(value: str, tool: str) -> Budget:
    share = parse_rate(value)
    if share == 1:
        raise UsageError(
            f'"{value}" cannot be proven by any number of calls. Ask for 99%, which takes 299'
        )
    if share == 0:
        raise UsageError(f'"{value}" asks for nothing. Write the share of calls that must succeed')
    return Budget(tool=tool, share=share)

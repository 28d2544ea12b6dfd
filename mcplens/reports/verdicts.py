"""The words of a verdict, the same in the plugin, on the command line and in the report."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from mcplens.budgets.judge import FEWEST_CALLS_TO_FAIL
from mcplens.reports.tables import tool_label
from mcplens.reports.text import printable
from mcplens.units import counted, format_count, format_ms, format_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcplens.budgets.budget import Budget
    from mcplens.budgets.judge import Status, Verdict

MARKS: Final[dict[Status, str]] = {"pass": "✓", "fail": "✗", "inconclusive": "?"}
"""The sign of each verdict, where the terminal can show it; elsewhere its word stands."""

STYLES: Final[dict[Status, str]] = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
"""The colour of each verdict."""


def worst(verdicts: Sequence[Verdict]) -> Status:
    """Sum verdicts up: one fail fails all, and all must pass."""
    found = {verdict.status for verdict in verdicts}
    return "fail" if "fail" in found else "inconclusive" if "inconclusive" in found else "pass"


def promise(budget: Budget) -> str:
    """Name what a budget promises: `p95 200 ms` or `success 95%`."""
    if budget.limit_ms is None:
        return f"success {format_rate(budget.share)}"
    return f"{quantile_name(budget)} {format_ms(budget.limit_ms)}"


def quantile_name(budget: Budget) -> str:
    """Name the quantile of a latency budget, such as p95 or p99.9."""
    return f"p{format_rate(budget.share).removesuffix('%')}"


def explain(verdict: Verdict) -> str:
    """Say in one sentence what was seen, what was asked for, and what would change it."""
    tool = tool_label(verdict.counts.server_name, verdict.counts.tool_name)
    if verdict.status == "inconclusive" and not verdict.bad_count:
        calls, more = counted(verdict.counts.call_count, "call"), format_count(verdict.calls_needed)
        return (
            f"{tool}: {calls}, none {_how(verdict)}, cannot prove {promise(verdict.budget)} yet; "
            f"{more} more would"
        )
    return f"{tool}: {_compared(verdict)} ({_bad(verdict)}{_would_pass(verdict)}){_but(verdict)}"


def next_step(verdict: Verdict, store: str) -> str | None:
    """Name the slowest call of a broken latency budget, and the command that shows it."""
    counts = verdict.counts
    if verdict.status != "fail" or not verdict.budget.is_latency or counts.slowest_ms is None:
        return None
    return (
        f"  slowest {format_ms(counts.slowest_ms)}, session {counts.slowest_session_id}"
        f"    see: mcplens session {counts.slowest_session_id} --store {store}"
    )


def explain_unmatched(budget: Budget, called: Sequence[str]) -> str:
    """Say that a budget is for a tool that nobody called; `called` are the names that were."""
    close = get_close_matches(budget.tool, called, n=1)
    hint = f'. Did you mean "{printable(close[0])}"?' if close else ""
    if not called:
        return f"{promise(budget)} is not judged: no tool was called"
    return f'{promise(budget)} is not judged: no call to "{printable(budget.tool)}" was made{hint}'


def _compared(verdict: Verdict) -> str:
    budget, counts = verdict.budget, verdict.counts
    if budget.limit_ms is None:
        rate = format_rate(verdict.observed, beside=budget.share)
        return f"success rate is {rate}, budget {format_rate(budget.share)}"
    name, limit = quantile_name(budget), format_ms(budget.limit_ms)
    if counts.observed_ms is None:
        return f"{name} is unknown, as no call was answered, budget {limit}"
    return f"{name} is {format_ms(counts.observed_ms)}, budget {limit}"


def _bad(verdict: Verdict) -> str:
    bad, calls = format_count(verdict.bad_count), counted(verdict.counts.call_count, "call")
    # Such a call may have waited for less than the limit, and is over it all the same.
    silent = verdict.counts.without_answer_count if verdict.budget.is_latency else 0
    without = f", {format_count(silent)} without an answer" if silent else ""
    return f"{bad} of {calls} {_how(verdict)}{without}"


def _how(verdict: Verdict) -> str:
    return "over" if verdict.budget.is_latency else "failed"


def _would_pass(verdict: Verdict) -> str:
    if verdict.status != "fail" or verdict.bad_allowed is None:
        return ""
    return f"; at most {format_count(verdict.bad_allowed)} would pass"


def _but(verdict: Verdict) -> str:
    needed = format_count(verdict.calls_needed)
    match verdict.reason:
        case None:
            return ""
        case "parallel":
            return "; not failed, as calls made in parallel slow each other down: run it alone"
        case "among_many":
            return "; among so many budgets, one such miss may be chance: run it again"
        case "few_to_fail":
            more = FEWEST_CALLS_TO_FAIL - verdict.counts.call_count
            decides = "call decides" if more == 1 else "calls decide"
            return f"; a fail is said from {FEWEST_CALLS_TO_FAIL} calls on, {more} more {decides}"
        case _ if (verdict.observed or 0.0) < verdict.budget.share:
            return " proves neither pass nor fail"
        case _:
            return f" proves neither pass nor fail; {needed} more good calls would pass"

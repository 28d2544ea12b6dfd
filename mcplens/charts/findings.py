"""What the numbers say, in one sentence: titles of charts, last lines of tables.

Pure functions of rows of the views, given as mappings under the views' own column names. They
draw nothing and import nothing that draws, so the command line says the same sentences cheaply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mcplens.units import counted, format_count, format_ms, format_rate

Row = Mapping[str, Any]
Rows = Sequence[Row]

NOTHING_CALLED: Final = "No tool has been called yet"
NEXT_STEP: Final = "Record a server: mcplens record -- COMMAND"
FEW_CALLS: Final = 20
"""Below this many calls p95 is little more than the slowest one, and the sentence says so."""
LEAST_RATIO: Final = 0.01

_ENDINGS: Final = {
    "auth": "auth error",
    "internal": "internal error",
    "upstream": "upstream error",
}


def tool_name(row: Row) -> str:
    """Name a row's tool as `server:tool`."""
    return f"{row['server_name'] or '?'}:{row['tool_name'] or '?'}"


def ending_words(ending: str) -> str:
    """Say an outcome or error class in words: `rate_limited` is "rate limited"."""
    return _ENDINGS.get(ending, ending.replace("_", " "))


def latency_finding(tools: Rows, budgets: Rows = ()) -> str:
    """Say which tool is slowest, or how the tools stand to their budgets if they have any.

    Args:
        tools: Rows of `tool_metrics`.
        budgets: Rows of `budget_counts` that have a latency.
    """
    if not tools:
        return NOTHING_CALLED
    if measured := [row for row in budgets if row["budget_ratio"] is not None or row["is_over"]]:
        return _budget_finding(measured)
    timed = [row for row in tools if row["p95_ms"] is not None]
    if not timed:
        return "Of no call is known how long it took"
    slowest = min(timed, key=lambda row: (-row["p95_ms"], tool_name(row)))
    name, p95 = tool_name(slowest), format_ms(slowest["p95_ms"])
    if len(tools) > 1:
        few = f" over only {_calls(slowest)}" if slowest["call_count"] < FEW_CALLS else ""
        return f"{name} is the slowest of {len(tools)} tools: p95 {p95}{few}"
    if slowest["call_count"] == 1:
        return f"{name} took {p95} in its only call"
    return f"{name}: p95 {p95} over {_calls(slowest)}"


def outcomes_finding(overview: Row, tools: Rows, outcomes: Rows) -> str:
    """Say what share of calls failed, where most of them failed, and how.

    Args:
        overview: The row of `overview`.
        tools: Rows of `tool_metrics`.
        outcomes: Rows of `outcomes_by_tool`.
    """
    if not tools:
        return NOTHING_CALLED
    if overview["failure_count"] == 0:
        return _nothing_failed(overview)
    leading = min(tools, key=lambda row: (-row["failure_count"], tool_name(row)))
    ways = [row for row in outcomes if row["is_failure"] and tool_name(row) == tool_name(leading)]
    ending = ending_words(min(ways, key=_commonest_first)["ending"]) if ways else "?"
    if overview["call_count"] == 1:
        return f"The only call failed: {ending}"
    failing = sum(row["call_count"] for row in ways)
    if len(ways) == 1:
        mostly = ending
    elif any(2 * row["call_count"] > failing for row in ways):
        mostly = f"mostly {ending}"
    else:
        mostly = f"{len(ways)} kinds of failure"
    failures = format_count(leading["failure_count"])
    if len(tools) == 1:
        return f"{failures} of {_calls(leading)} of {tool_name(leading)} failed: {mostly}"
    rate, total = format_rate(overview["failure_rate"]), format_count(overview["failure_count"])
    share = f"{rate} of calls"
    if overview["failure_rate"] is None:  # Of some calls nobody knows how they ended.
        share = f"At least {total} of {_calls(overview)}"
    as_many = sum(row["failure_count"] == leading["failure_count"] for row in tools)
    if as_many > 1:
        return f"{share} failed; {as_many} tools had {failures} of {total} failures each"
    leads = f"{tool_name(leading)} leads with {failures} of {total} failures"
    return f"{share} failed; {leads}, {mostly}"


def main_finding(overview: Row, tools: Rows, outcomes: Rows, budgets: Rows = ()) -> str:
    """Say the one thing to know first: a budget missed, else what fails, else what is slowest."""
    if any(row["is_over"] for row in budgets) or not overview["failure_count"]:
        return latency_finding(tools, budgets)
    return outcomes_finding(overview, tools, outcomes)


def session_finding(session: Row) -> str:
    """Say how a session ended, what failed in it, and whether that was made good.

    Args:
        session: A row of `session_metrics`.
    """
    if not session["call_count"]:
        return "Nothing was called in it"
    ending = _SESSION_ENDINGS.get(session["terminal_state"], "It ended")
    failures = session["failure_count"]
    if not failures:
        return f"{ending}, and none of its {_calls(session)} failed"
    made_good = _MADE_GOOD.get(session["recovery_status"], "")
    return f"{ending}; {format_count(failures)} of {_calls(session)} failed{made_good}"


_SESSION_ENDINGS: Final = {
    "completed": "It ended on a success",
    "failed": "It ended on a failure",
    "interrupted": "It ended without an answer",
    "cancelled": "It ended on a cancel",
    "unknown": "Nobody knows how it ended",
    "running": "It is still running",
}
_MADE_GOOD: Final = {
    "recovered": ", and each was made good by trying again",
    "partly_recovered": ", and some were made good by trying again",
    "not_recovered": ", and none was made good by trying again",
}


def format_ratio(ratio: float | None) -> str:
    """Write how many times: 14×, 2.1×, 0.03×, and 1.01× or 0.998× rather than a false 1×."""
    if ratio is None:
        return "–"
    if ratio < LEAST_RATIO:
        return f"<{LEAST_RATIO:g}×"
    text = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"  # noqa: PLR2004
    if float(text) == 1.0 and ratio != 1.0:
        text = f"{ratio:.3g}" if float(f"{ratio:.3g}") != 1.0 else f"{ratio:.4g}"
    return f"{text}×"


def worst_budgets(budgets: Rows) -> dict[str, Row]:
    """Pick for each tool, of several budgets on it, the one it stands worst to."""
    return {tool_name(row): row for row in sorted(budgets, key=_worst_first, reverse=True)}


def _budget_finding(budgets: Rows) -> str:
    worst = min(budgets, key=_worst_first)
    name, where = tool_name(worst), _where(worst)
    count = len({tool_name(row) for row in budgets})
    over = len({tool_name(row) for row in budgets if row["is_over"]})
    if count == 1:
        return f"{name} is {'over' if over else 'within'} its latency budget, {where}"
    if over == 0:
        return f"All {count} tools are within their latency budget; {name} is nearest, {where}"
    if over == 1:
        return f"1 of {count} tools is over its latency budget: {name}, {where}"
    return f"{over} of {count} tools are over their latency budget; {name} is worst, {where}"


def _worst_first(budget: Row) -> tuple[bool, float, str]:
    return not budget["is_over"], -(budget["budget_ratio"] or 0.0), tool_name(budget)


def _where(budget: Row) -> str:
    ratio = budget["budget_ratio"]
    if budget["is_over"] and (ratio is None or ratio <= 1):
        over = format_count(budget["over_count"])
        return f"with {over} of {_calls(budget)} late or never answered"
    return f"at {format_ratio(ratio)}"


def _commonest_first(outcome: Row) -> tuple[int, str]:
    return -outcome["call_count"], outcome["ending"]


def _nothing_failed(overview: Row) -> str:
    calls, cancelled = overview["call_count"], overview["cancelled_count"]
    if unknown := overview.get("unknown_count"):
        return (
            f"No call is known to have failed; {format_count(unknown)} of {format_count(calls)} "
            "came from logs that do not say how they ended"
        )
    if calls == 1:
        return "The only call was cancelled" if cancelled else "The only call succeeded"
    if not cancelled:
        return f"All {format_count(calls)} calls succeeded"
    if calls == cancelled:
        return f"All {format_count(calls)} calls were cancelled"
    return f"No call failed; {format_count(cancelled)} of {format_count(calls)} were cancelled"


def _calls(row: Row) -> str:
    return counted(row["call_count"], "call")


def recording_finding(overview: Row, *, left_out_count: int = 0) -> str:
    """Say what recording lost, and what it cost.

    Args:
        overview: The row of `overview`.
        left_out_count: How many files were set aside; nobody knows what is in them.
    """
    lost, cpu = overview["lost_count"], overview["recorder_cpu_ms"]
    some = counted(lost, "message or event was", "messages or events were")
    losses = f"{some} lost" if lost else "Nothing was lost"
    if left_out_count:
        nothing = "nothing was lost in recording the rest"
        left_out = counted(left_out_count, "file was", "files were")
        losses = f"{left_out} left out; {losses if lost else nothing}"
    return losses if cpu is None else f"{losses}; watching took {format_ms(cpu)} of CPU time"

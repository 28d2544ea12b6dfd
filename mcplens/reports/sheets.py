"""The tables of a page: each number as people read it, with the exact one beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mcplens.charts.findings import (
    Row,
    Rows,
    ending_words,
    format_ratio,
    tool_name,
    worst_budgets,
)
from mcplens.units import format_count, format_ms, format_rate

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value."""

    text: str
    value: float | None = None
    """The number as the view gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row; that of a tool is shown when the page shows that tool."""

    tool: str | None
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is made from a row."""

    title: str
    cell: Callable[[Row], Cell]
    is_number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table, ready to be set."""

    caption: str
    columns: Sequence[Column]
    lines: Sequence[Line]


def tools_sheet(tools: Rows) -> Sheet:
    """Set rows of `tool_metrics`."""
    return _sheet("Every tool", tools, (_TOOL, *_COUNTS, _SUCCESS, *_TIMES))


def latency_sheet(tools: Rows, budgets: Rows) -> Sheet:
    """Set what the figure of latencies draws: rows of `tool_metrics` and of `budget_counts`."""
    times = (_ms("p50", "p50_ms"), _ms("p95", "p95_ms"), _ms("p99", "p99_ms"), _count("calls"))
    limits = worst_budgets(budgets)
    if not limits:
        return _sheet("Latency by tool", tools, (_TOOL, *times))
    nothing = {"limit_ms": None, "budget_ratio": None}
    rows = [{**nothing, **limits.get(tool_name(tool), {}), **tool} for tool in tools]
    ratio = _number("÷ budget", "budget_ratio", format_ratio)
    return _sheet("Latency by tool", rows, (_TOOL, *times, _ms("budget", "limit_ms"), ratio))


def outcomes_sheet(outcomes: Rows) -> Sheet:
    """Set rows of `outcomes_by_tool`."""
    columns = (
        _TOOL,
        Column("ended", lambda row: Cell(text=ending_words(row["ending"]))),
        _count("calls"),
        _number("of its calls", "call_share", format_rate),
    )
    return _sheet("Outcomes by tool", outcomes, columns)


def runs_sheet(runs: Rows) -> Sheet:
    """Set rows of `runs`."""
    columns = (
        Column("run", lambda row: Cell(text=row["run_id"])),
        Column("label", lambda row: Cell(text=row["label"] or "–")),
        Column("began", lambda row: Cell(text=_time(row["started_at"]))),
        Column("ended", lambda row: Cell(text=_time(row["ended_at"]))),
        _count("calls"),
        _count("lost", "lost_count"),
        _ms("CPU used", "recorder_cpu_ms"),
    )
    return _sheet("Recordings", runs, columns, is_of_tools=False)


def _sheet(
    caption: str, rows: Rows, columns: Sequence[Column], *, is_of_tools: bool = True
) -> Sheet:
    lines = [
        Line(
            tool=tool_name(row) if is_of_tools else None,
            cells=[column.cell(row) for column in columns],
        )
        for row in rows
    ]
    return Sheet(caption=caption, columns=columns, lines=lines)


def _number(title: str, key: str, form: Callable[[Any], str]) -> Column:
    return Column(title, lambda row: Cell(text=form(row[key]), value=row[key]), is_number=True)


def _count(title: str, key: str = "call_count") -> Column:
    return _number(title, key, format_count)


def _ms(title: str, key: str) -> Column:
    return _number(title, key, format_ms)


def _time(moment: datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


_TOOL: Final = Column("tool", lambda row: Cell(text=tool_name(row)))
_SUCCESS: Final = _number("success", "success_rate", format_rate)
_COUNTS: Final = (
    _count("calls"),
    _count("failed", "failure_count"),
    _count("cancelled", "cancelled_count"),
    _count("caller's fault", "caller_error_count"),
)
_TIMES: Final = tuple(_ms(name, f"{name}_ms") for name in ("p50", "p90", "p95", "p99", "max"))

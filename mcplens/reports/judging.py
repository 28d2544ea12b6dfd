"""Budgets held against what a connection sees: the views count, and judge() decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcplens.budgets.budget import most_specific
from mcplens.budgets.judge import CONFIDENCE, Counts, Status, Verdict, judge_all
from mcplens.metrics.budget_rows import BudgetRow, set_budgets

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mcplens.budgets.budget import Budget

Row = Mapping[str, Any]
Key = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolVerdicts:
    """One tool that was called, and how it stands to its budgets."""

    row: Row
    """Its row of `tool_metrics`."""
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Every tool that was called, and what could not be judged."""

    tools: tuple[ToolVerdicts, ...]
    unmatched: tuple[Budget, ...]
    """Budgets for tools that nobody called."""
    overview: Row
    """The row of `overview`, with what was lost and what watching cost."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts, tool by tool."""
        return tuple(verdict for tool in self.tools for verdict in tool.verdicts)

    @property
    def status(self) -> Status:
        """One word for all: a budget that nothing was measured for is inconclusive."""
        found = {verdict.status for verdict in self.verdicts}
        if "fail" in found:
            return "fail"
        return "inconclusive" if self.unmatched or "inconclusive" in found else "pass"


def judge_recorded(
    con: DuckDBPyConnection,
    budgets: Sequence[Budget],
    *,
    confidence: float = CONFIDENCE,
    in_parallel: bool = False,
) -> Judgement:
    """Judge every tool that the connection sees by the budgets that hold for it.

    Args:
        con: What `mcplens.connect()` gave; its `budget_counts` show these budgets from now on.
        budgets: In the order given; of equally specific ones the later holds.
        confidence: How sure a pass must be.
        in_parallel: Whether the calls slowed each other down.
    """
    tools = _rows(con, "from tool_metrics order by server_name, tool_name")
    counted = _count(con, budgets)
    cases = [
        (budget, counts)
        for tool in tools
        for budget, counts in _holding(counted.get(_key(tool), {}), budgets)
    ]
    verdicts = judge_all(cases, confidence=confidence, in_parallel=in_parallel)
    matched = {index for found in counted.values() for index in found}
    return Judgement(
        tools=tuple(
            ToolVerdicts(
                row=tool,
                verdicts=tuple(v for v in verdicts if _key_of(v.counts) == _key(tool)),
            )
            for tool in tools
        ),
        unmatched=tuple(b for index, b in enumerate(budgets) if index not in matched),
        overview=_rows(con, "from overview")[0],
    )


def _count(con: DuckDBPyConnection, budgets: Sequence[Budget]) -> dict[Key, dict[int, Counts]]:
    """Have the views count for every budget; by tool, and by the budget's place in the order."""
    set_budgets(
        con,
        [
            BudgetRow(
                budget_id=str(index),
                tool=budget.tool,
                quantile=budget.share if budget.is_latency else None,
                limit_ms=budget.limit_ms,
            )
            for index, budget in enumerate(budgets)
        ],
    )
    counted: dict[Key, dict[int, Counts]] = {}
    for row in _rows(con, "from budget_counts"):
        counted.setdefault(_key(row), {})[int(row["budget_id"])] = Counts(
            server_name=row["server_name"],
            tool_name=row["tool_name"],
            call_count=row["call_count"],
            over_count=row["over_count"] or 0,
            without_answer_count=row["without_answer_count"],
            success_count=row["success_count"],
            observed_ms=row["observed_ms"],
            slowest_ms=row["slowest_ms"],
            slowest_session_id=row["slowest_session_id"],
        )
    return counted


def _holding(found: Mapping[int, Counts], budgets: Sequence[Budget]) -> list[tuple[Budget, Counts]]:
    by_budget = {budgets[index]: counts for index, counts in found.items()}
    in_order = [budgets[index] for index in sorted(found)]
    return [(budget, by_budget[budget]) for budget in most_specific(in_order)]


def _rows(con: DuckDBPyConnection, query: str) -> list[Row]:
    result = con.execute(query)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _key(row: Row) -> Key:
    return (row["server_name"], row["tool_name"])


def _key_of(counts: Counts) -> Key:
    return (counts.server_name, counts.tool_name)

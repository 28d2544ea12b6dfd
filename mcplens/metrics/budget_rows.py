"""Budgets, as the view `budget_counts` is given them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcplens.metrics.patterns import glob_to_regex, may_name_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """What is to be counted for one budget."""

    budget_id: str
    tool: str = "*"
    """A tool's name or a glob, with or without `server:` before it."""
    quantile: float | None = None
    """The share of the calls whose duration is shown as observed, 0.95 for p95; a usual one."""
    limit_ms: float | None = None
    """Calls that took longer are over; None counts successes only."""


def set_budgets(con: DuckDBPyConnection, budgets: Sequence[BudgetRow]) -> None:
    """Have `budget_counts` count for these budgets, and no others."""
    con.execute("delete from raw_budgets")
    for budget in budgets:
        con.execute(
            "insert into raw_budgets values ($1, $2, $3, $4, $5)",
            [
                budget.budget_id,
                glob_to_regex(budget.tool),
                may_name_server(budget.tool),
                budget.quantile,
                budget.limit_ms,
            ],
        )

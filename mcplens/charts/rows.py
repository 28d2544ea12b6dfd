"""What the charts ask the views for, in the order they draw it: worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = Mapping[str, Any]
Rows = Sequence[Row]


def rows_of(con: DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """Ask a query and give its rows as mappings by column name."""
    relation = con.sql(query)
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def overview(con: DuckDBPyConnection) -> Row:
    """What the connection sees, in one row."""
    [row] = rows_of(con, "from overview")
    return row


def tools_slowest_first(con: DuckDBPyConnection) -> Rows:
    """Every tool's numbers, the highest p95 first."""
    return rows_of(con, "from tool_metrics order by p95_ms desc nulls last, server_name, tool_name")


def tools_failing_first(con: DuckDBPyConnection) -> Rows:
    """Every tool's numbers, the lowest success rate first and of equals the most called."""
    return rows_of(
        con,
        "from tool_metrics"
        " order by success_rate nulls last, call_count desc, server_name, tool_name",
    )


def outcomes(con: DuckDBPyConnection) -> Rows:
    """How each tool's calls ended."""
    return rows_of(con, "from outcomes_by_tool order by server_name, tool_name, ending")


def latency_budgets(con: DuckDBPyConnection) -> Rows:
    """How each tool stands to its latency budgets; nothing unless budgets are set."""
    return rows_of(
        con,
        "from budget_counts where limit_ms is not null order by server_name, tool_name, budget_id",
    )

"""What the charts ask the views for, in the order they draw it: worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcplens.charts.findings import Row, Rows, tool_name

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def rows_of(con: DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """Ask a query and give its rows as mappings by column name."""
    relation = con.sql(query)
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def overview(con: DuckDBPyConnection) -> Row:
    """What the connection sees, in one row."""
    [row] = rows_of(con, "from overview")
    return row


def tools(con: DuckDBPyConnection) -> Rows:
    """Every tool's numbers, the highest p95 first."""
    return rows_of(con, "from tool_metrics order by p95_ms desc nulls last, server_name, tool_name")


def failing_first(tools: Rows) -> Rows:
    """Put the tools of which the largest share failed first, of equals those called most."""
    return sorted(
        tools, key=lambda row: (-(row["failure_rate"] or 0.0), -row["call_count"], tool_name(row))
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

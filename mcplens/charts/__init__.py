"""From numbers to pictures.

In comes a connection with the views; out go Altair charts whose titles are findings. Charts ask
the views and compute nothing themselves.

Importing this room is cheap: altair is loaded when the first chart is asked for, and never by
`mcplens.charts.findings`, whose sentences the command line says too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mcplens.charts.chart import OfflineChart

__all__ = ["latency_by_tool", "outcomes_by_tool"]

NOTEBOOK_WIDTH = 440
"""Width of a plot that leaves room for names and numbers beside it in JupyterLab, in px."""


def latency_by_tool(con: DuckDBPyConnection, *, width: int = NOTEBOOK_WIDTH) -> OfflineChart:
    """Which tool is slow, and how slow? One row per tool, slowest first, on a log axis.

    Args:
        con: A connection from `mcplens.connect`.
        width: Of the plot between names and numbers, in px.
    """
    from mcplens.charts import rows
    from mcplens.charts.latency import latency_chart

    return latency_chart(rows.tools(con), rows.latency_budgets(con), width=width)


def outcomes_by_tool(con: DuckDBPyConnection, *, width: int = NOTEBOOK_WIDTH) -> OfflineChart:
    """What fails, and how? One row per tool, most failures first, a piece per way of failing.

    Args:
        con: A connection from `mcplens.connect`.
        width: Of the plot between names and numbers, in px.
    """
    from mcplens.charts import rows
    from mcplens.charts.outcomes import outcomes_chart

    tools = rows.failing_first(rows.tools(con))
    return outcomes_chart(rows.overview(con), tools, rows.outcomes(con), width=width)

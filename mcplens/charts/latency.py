"""Which tool is slow, and how slow?"""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from mcplens.charts import theme
from mcplens.charts.chart import OfflineChart, by_tool, draw, label_expr, number_column, say_nothing
from mcplens.charts.findings import (
    NOTHING_CALLED,
    Row,
    Rows,
    format_ratio,
    latency_finding,
    tool_name,
    worst_budgets,
)
from mcplens.units import format_count, format_ms, format_rate

LEAST_MS: Final = 0.001
"""Where the axis begins at the lowest: a logarithm has no zero."""


def latency_chart(tools: Rows, budgets: Rows = (), *, width: int) -> OfflineChart:
    """Draw rows of `tool_metrics` and `budget_counts` in the order of the tools."""
    if not tools:
        return say_nothing(NOTHING_CALLED, width=width)
    limits = worst_budgets(budgets)
    ticks = _ticks(tools, limits.values())
    x = alt.X(
        "p50_ms:Q",
        title="latency, log scale",
        scale=alt.Scale(type="log", domain=[ticks[0], ticks[-1]], clamp=True, nice=False),
        axis=alt.Axis(values=ticks, labelExpr=label_expr(ticks, format_ms), labelOverlap=True),
    )
    state = alt.Color(
        "state:N",
        scale=alt.Scale(domain=["plain", "over"], range=[theme.LIGHT["plain"], theme.LIGHT["bad"]]),
        legend=None,
    )
    told = ["tool", "p50", "p95", "p99", "calls", *(["budget"] if limits else [])]
    row = alt.Chart().encode(y=by_tool(), tooltip=[alt.Tooltip(f"{field}:N") for field in told])
    layers = [
        row.mark_rule(size=5, strokeCap="round", color=theme.LIGHT["span"]).encode(
            x=x, x2="p99_ms"
        ),
        row.mark_tick(thickness=2, opacity=1, size=13, color=theme.LIGHT["quiet"]).encode(
            x="p50_ms:Q"
        ),
        row.mark_circle(size=110, opacity=1).encode(x="p95_ms:Q", color=state),
    ]
    columns = [*number_column("p95", right=50), *number_column("calls", right=98)]
    if limits:
        tick = row.mark_tick(thickness=3, opacity=1, size=18, color=theme.LIGHT["budget"])
        layers.insert(2, tick.encode(x="limit_ms:Q"))
        ratio = number_column("÷ budget", right=58, fontWeight=600, color=state)
        columns = [*ratio, *number_column("p95", right=104), *number_column("calls", right=152)]
    return draw(
        [*layers, *columns],
        [_row(tool, limits.get(tool_name(tool))) for tool in tools],
        finding=latency_finding(tools, budgets),
        how_to_read="One row per tool, slowest first. Bar: p50 to p99. Dot: p95."
        + (" Purple tick: the budget." if limits else ""),
        width=width,
    )


def _row(tool: Row, limit: Row | None) -> dict[str, Any]:
    return {
        "tool": tool_name(tool),
        "p50_ms": tool["p50_ms"],
        "p95_ms": tool["p95_ms"],
        "p99_ms": tool["p99_ms"],
        "limit_ms": limit and limit["limit_ms"],
        "p50": format_ms(tool["p50_ms"]),
        "p95": format_ms(tool["p95_ms"]),
        "p99": format_ms(tool["p99_ms"]),
        "calls": format_count(tool["call_count"]),
        "budget": _words(limit) if limit else "–",
        "÷ budget": format_ratio(limit["budget_ratio"] if limit else None),
        "state": "over" if limit and limit["is_over"] else "plain",
    }


def _words(budget: Row) -> str:
    return f"p{format_rate(budget['quantile'])[:-1]} {format_ms(budget['limit_ms'])}"


def _ticks(tools: Rows, limits: Any) -> list[float]:
    shown = [row[column] for row in tools for column in ("p50_ms", "p99_ms")]
    shown += [limit["limit_ms"] for limit in limits]
    times = [max(ms, LEAST_MS) for ms in shown if ms is not None] or [1.0]
    return theme.log_ticks(min(times), max(times))

"""What fails, and how?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import altair as alt

from mcplens.charts import theme
from mcplens.charts.chart import OfflineChart, by_tool, draw, label_expr, number_column, say_nothing
from mcplens.charts.findings import (
    NOTHING_CALLED,
    Row,
    Rows,
    ending_words,
    outcomes_finding,
    tool_name,
)
from mcplens.units import format_count, format_rate

COLOURS: Final = {
    "timeout": "bad",
    "rate_limited": "amber",
    "tool_failure": "plain",
    "upstream": "budget",
    "auth": "good",
    "invalid_arguments": "sky",
    "unknown_tool": "grey",
    "disconnected": "ink",
}
"""The colour each way of failing has where it can; their order is that of stack and legend."""
LEGEND_FROM: Final = 3
"""Fewer ways of failing are named beside their bars."""
LEAST_SCALE: Final = 0.02
"""Of the axis, so that one failure in a million does not look like many."""
PX_PER_LETTER: Final = 6.4


def outcomes_chart(overview: Row, tools: Rows, outcomes: Rows, *, width: int) -> OfflineChart:
    """Draw rows of `tool_metrics` and `outcomes_by_tool` in the order of the tools."""
    if not tools:
        return say_nothing(NOTHING_CALLED, width=width)
    ways: dict[str, list[Row]] = {tool_name(row): [] for row in tools}
    for row in outcomes:
        if row["is_failure"]:
            ways[tool_name(row)].append(row)
    colours = colours_of(row["ending"] for rows in ways.values() for row in rows)
    has_legend = len(colours) >= LEGEND_FROM
    # Every bar whole: one that is cut at the edge looks like a shorter one.
    longest = max([LEAST_SCALE, *(row["failure_rate"] or 0.0 for row in tools)])
    end = longest * 1.04
    failed = number_column("failed", right=48, color=theme.LIGHT["ink"], fontWeight=600)
    return draw(
        [
            _bars(colours, end=end, has_legend=has_legend),
            *([_names_inside(end)] if has_legend else _names_beside(end)),
            *failed,
            *number_column("calls", right=96),
        ],
        [part for row in tools for part in _parts(row, ways[tool_name(row)], colours)],
        finding=outcomes_finding(overview, tools, outcomes),
        how_to_read="One row per tool, highest share of failures first; cancelled calls left out.",
        width=width,
    )


def _bars(colours: Mapping[str, str], *, end: float, has_legend: bool) -> alt.Chart:
    ticks = theme.share_ticks(min(end, 1.0))
    x = alt.X(
        "from:Q",
        title="share of the tool's calls that failed",
        scale=alt.Scale(domain=[0, end], nice=False),
        axis=alt.Axis(values=ticks, labelExpr=label_expr(ticks, format_rate), labelOverlap=True),
    )
    colour = alt.Color(
        "ending:N",
        scale=alt.Scale(
            domain=[ending_words(ending) for ending in colours],
            range=[theme.LIGHT[name] for name in colours.values()],
        ),
        legend=alt.Legend() if has_legend else None,
    )
    told = ("tool", "ending", "how often", "of its calls")
    pieces = _stacked().transform_filter("datum.share > 0")
    bars: alt.Chart = pieces.mark_bar(size=15, stroke=theme.LIGHT["paper"], strokeWidth=1.5).encode(
        x=x, x2="to:Q", color=colour, tooltip=[alt.Tooltip(f"{field}:N") for field in told]
    )
    return bars


def _names_inside(end: float) -> alt.Chart:
    """Name each piece that is long enough to hold its name."""
    length = f"(datum.to - datum.from) / {end} * width"
    pieces = _stacked().transform_filter(f"{length} > length(datum.ending) * {PX_PER_LETTER} + 6")
    middles = pieces.transform_calculate(middle="(datum.from + datum.to) / 2")
    names: alt.Chart = middles.mark_text(color=theme.LIGHT["paper"]).encode(
        x="middle:Q", text="ending:N"
    )
    return names


def _names_beside(end: float) -> list[alt.Chart]:
    """Name the pieces of a bar behind it where there is room, else inside at its end."""
    length, letters = f"datum.end / {end} * width", f"length(datum.endings) * {PX_PER_LETTER} + 6"
    has_room = f"{length} + {letters} <= width"
    text = alt.Chart().encode(x="end:Q", y=by_tool(), text="endings:N")
    behind = text.mark_text(align="left", dx=6).transform_filter(has_room)
    inside = text.mark_text(align="right", dx=-6, color=theme.LIGHT["paper"])
    return [behind, inside.transform_filter(f"!({has_room}) && {length} > {letters}")]


def _stacked() -> alt.Chart:
    stacked = alt.Chart().transform_stack(
        stack="share", as_=["from", "to"], groupby=["tool"], sort=[alt.SortField("order")]
    )
    by_name: alt.Chart = stacked.encode(y=by_tool())
    return by_name


def colours_of(endings: Iterable[str]) -> dict[str, str]:
    """Give every ending its colour, else one left over, else the grey that is for all others."""
    met = set(endings)
    own = {ending: colour for ending, colour in COLOURS.items() if ending in met}
    free = [colour for ending, colour in reversed(COLOURS.items()) if ending not in met]
    others = sorted(met - set(own))
    return own | {e: free[i] if i < len(free) else "grey" for i, e in enumerate(others)}


def _parts(tool: Row, ways: Rows, colours: Mapping[str, str]) -> list[dict[str, Any]]:
    """List the pieces of a tool's bar; the first also carries what is said once per tool."""
    order = list(colours)
    said_once = {
        "failed": format_rate(tool["failure_rate"]),
        "calls": format_count(tool["call_count"]),
        "end": tool["failure_rate"],
        "endings": ", ".join(
            ending_words(ending)
            for ending in sorted({way["ending"] for way in ways}, key=order.index)
        ),
    }
    pieces = [
        {
            "ending": ending_words(way["ending"]),
            "order": order.index(way["ending"]),
            "share": way["failure_rate"],
            "how often": format_count(way["call_count"]),
            "of its calls": format_rate(way["failure_rate"]),
        }
        for way in ways
    ] or [{"ending": "", "order": 0, "share": 0.0}]
    silent = {"failed": "", "calls": "", "end": None, "endings": ""}
    return [
        {"tool": tool_name(tool), **piece, **(silent if i else said_once)}
        for i, piece in enumerate(pieces)
    ]

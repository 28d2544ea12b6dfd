"""The tables of a terminal, as lines of styled text that fit its width.

In come rows of the views as mappings, under the views' own column names; nothing is computed here.
Whoever prints decides about colour and ASCII.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len
from rich.text import Text

from mcplens.charts.findings import ending_words
from mcplens.reports.grid import GAP, Column, fit, set_lines
from mcplens.reports.strip import Latency, draw_strips
from mcplens.reports.text import printable
from mcplens.units import format_count, format_ms, format_rate

if TYPE_CHECKING:
    from mcplens.reports.screen import Screen

Rows = Sequence[Mapping[str, Any]]

STRIP_WIDTHS: Final = (16, 44)
SHORTEST_NAME: Final = 12
SHORTEST_PROSE: Final = 16


def tool_label(server_name: str | None, tool_name: str | None) -> str:
    """Name a tool as `server:tool`, safe to print."""
    return printable(f"{server_name or '?'}:{tool_name or '?'}")


def tools_table(rows: Rows, screen: Screen) -> list[Text]:
    """Set rows of `tool_metrics`, in the order given, one line per tool.

    A row may also carry a `budget_ms` for its p95, which the strip then shows as a bar.
    """
    latencies = [
        Latency(
            p50_ms=row["p50_ms"],
            p95_ms=row["p95_ms"],
            p99_ms=row["p99_ms"],
            budget_ms=row.get("budget_ms"),
        )
        for row in rows
    ]
    columns = [
        Column(title="tool", cells=[_tool(row) for row in rows], shortest=SHORTEST_NAME),
        Column(title="calls", cells=[_count(row["call_count"]) for row in rows], align="right"),
        Column(title="failed", cells=_failures(rows), align="right"),
        Column(title="p50", cells=[_time(row["p50_ms"]) for row in rows], align="right", drop=2),
        Column(title="p95", cells=_slowest(rows), align="right"),
        Column(
            title="",
            cells=[Text() for _ in rows],
            drop=3,
            stretch=lambda room: draw_strips(latencies, room),
            stretch_between=STRIP_WIDTHS,
        ),
    ]
    return set_lines(fit(columns, screen))


def _tool(row: Mapping[str, Any]) -> Text:
    return Text(tool_label(row["server_name"], row["tool_name"]))


def _count(count: int) -> Text:
    return Text(format_count(count))


def _time(ms: float | None) -> Text:
    return Text(format_ms(ms))


def _failures(rows: Rows) -> list[Text]:
    shares = [format_rate(row["failure_rate"]) if row["failure_count"] else "" for row in rows]
    widest = max((len(share) for share in shares), default=0)
    gap = " " if widest else ""
    return [
        Text(
            f"{format_count(row['failure_count'])}{gap}{share:>{widest}}",
            style="red" if row["failure_count"] else "dim",
        )
        for row, share in zip(rows, shares, strict=True)
    ]


def _slowest(rows: Rows) -> list[Text]:
    return [
        Text(format_ms(row["p95_ms"]), style="bold red" if _is_over(row) else "bold")
        for row in rows
    ]


def _is_over(row: Mapping[str, Any]) -> bool:
    budget, p95 = row.get("budget_ms"), row["p95_ms"]
    return budget is not None and p95 is not None and p95 > budget


def endings_table(rows: Rows, screen: Screen) -> list[Text]:
    """Set rows of `outcomes_by_tool`: how calls ended, and how many did."""
    labels = [tool_label(row["server_name"], row["tool_name"]) for row in rows]
    several = len(set(labels)) > 1
    columns = [
        *(
            [Column(title="tool", cells=[*map(Text, labels)], shortest=SHORTEST_NAME)]
            if several
            else []
        ),
        Column(title="ended", cells=[_ending(row) for row in rows]),
        Column(title="calls", cells=[_count(row["call_count"]) for row in rows], align="right"),
        Column(
            title="share",
            cells=[Text(format_rate(row["call_share"])) for row in rows],
            align="right",
            drop=1,
        ),
    ]
    return set_lines(fit(columns, screen))


def calls_table(rows: Rows, screen: Screen) -> list[Text]:
    """Set rows of `calls`, in the order given: when, what, how long, how it ended."""
    took = Column(title="took", cells=[_time(row["duration_ms"]) for row in rows], align="right")
    return _set_calls(rows, screen, took)


def longest_table(rows: Rows, screen: Screen) -> list[Text]:
    """Set rows of `calls` by their work, with what was waited beside it where anything was."""
    times = [Column(title="work", cells=[_time(row["work_ms"]) for row in rows], align="right")]
    if any(row["wait_ms"] for row in rows):
        waits = [_time(row["wait_ms"]) for row in rows]
        times.append(Column(title="wait", cells=waits, align="right", drop=1))
    return _set_calls(rows, screen, *times)


def _set_calls(rows: Rows, screen: Screen, *times: Column) -> list[Text]:
    names = [_called(row) for row in rows]
    if len({row["server_name"] for row in rows}) > 1:
        names = [Text(f"{_server(row)}:") + name for row, name in zip(rows, names, strict=True)]
    columns = [
        Column(title="at (UTC)", cells=_clocks([row["started_at"] for row in rows]), drop=2),
        Column(title="call", cells=names, shortest=SHORTEST_NAME),
        *times,
        Column(title="ended", cells=[_call_ending(row) for row in rows]),
    ]
    messages = [printable(row["error_message"] or "") for row in rows]
    if any(messages):
        columns.append(_prose(messages))
    return set_lines(fit(columns, screen))


def servers_table(rows: Rows, screen: Screen) -> list[Text]:
    """Set rows of `server_metrics`, in the order given."""
    columns = [
        Column(title="server", cells=[_server(row) for row in rows], shortest=SHORTEST_NAME),
        Column(
            title="tools", cells=[_count(row["tool_count"]) for row in rows], align="right", drop=2
        ),
        Column(
            title="tool calls", cells=[_count(row["call_count"]) for row in rows], align="right"
        ),
        Column(title="failed", cells=_failures(rows), align="right"),
        Column(title="p50", cells=[_time(row["p50_ms"]) for row in rows], align="right", drop=3),
        Column(title="p95", cells=_slowest(rows), align="right"),
        Column(title="last (UTC)", cells=[_moment(row["last_at"]) for row in rows], drop=1),
    ]
    return set_lines(fit(columns, screen))


def views_table(rows: Rows, screen: Screen) -> list[Text]:
    """Set the views with what they answer; a sentence that is too long goes on below itself."""
    widest = max((len(row["view_name"]) for row in rows), default=0)
    room = max(screen.width - widest - GAP, 20)
    lines = []
    for row in rows:
        first, *more = textwrap.wrap(row["comment"], room) or [""]
        lines.append(Text.assemble((f"{row['view_name']:<{widest}}", "bold"), " " * GAP, first))
        lines += [Text(" " * (widest + GAP) + line) for line in more]
    return lines


def _server(row: Mapping[str, Any]) -> Text:
    return Text(printable(row["server_name"] or "?"))


def _moment(moment: datetime | None) -> Text:
    return Text("–" if moment is None else f"{moment:%Y-%m-%d %H:%M}")


def _clocks(moments: Sequence[datetime | None]) -> list[Text]:
    days = {moment.date() for moment in moments if moment is not None}
    # Tenths of a second keep the order of a session's calls visible.
    form = "%Y-%m-%d %H:%M:%S.%f" if len(days) > 1 else "%H:%M:%S.%f"
    return [Text("–" if m is None else m.strftime(form)[:-5], style="dim") for m in moments]


def _called(row: Mapping[str, Any]) -> Text:
    name = printable(row["target"] or row["method"] or "?")
    return Text(name) if row["attempt"] == 1 else Text.assemble(name, (" again", "yellow"))


def _ending(row: Mapping[str, Any]) -> Text:
    word = ending_words(row["ending"])
    if row["is_failure"]:
        return Text(f"✗ {word}", style="red")
    return Text(f"✓ {word}", style="green") if row["ending"] == "ok" else Text(f"· {word}")


def _call_ending(row: Mapping[str, Any]) -> Text:
    if row["outcome"] is None:
        return Text("… still open", style="yellow")
    if row["is_success"]:
        return Text("✓", style="green")
    word = ending_words(row["error_class"] or row["outcome"])
    return (
        Text(f"· {word}", style="dim")
        if row["is_success"] is None
        else Text(f"✗ {word}", style="red")
    )


def _prose(texts: Sequence[str]) -> Column:
    """Set sentences in whatever room is left; unlike a number, a sentence may be cut."""

    def cut(room: int) -> tuple[str, list[Text]]:
        cells = [Text(text, style="dim") for text in texts]
        for cell in cells:
            cell.truncate(room, overflow="ellipsis")
        return "", cells

    return Column(
        title="",
        cells=[Text() for _ in texts],
        drop=3,
        stretch=cut,
        stretch_between=(SHORTEST_PROSE, max(SHORTEST_PROSE, *map(cell_len, texts))),
    )

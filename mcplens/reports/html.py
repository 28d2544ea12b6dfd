"""The report: one page that holds everything it needs and asks the network for nothing.

Names of servers and tools come from strangers. Every word on the page goes through Jinja's
escaping, the figures' data through JSON without `<`, and the browser runs only the scripts whose
hashes the page names.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcplens import __version__
from mcplens.charts import findings, rows, theme
from mcplens.errors import StoreError
from mcplens.metrics.connect import set_aside
from mcplens.reports.sheets import (
    Sheet,
    latency_sheet,
    outcomes_sheet,
    runs_sheet,
    tools_sheet,
)
from mcplens.units import format_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection
    from jinja2 import Environment
    from markupsafe import Markup

    from mcplens.charts.chart import OfflineChart
    from mcplens.charts.findings import Row, Rows

PLOT_WIDTH: Final = 620
PICKED: Final = "picked_tool"
"""The signal by which the page tells every figure which tool to show; "" is all of them."""
MOST_RUNS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What the views say, asked once for the whole page."""

    overview: Row
    tools: Rows
    outcomes: Rows
    budgets: Rows
    runs: Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart on the page, with its numbers as a table."""

    id: str
    finding: str
    how_to_read: str
    description: str
    spec: dict[str, Any]
    sheet: Sheet


def write_report(
    con: DuckDBPyConnection,
    path: str | Path,
    *,
    written_at: datetime | None = None,
    cache: Path | None = None,
) -> Path:
    """Write what a connection sees as one HTML file that opens anywhere, without a network.

    Args:
        con: A connection from `mcplens.connect`; its filters hold for the whole page.
        path: The file to write.
        written_at: When the page says it was written, UTC; now if not said.
        cache: Where the drawing script is kept between reports; the user's cache if not said.
    """
    numbers = _ask(con)
    figures = _figures(numbers) if numbers.tools else []
    store, selection = _source(con)
    left_out = [file.reason for file in set_aside(con)]
    content = {
        **_words(numbers, left_out_count=len(left_out)),
        **_scripts(figures, cache),
        "figures": figures,
        "with_names": _with_names(numbers.tools),
        "store": store,
        "selection": selection,
        "set_aside": left_out,
        "written": _minute(written_at or datetime.now(UTC)),
        "version": __version__,
    }
    page = _templates().get_template("report.html").render(content)
    target = Path(path)
    try:
        target.write_text(page, encoding="utf-8")
    except OSError as trouble:
        raise StoreError(
            f"cannot write {target} ({trouble.strerror}). Name another file"
        ) from trouble
    return target


def _ask(con: DuckDBPyConnection) -> Numbers:
    return Numbers(
        overview=rows.overview(con),
        tools=rows.tools(con),
        outcomes=rows.outcomes(con),
        budgets=rows.latency_budgets(con),
        runs=rows.rows_of(con, f"from runs order by started_at desc, run_id limit {MOST_RUNS}"),
    )


def _words(numbers: Numbers, *, left_out_count: int) -> dict[str, Any]:
    """Say what the page says outside of its figures."""
    overview, tools = numbers.overview, numbers.tools
    main = findings.main_finding(overview, tools, numbers.outcomes, numbers.budgets)
    others = (
        findings.latency_finding(tools, numbers.budgets),
        findings.outcomes_finding(overview, tools, numbers.outcomes),
    )
    first, last = overview["first_at"], overview["last_at"]
    return {
        "title": f"MCP telemetry, {period(first, last)}" if first else "MCP telemetry",
        "lead": list(dict.fromkeys((main, *others))),
        "facts": [_fact(overview["call_count"], "tool call")]
        + [_fact(overview[f"{thing}_count"], thing) for thing in ("session", "server", "tool")],
        "recording": findings.recording_finding(overview, left_out_count=left_out_count),
        "tools": sorted({findings.tool_name(row) for row in tools}),
        "tools_sheet": tools_sheet(tools),
        "runs_sheet": runs_sheet(numbers.runs),
        "run_count": overview["run_count"],
    }


def _scripts(figures: list[Figure], cache: Path | None) -> dict[str, Any]:
    """Collect what runs on the page; without figures that is nothing."""
    from markupsafe import Markup

    from mcplens.reports.bundle import vega_script

    scripts = [_inline(vega_script(cache)), _inline(_part("report.js"))] if figures else []
    return {
        "data": {
            "figures": [{"id": figure.id, "spec": figure.spec} for figure in figures],
            "light": theme.config(theme.LIGHT, width=PLOT_WIDTH),
            "dark": theme.config(theme.DARK, width=PLOT_WIDTH),
            "name_letters": theme.NAME_LETTERS,
            "dark_of": {theme.LIGHT[name]: theme.DARK[name] for name in theme.LIGHT},
        },
        "scripts": [Markup(script) for script in scripts],  # noqa: S704  our own files
        "script_hashes": Markup(" ".join(map(_hash, scripts)) or "'none'"),  # noqa: S704  hashes
        "style": Markup(_style()),  # noqa: S704  our own file
    }


def _figures(numbers: Numbers) -> list[Figure]:
    # Altair takes a second to load, which an empty store need not.
    from mcplens.charts.latency import latency_chart
    from mcplens.charts.outcomes import outcomes_chart

    overview, tools, outcomes = numbers.overview, numbers.tools, numbers.outcomes
    failing = rows.failing_first(tools)
    return [
        _figure(
            "latency",
            latency_chart(tools, numbers.budgets, width=PLOT_WIDTH),
            latency_sheet(tools, numbers.budgets),
        ),
        _figure(
            "outcomes",
            outcomes_chart(overview, failing, outcomes, width=PLOT_WIDTH),
            outcomes_sheet(outcomes),
        ),
    ]


def _figure(name: str, chart: OfflineChart, sheet: Sheet) -> Figure:
    # Checking against the schema takes half of the time; tests do it.
    spec = chart.to_dict(validate=False)
    title = spec.pop("title")
    # The page has a config of its own for each theme, and sets words in HTML, where they wrap.
    del spec["config"]
    spec["params"] = [{"name": PICKED, "value": ""}]
    spec["transform"] = [{"filter": f"{PICKED} === '' || datum.tool === {PICKED}"}]
    return Figure(
        id=name,
        finding=" ".join(title["text"]),
        how_to_read=" ".join(title["subtitle"]),
        description=spec.pop("description"),
        spec=spec,
        sheet=sheet,
    )


def _with_names(tools: Rows) -> Callable[[str], Markup]:
    """Mark the tools' names in a sentence, so that a line does not end inside one."""
    from markupsafe import Markup

    names = sorted({findings.tool_name(row) for row in tools}, key=len, reverse=True)
    pattern = re.compile(f"({'|'.join(map(re.escape, names))})" if names else "($^)")
    name = Markup('<span class="name">{}</span>')

    def mark(sentence: str) -> Markup:
        parts = pattern.split(sentence)
        return Markup("").join(name.format(p) if i % 2 else p for i, p in enumerate(parts))

    return mark


def _fact(count: int, thing: str) -> tuple[str, str]:
    return format_count(count), thing if count == 1 else f"{thing}s"


def _source(con: DuckDBPyConnection) -> tuple[str, str]:
    """Say which store the connection reads, and which part of it."""
    [row] = rows.rows_of(con, "from raw_connection")
    path = Path(row["store_path"])
    home = Path.home()
    store = f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
    runs = row["run_ids"] or []
    parts = [
        f"run {', '.join(runs)}" if runs else "",
        f"since {row['since']:%Y-%m-%d %H:%M}" if row["since"] else "",
        f"until {row['until']:%Y-%m-%d %H:%M}" if row["until"] else "",
        f"server {row['server']}" if row["server"] else "",
        f"tool {row['tool']}" if row["tool"] else "",
    ]
    return store, ", ".join(part for part in parts if part)


def period(first: datetime, last: datetime) -> str:
    """Say from when to when, no longer than needed: 16 to 20 November 2026."""
    if first.date() == last.date():
        begin, end = f"{first:%H:%M}", f"{last:%H:%M}"
        return f"{_day(last)} {last.year}, {begin if begin == end else f'{begin} to {end}'}"
    if first.year != last.year:
        return f"{_day(first)} {first.year} to {_day(last)} {last.year}"
    since = str(first.day) if first.month == last.month else _day(first)
    return f"{since} to {_day(last)} {last.year}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B}"


def _minute(moment: datetime) -> str:
    return f"{_day(moment)} {moment.year}, {moment:%H:%M}"


def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("mcplens.reports", "page"), autoescape=True, undefined=StrictUndefined
    )


def _part(name: str) -> str:
    return (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")


def _style() -> str:
    from jinja2 import Template

    # CSS is no HTML: a font's quotes must stay quotes. Only our own constants go in.
    sheet = Template(_part("report.css"), autoescape=False)
    style: str = sheet.render(light=theme.LIGHT, dark=theme.DARK, font=theme.FONT)
    return style


def _inline(script: str) -> str:
    """Make a script fit between script tags: nothing in it may end or nest them."""
    return script.replace("</script", r"<\/script").replace("<!--", r"<\!--")


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"

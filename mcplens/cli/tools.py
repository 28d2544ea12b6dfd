"""`mcplens tools`: how each tool behaves, the slowest first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mcplens.cli.asking import ask
from mcplens.cli.options import Reading, reading_options
from mcplens.cli.saying import say_findings, say_store, say_way_on
from mcplens.errors import UsageError
from mcplens.reports.tables import endings_table, longest_table, tools_table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mcplens.cli.output import Output

SLOWEST_FIRST = """
    from tool_metrics
    order by
        -- Never answered is slower than any time.
        (p95_ms is null and failure_count > 0) desc,
        p95_ms desc nulls last, failure_count desc, server_name, tool_name
"""
ENDINGS = "from outcomes_by_tool order by call_count desc, server_name, tool_name, ending"
SLOWEST_CALLS = """
    from calls where method = 'tools/call' and outcome is not null
    order by work_ms desc nulls last, started_at, call_id limit 5
"""


@click.command(short_help="How each tool behaves: calls, failures, latency.")
@click.argument("name", metavar="[TOOL]", required=False)
@reading_options
def tools(reading: Reading, name: str | None) -> None:
    """Show how each tool behaves, the slowest first.

    With TOOL, a name or `server:name`, show also how its calls ended and which took longest.
    """
    if name is not None:
        if reading.tool is not None:
            raise UsageError("TOOL and --tool are the same; give one of them")
        reading = replace(reading, tool=name)
    con = reading.connect()
    out = reading.output()
    slowest = show_tools(reading, out, con, in_detail=name is not None)
    if slowest is None:
        say_way_on(out, reading, "tools")
        return
    out.hint(
        *([("One tool", reading.next("tools", slowest))] if name is None else []),
        ("What happened", reading.next("session")),
        ("See it", reading.next("report", "--open")),
    )


def show_tools(
    reading: Reading, out: Output, con: DuckDBPyConnection, *, in_detail: bool = False
) -> str | None:
    """Show the store, the tools and the findings, and name the slowest tool if there is any."""
    say_store(out, reading, con)
    answer = ask(con, SLOWEST_FIRST)
    rows = answer.mappings()
    if rows or not out.is_table:
        out.rows(answer, lambda screen: tools_table(rows, screen))
    if rows and in_detail and out.is_table:
        endings = ask(con, ENDINGS).mappings()
        slowest = ask(con, SLOWEST_CALLS).mappings()
        out.gap()
        out.lines(lambda screen: endings_table(endings, screen))
        out.gap()
        out.lines(lambda screen: longest_table(slowest, screen))
    say_findings(out, reading, con)
    return _name(rows, reading) if rows else None


def _name(rows: list[dict[str, Any]], reading: Reading) -> str:
    """Name the first tool, with its server where the name alone may mean another."""
    server, tool = rows[0]["server_name"] or "", rows[0]["tool_name"] or ""
    alone = sum(row["tool_name"] == rows[0]["tool_name"] for row in rows) == 1
    return tool if alone and reading.tool is None else f"{server}:{tool}"

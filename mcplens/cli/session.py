"""`mcplens session`: what happened in one session, call by call."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from mcplens.cli.asking import ask
from mcplens.cli.options import Reading, reading_options
from mcplens.cli.saying import say_findings, say_store, say_way_on
from mcplens.errors import UsageError
from mcplens.metrics.patterns import name_some
from mcplens.reports.tables import calls_table
from mcplens.reports.text import printable
from mcplens.reports.values import written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection

NEWEST_BROKEN_FIRST = """
    from session_metrics
    where call_count > 0
    order by
        (terminal_state in ('failed', 'interrupted')) desc,
        started_at desc, session_id
    limit 1
"""
IN_ORDER = "from calls where session_id = ? order by started_at, sequence, call_id"


@click.command(short_help="What happened in one session, call by call.")
@click.argument("session_id", metavar="[ID]", required=False)
@reading_options
def session(reading: Reading, session_id: str | None) -> None:
    """Show the calls of one session in their order.

    ID is a session's id or the beginning of one. Without it: the newest session that ended on a
    failure or without an answer, else the newest.
    """
    con = reading.connect()
    out = reading.output()
    say_store(out, reading, con)
    found = _newest(con) if session_id is None else _find(con, session_id)
    answer = ask(con, IN_ORDER, [found["session_id"] if found else None])
    if found is None:
        if not out.is_table:
            out.rows(answer, lambda _: [])
        say_findings(out, reading, con)
        say_way_on(out, reading, "session")
        return
    rows = answer.mappings()
    if out.is_table:
        out.lines(lambda _: [_heading(found, rows), Text()])
    out.rows(answer, lambda screen: calls_table(rows, screen) if rows else [])
    out.gap()
    from mcplens.charts.findings import session_finding

    out.say(printable(session_finding(found)), style="bold")
    out.hint(
        ("Other sessions", reading.next("show", "session_metrics")),
        *([("All of a call", reading.next("sql", _one_call(rows)))] if rows else []),
    )


def _newest(con: DuckDBPyConnection) -> Mapping[str, Any] | None:
    return next(iter(ask(con, NEWEST_BROKEN_FIRST).mappings()), None)


def _find(con: DuckDBPyConnection, start: str) -> Mapping[str, Any]:
    known = ask(con, "from session_metrics order by started_at desc, session_id").mappings()
    found = [row for row in known if row["session_id"] == start] or [
        row for row in known if row["session_id"].startswith(start)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        ids = name_some([row["session_id"] for row in found])
        raise UsageError(f'"{start}" begins {len(found)} sessions: {ids}; write more of the id')
    near = difflib.get_close_matches(start, [row["session_id"] for row in known], n=1)
    hint = f'Did you mean "{near[0]}"?' if near else "See: mcplens show session_metrics"
    raise UsageError(f'there is no session "{start}" in this store. {hint}')


def _heading(found: Mapping[str, Any], rows: list[dict[str, Any]]) -> Text:
    servers = dict.fromkeys(row["server_name"] or "an unknown server" for row in rows)
    parts = [
        f"session {found['session_id']}",
        f"{found['client_name'] or 'calls'} to {', '.join(servers) or '?'}",
        f"{found['started_at']:%Y-%m-%d %H:%M} UTC",
        written("duration_ms", found["duration_ms"]),
    ]
    return Text(" · ".join(printable(part) for part in parts))


def _one_call(rows: list[dict[str, Any]]) -> str:
    failed = [row for row in rows if row["is_success"] is False]
    return f"from calls where call_id = '{(failed or rows)[-1]['call_id']}'"

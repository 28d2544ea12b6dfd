"""Which part of a store a connection sees: words of people in, conditions on raw rows out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mcplens.errors import UsageError
from mcplens.metrics.patterns import (
    did_you_mean,
    glob_to_regex,
    is_glob,
    may_name_server,
    name_some,
)
from mcplens.metrics.raw import quote, quote_list
from mcplens.store.layout import NO_DATE, date_in
from mcplens.units import parse_span_s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

_FULL_NAME = "coalesce(server_name, '') || ':' || {}"
_LAST = re.compile(r"last(?:~(\d{1,9}))?")
_MUST_BE_WITHIN = {"events": "started_at", "notices": "noticed_at", "samples": "sampled_at"}
"""Tables of which nothing outside of the time that is selected is seen, and their times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of a store is looked at; None is everything."""

    run_ids: tuple[str, ...] | None = None
    since: datetime | None = None
    """First moment that counts, naive UTC."""
    until: datetime | None = None
    """First moment that no longer counts, naive UTC."""
    server: str | None = None
    """A server's name or a glob."""
    tool: str | None = None
    """A tool's name or a glob, with or without `server:` before it."""

    def conditions(self) -> dict[str, str]:
        """Say what each raw table's rows must be; a table without a condition is whole."""
        if self == Selection():
            return {}
        run, server = self._run(), self._server()
        in_connections = "connection_id in (select connection_id from raw_connections)"
        whose = in_connections if self.server or self.tool else None
        conditions = {
            "events": _all(run, self._within("events"), server, self._tool()),
            "connections": _any(
                None if self.tool else _all(run, self._time("spawned_at"), server),
                # One that began earlier is seen as long as something happens on it.
                "connection_id in (select connection_id from raw_events)",
            ),
            "runs": _all(run, self._runs()),
            "definitions": _all(run, in_connections, server, self._definition()),
            "notices": _all(run, self._within("notices"), whose),
            "samples": _all(run, self._within("samples"), whose),
        }
        return {table: condition for table, condition in conditions.items() if condition}

    def files(self, parquet: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        """Leave out the Parquet files of days that are not selected: opening each is what costs.

        The first file of a table gives it its columns, and stays.
        """
        return {
            table: [*files[:1], *filter(self._may_hold, files[1:])]
            if table in _MUST_BE_WITHIN
            else files
            for table, files in parquet.items()
        }

    def _may_hold(self, file: str) -> bool:
        day = date_in(file)
        first = self.since.date().isoformat() if self.since else day
        last = self.until.date().isoformat() if self.until else day
        return day == NO_DATE or first <= day <= last

    def _within(self, table: str) -> str | None:
        return self._time(_MUST_BE_WITHIN[table])

    def _run(self) -> str | None:
        if self.run_ids is None:
            return None
        return f"run_id in (select unnest(cast({quote_list(self.run_ids)} as varchar[])))"

    def _time(self, column: str) -> str | None:
        return _all(
            f"{column} >= timestamp '{self.since}'" if self.since else None,
            f"{column} < timestamp '{self.until}'" if self.until else None,
        )

    def _server(self) -> str | None:
        return self.server and _matches("server_name", self.server)

    def _tool(self) -> str | None:
        return self.tool and _all("method = 'tools/call'", tool_matches("target", self.tool))

    def _definition(self) -> str | None:
        return self.tool and _all("kind = 'tool'", tool_matches("name", self.tool))

    def _runs(self) -> str | None:
        if self == Selection(run_ids=self.run_ids):
            return None
        began = None if self.server or self.tool else self._time("started_at")
        return _any(began, "run_id in (select run_id from raw_connections)")


def resolve(
    con: DuckDBPyConnection,
    *,
    now: datetime,
    run: str | Sequence[str] | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    server: str | None = None,
    tool: str | None = None,
) -> Selection:
    """Turn the words of a reader into a selection; `con` must see the whole store.

    Raises:
        UsageError: a word stands for nothing, or for several runs.
    """
    selection = Selection(
        run_ids=None if run is None else _run_ids(con, run),
        since=parse_moment(since, now=now),
        until=parse_moment(until, now=now),
        server=server,
        tool=tool,
    )
    if selection.since and selection.until and selection.since >= selection.until:
        raise UsageError(f"since ({selection.since}) is not before until ({selection.until}), UTC")
    # A pattern may well stand for nothing; a name that nothing has is a slip of the pen.
    if server is not None and not is_glob(server):
        _must_be_server(con, server)
    if tool is not None and not is_glob(tool):
        _must_be_tool(con, tool)
    return selection


def parse_moment(text: str | datetime | None, *, now: datetime) -> datetime | None:
    """Read `24h`, `7d`, an ISO time or a datetime as naive UTC; without a zone it is UTC."""
    if text is None:
        return None
    try:
        moment = text if isinstance(text, datetime) else _moment(text, now)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (UsageError, OverflowError):
        raise UsageError(
            f'"{text}" is no time. Write a stretch such as 24h, or a date such as 2026-11-20, UTC'
        ) from None


def _moment(text: str, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return now - timedelta(seconds=parse_span_s(text))


def tool_matches(column: str, tool: str) -> str:
    """Say in SQL that a tool's name, with or without its server, is the one meant."""
    alone = _matches(column, tool)
    if not may_name_server(tool):
        return alone
    return f"({alone} or {_matches(_FULL_NAME.format(column), tool)})"


def _matches(expression: str, name: str) -> str:
    if not is_glob(name):
        return f"{expression} = {quote(name)}"
    return f"regexp_matches({expression}, {quote(glob_to_regex(name))})"


def _all(*conditions: str | None) -> str | None:
    return " and ".join(part for part in conditions if part) or None


def _any(*conditions: str | None) -> str:
    return "(" + " or ".join(f"({part})" for part in conditions if part) + ")"


def _run_ids(con: DuckDBPyConnection, run: str | Sequence[str]) -> tuple[str, ...]:
    return _find_runs(con, run) if isinstance(run, str) else tuple(run)


def _find_runs(con: DuckDBPyConnection, run: str) -> tuple[str, ...]:
    """Find the runs a selector stands for, the newest first."""
    known = con.execute(
        """
        select run_id, max(label), min(started_at) as began from (
            select run_id, label, started_at from raw_runs
            union all
            select run_id, null, min(started_at) from raw_events group by run_id
        )
        group by run_id
        order by began desc nulls last, run_id desc
        """
    ).fetchall()
    if not known:
        raise UsageError(f'run "{run}": nothing has been recorded in this store yet')
    if match := _LAST.fullmatch(run):
        steps = int(match[1] or 0)
        if steps >= len(known):
            raise UsageError(
                f'run "{run}": of {len(known)} runs the oldest is "last~{len(known) - 1}"'
            )
        return (known[steps][0],)
    if labelled := tuple(run_id for run_id, label, _ in known if label == run):
        return labelled
    found = tuple(run_id for run_id, *_ in known if run and run_id.startswith(run))
    if run in found:
        return (run,)
    if len(found) > 1:
        raise UsageError(f'run "{run}" may be {name_some(found)}: write more of its id')
    if not found:
        labels = list(dict.fromkeys(label for _, label, _ in known if label))
        names: Sequence[str] = ["last", *labels, *(run_id for run_id, *_ in known)]
        raise UsageError(f'there is no run "{run}". {did_you_mean(run, names)}')
    return found


def _must_be_server(con: DuckDBPyConnection, name: str) -> None:
    rows = con.execute("select distinct server_name from raw_events").fetchall()
    servers = sorted(server for (server,) in rows if server)
    if name not in servers:
        hint = did_you_mean(name, servers)
        raise UsageError(f'there is no server "{name}" in this store. {hint}')


def _must_be_tool(con: DuckDBPyConnection, name: str) -> None:
    rows = con.execute(
        "select distinct coalesce(server_name, ''), target from raw_events"
        " where method = 'tools/call' and target is not null"
    ).fetchall()
    alone = sorted({tool for _, tool in rows})
    full = sorted(f"{server}:{tool}" for server, tool in rows)
    if name not in {*alone, *full}:
        hint = did_you_mean(name, full if ":" in name else alone)
        raise UsageError(f'there is no tool "{name}" in this store. {hint}')

"""Rows that hold others together: connections, runs and definitions stay while they are needed.

A connection that began long ago and is still talking keeps its row. A definition stays with its
connection, and the newest of its name stays anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from mcplens.events import SORTED_BY
from mcplens.store.arrow import DAMAGED
from mcplens.store.going import Mask, ids_in, is_before, newest_moment, staying_rows
from mcplens.store.leaving import Leaving, Look
from mcplens.store.parts import standing_parts
from mcplens.store.retention import HAPPENINGS

if TYPE_CHECKING:
    from mcplens.store.manifest import LiveFile, Manifest

LINKS: Final = ("connections", "runs", "definitions")

_READ: Final = {
    "connections": ("connection_id", "run_id", "spawned_at", "recorded_at"),
    "runs": ("run_id", "started_at", "recorded_at"),
    "definitions": (
        "connection_id",
        "run_id",
        "server_name",
        "kind",
        "name",
        "seen_at",
        "recorded_at",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Before when links are not needed by themselves; naive UTC."""

    limit: datetime | None = None
    """What happened and was recorded before this."""
    day: str = ""
    """The newest day that left because there was too much."""

    @property
    def newest_day(self) -> str:
        """Name the newest day that any such row may be of."""
        return max(self.day, self.limit.date().isoformat() if self.limit else "")

    def of(self, rows: pa.Table, table: str) -> Mask:
        """Say of each row whether it is past."""
        own = rows[SORTED_BY[table]]
        past = is_before(own, _after(self.day)) if self.day else None
        if self.limit is None:
            return past
        old = is_before(newest_moment(rows, table), self.limit)
        return old if past is None else pa.compute.or_(old, past)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unneeded:
    """Rows of a file that hold nothing together any more."""

    leaving: Leaving
    going: list[bool]
    """For each of its rows whether it leaves."""


def unneeded_links(
    look: Look, manifest: Manifest, leaving: list[Leaving], past: Past
) -> list[Unneeded]:
    """List the links that nothing needs when what is `leaving` has left, or of runs that leave."""
    if look.wanted.run_ids is not None and look.wanted.limit is None:
        return [one for file in manifest.files if (one := _of_runs(look, file))]
    if not any(file.table in LINKS and file.date <= past.newest_day for file in manifest.files):
        return []
    links = _read_links(look, manifest, past)
    if links is None:
        return []  # What a damaged file holds together nobody knows.
    alive = {part.run_id for part in standing_parts(look.store, manifest)}
    old_connections = _past_ids(links, "connections", "connection_id", alive)
    old_runs = _past_ids(links, "runs", "run_id", alive)
    old_definitions = _replaced_definitions(links, alive)
    wanted = {*old_connections, *(row["connection_id"] for row in old_definitions.values())}
    if not wanted and not old_runs:
        return []

    try:
        used, used_runs = _used(look, manifest, leaving, wanted, old_runs)
    except DAMAGED:
        return []  # What a damaged file needs nobody knows.
    gone = old_connections - used
    staying = [
        row
        for link in links["connections"]
        for row in link.rows
        if row["connection_id"] not in gone
    ]
    kept = {row["connection_id"] for row in staying} | used
    gone_runs = old_runs - used_runs - {row["run_id"] for row in staying}

    def is_gone(link: _LinkFile, number: int) -> bool:
        table, row = link.file.table, link.rows[number]
        if not look.wanted.is_of(table) or not look.wanted.is_of_run(row["run_id"]):
            return False
        if table == "connections":
            return row["connection_id"] in gone
        if table == "runs":
            return row["run_id"] in gone_runs
        return (link.file.path, number) in old_definitions and row["connection_id"] not in kept

    return [
        Unneeded(leaving=Leaving(file=link.file, row_count=sum(going)), going=going)
        for table in LINKS
        for link in links[table]
        if any(going := [is_gone(link, number) for number in range(len(link.rows))])
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _LinkFile:
    file: LiveFile
    rows: list[dict[str, Any]]
    past: Sequence[bool | None]


def _of_runs(look: Look, file: LiveFile) -> Unneeded | None:
    if look.wanted.tables is not None:
        return None  # What stays of the run needs them.
    if file.table not in LINKS or not look.is_readable(file):
        return None
    try:
        runs = look.columns(file, ["run_id"]).to_pylist()
    except DAMAGED as trouble:
        look.decline(file, f"{look.store.path / file.path} cannot be read ({trouble})")
        return None
    going = [look.wanted.is_of_run(row["run_id"]) for row in runs]
    if not any(going):
        return None
    return Unneeded(leaving=Leaving(file=file, row_count=sum(going)), going=going)


def _read_links(look: Look, manifest: Manifest, past: Past) -> dict[str, list[_LinkFile]] | None:
    links: dict[str, list[_LinkFile]] = {table: [] for table in LINKS}
    for file in manifest.files:
        if file.table not in LINKS:
            continue
        if not look.is_readable(file):
            return None
        try:
            rows = look.columns(file, _READ[file.table])
        except DAMAGED as trouble:
            look.decline(file, f"{look.store.path / file.path} cannot be read ({trouble})")
            return None
        links[file.table].append(
            _LinkFile(file=file, rows=rows.to_pylist(), past=past.of(rows, file.table).to_pylist())
        )
    return links


def _past_ids(links: dict[str, list[_LinkFile]], table: str, id_: str, alive: set[str]) -> set[str]:
    """Name what has only rows that are past, of runs that nobody records any more."""
    seen: dict[str, bool] = {}
    for link in links[table]:
        for row, is_past in zip(link.rows, link.past, strict=True):
            is_old = is_past and row["run_id"] not in alive
            seen[row[id_]] = seen.get(row[id_], True) and bool(is_old)
    return {name for name, is_old in seen.items() if is_old}


def _replaced_definitions(
    links: dict[str, list[_LinkFile]], alive: set[str]
) -> dict[tuple[str, int], dict[str, Any]]:
    """Find the definitions that are past and not the newest of their name, by file and row."""
    newest: dict[tuple[Any, ...], datetime] = {}
    for link in links["definitions"]:
        for row in link.rows:
            key = _named(row)
            newest[key] = max(newest.get(key, datetime.min), _seen(row))  # noqa: DTZ901  naive UTC
    return {
        (link.file.path, n): row
        for link in links["definitions"]
        for n, (row, is_past) in enumerate(zip(link.rows, link.past, strict=True))
        if is_past and row["run_id"] not in alive and _seen(row) < newest[_named(row)]
    }


def _named(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["server_name"], row["kind"], row["name"]


def _seen(row: dict[str, Any]) -> datetime:
    seen: datetime = row["seen_at"] or row["recorded_at"] or datetime.min  # noqa: DTZ901
    return seen


def _used(
    look: Look,
    manifest: Manifest,
    leaving: list[Leaving],
    connections: set[str],
    runs: set[str],
) -> tuple[set[str], set[str]]:
    """Find which of these connections and runs something stays of."""
    used: set[str] = set()
    used_runs: set[str] = set()
    for rows in _staying(look, manifest, leaving):
        used |= connections & ids_in(rows, "connection_id")
        used_runs |= runs & ids_in(rows, "run_id")
        if len(used) == len(connections) and len(used_runs) == len(runs):
            break
    return used, used_runs


def _staying(look: Look, manifest: Manifest, leaving: list[Leaving]) -> Iterator[pa.Table]:
    by_path = {one.file.path: one for one in leaving}
    for file in manifest.files:
        going = by_path.get(file.path)
        if file.table not in HAPPENINGS or (going and going.is_whole):
            continue
        rows = look.columns(file, ["connection_id", "run_id"])
        yield staying_rows(rows, look.going(going)) if going else rows


def _after(day: str) -> datetime:
    return datetime.fromisoformat(day) + timedelta(days=1)

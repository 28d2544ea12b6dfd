"""What a reader is to read, so that it meets each row exactly once.

Nothing here writes, waits, keeps a lock, or opens Parquet with anything heavy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from mcplens.events import SCHEMA_VERSION, TABLES, columns, columns_mark
from mcplens.store.files import cause
from mcplens.store.layout import REASON, SEED_NAME, SEED_TAIL, SEEDS, Store, seed_path
from mcplens.store.lines import UNREADABLE, Header
from mcplens.store.manifest import LiveFile, Manifest, as_utc, load_manifest
from mcplens.store.parts import Part, has_writer, list_parts, parse_part
from mcplens.store.retention import cutoff

_UPGRADE = "Upgrade mcplens to read it"
_MAGIC = b"PAR1"
_LONGEST_FIRST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class SetAside:
    """A file that is not read, and why."""

    path: Path
    reason: str
    """One line that names the file and says what to do."""

    @property
    def is_newer(self) -> bool:
        """Whether a later mcplens can read it."""
        return self.reason.endswith(_UPGRADE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """The files that together hold every row of a store exactly once."""

    parquet: dict[str, list[str]]
    """For every table its Parquet files; the first is empty and gives the columns."""
    tails: list[str]
    """JSON lines of any table that are not in Parquet yet; the first file is empty."""
    set_aside: list[SetAside] = field(default_factory=list)
    """What is left out."""
    dead_runs: frozenset[str] = frozenset()
    """Runs with a tail that nobody writes to any more; what they left open ends with them."""
    unfinished: frozenset[str] = frozenset()
    """Events in Parquet of which no end was sealed yet."""
    uniform: frozenset[str] = frozenset()
    """Tables whose files are all known to have today's columns, so that one tells of all."""
    shown_from: datetime | None = None
    """From when on happenings are shown, naive UTC, where a store keeps a short window only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """How much room a store takes."""

    file_count: int
    size_bytes: int


def readable_files(store: Store, *, clock: Callable[[], float] = time.time) -> Readable:
    """List what is to be read now; the files stay for an hour, or for as long as the store keeps.

    Raises:
        StoreError: neither the manifest nor its backup can be read.
    """
    # The order is what makes it right: what is sealed after this line is in the manifest below.
    spooled = sorted(store.spool.glob("*.jsonl"))
    standing = standing_parquet(store)
    manifest, trouble = load_manifest(store)

    set_aside = [SetAside(store.manifest, trouble)] if trouble else []
    parquet = {table: [str(seed_path(SEEDS, table))] for table in TABLES}
    for file in manifest.files:
        if reason := why_not_parquet(store, file):
            set_aside.append(SetAside(store.path / file.path, reason))
        else:
            parquet[file.table].append(str(store.path / file.path))
    set_aside += _foreign(store, manifest, standing)

    retired = {file.path for file in manifest.retired}
    tails = [str(SEEDS / SEED_TAIL)]
    for path in spooled:
        if path.name == SEED_TAIL or store.relative(path) in retired:
            continue
        try:
            reason = _why_not_tail(path)
        except FileNotFoundError:
            # Its writer closed it empty, or it was retired long ago and is deleted by now.
            continue
        if reason:
            set_aside.append(SetAside(path, reason))
        else:
            tails.append(str(path))
    return Readable(
        parquet=parquet,
        tails=tails,
        set_aside=set_aside + _quarantined(store),
        dead_runs=_dead_runs(store, spooled, tails[1:], {left.path for left in set_aside}),
        unfinished=frozenset(one.id for one in manifest.unfinished if one.table == "events"),
        uniform=_uniform(manifest),
        shown_from=cutoff(manifest, as_utc(clock())),
    )


def store_size(store: Store) -> StoreSize:
    """Add up the files of a store."""
    sizes = []
    for folder, _, names in os.walk(store.path):
        for name in names:
            try:
                sizes.append((Path(folder) / name).lstat().st_size)
            except FileNotFoundError:
                # A sealer is at work.
                continue
    return StoreSize(file_count=len(sizes), size_bytes=sum(sizes))


def newer_schema(path: Path, version: int) -> str:
    """Say that a file was written by a later mcplens."""
    return (
        f"{path} was written by schema {version}; this mcplens reads up to {SCHEMA_VERSION}. "
        f"{_UPGRADE}"
    )


def why_not_parquet(store: Store, file: LiveFile) -> str | None:
    """Say why a Parquet file cannot be read; without opening more than its two ends."""
    path = store.path / file.path
    if file.schema_version > SCHEMA_VERSION:
        return newer_schema(path, file.schema_version)
    if file.table not in TABLES:
        return f"{path} is of a table this mcplens does not know. {_UPGRADE}"
    try:
        with path.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            head = opened.read(len(_MAGIC))
            opened.seek(max(0, size - len(_MAGIC)))
            foot = opened.read()
    except OSError as trouble:
        return f"{path} cannot be read ({cause(trouble)}). Bring it back from a copy of the store"
    if size != file.size_bytes or head != _MAGIC or foot != _MAGIC:
        return (
            f"{path} is torn: {size} bytes where {file.size_bytes} were written. "
            "Bring it back from a copy of the store"
        )
    return None


def _why_not_tail(path: Path) -> str | None:
    if parse_part(path) is None:
        return f"{path} is no spool part, so it is not read. Move it out of the store"
    try:
        with path.open("rb") as opened:
            first = opened.readline(_LONGEST_FIRST_LINE)
    except FileNotFoundError:
        raise
    except OSError as trouble:
        return f"{path} cannot be read ({cause(trouble)}). Allow reading it"
    try:
        version = msgspec.json.decode(first, type=Header).schema_version
    except UNREADABLE:
        # Empty, torn or damaged: whoever reads it finds the lines that are whole.
        return None
    return newer_schema(path, version) if version > SCHEMA_VERSION else None


def _uniform(manifest: Manifest) -> frozenset[str]:
    marks = {table: {columns_mark(tuple(c.name for c in columns(table)))} for table in TABLES}
    odd = {
        file.table
        for file in manifest.files
        if file.table in marks and file.columns_mark not in marks[file.table]
    }
    return frozenset(marks) - odd


def _dead_runs(
    store: Store, spooled: Sequence[Path], tails: Sequence[str], set_aside: Collection[Path]
) -> frozenset[str]:
    """Name the runs that are read whole and that no living process writes to."""
    read = {Path(tail) for tail in tails}
    dead = {part.run_id for path in read if (part := parse_part(path)) and not _is_alive(part)}
    # A writer opens its next part before it lets go of the last: a part that was not there counts
    # as its sign of life. Of a run with a part that is set aside nobody knows what it left open.
    alive = {
        part.run_id
        for part in list_parts(store)
        if part.path not in spooled
        or part.path in set_aside
        or (part.path in read and _is_alive(part))
    }
    return frozenset(dead - alive)


def _is_alive(part: Part) -> bool:
    try:
        return has_writer(part)
    except OSError:
        # A file system without locks cannot tell.
        return True


def standing_parquet(store: Store) -> set[str]:
    """List the Parquet files that stand in the tables' folders, whoever put them there."""
    return {
        store.relative(path)
        for table in TABLES
        for path in (store.path / table).glob("*/*.parquet")
        if path.name != SEED_NAME
    }


def foreign_parquet(
    store: Store, manifest: Manifest, *, standing: set[str] | None = None
) -> list[Path]:
    """List Parquet files that nobody put into the manifest, such as those of another store."""
    standing = standing_parquet(store) if standing is None else standing
    known = {file.path for file in manifest.files} | {file.path for file in manifest.retired}
    foreign = sorted(standing - known - set(manifest.pending))
    # A file deleted since it was listed was retired, and is nobody's business any more.
    return [path for name in foreign if (path := store.path / name).exists()]


def _foreign(store: Store, manifest: Manifest, standing: set[str]) -> list[SetAside]:
    held = {store.path / held.file.path for held in manifest.quarantined}
    return [
        SetAside(
            path,
            f"{path} was damaged once, so it is not read. Run `mcplens store verify --repair`"
            if path in held
            else f"{path} is not in the manifest, so it is not read. Move it out of the store",
        )
        for path in foreign_parquet(store, manifest, standing=standing)
    ]


def _quarantined(store: Store) -> list[SetAside]:
    return [
        SetAside(
            path.with_name(path.name.removesuffix(REASON)),
            f"{path} says what was set aside, and why. Delete it when you have seen it",
        )
        for path in sorted(store.quarantine.glob(f"*{REASON}"))
    ]

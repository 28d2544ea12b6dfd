"""What a reader is to read, so that it meets each row exactly once.

Nothing here writes, waits, locks, or opens Parquet with anything heavy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mcplens.events import SCHEMA_VERSION, TABLES
from mcplens.store.layout import SEED_TAIL, SEEDS, Store, seed_path
from mcplens.store.manifest import LiveFile, load_manifest
from mcplens.store.parts import parse_part

_MAGIC = b"PAR1"
_LONGEST_FIRST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class SetAside:
    """A file that is not read, and why."""

    path: Path
    reason: str
    """One line that names the file and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """The files that together hold every row of a store exactly once."""

    parquet: dict[str, list[str]]
    """For every table its Parquet files; the first is empty and gives the columns."""
    tails: list[str]
    """JSON lines of any table that are not in Parquet yet; the first file is empty."""
    set_aside: list[SetAside] = field(default_factory=list)
    """What is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """How much room a store takes."""

    file_count: int
    size_bytes: int


def readable_files(store: Store) -> Readable:
    """List what is to be read now; the files stay where they are for an hour at least.

    Raises:
        StoreError: neither the manifest nor its backup can be read.
    """
    # The order is what makes it right: a part sealed after the first line is in the second's list.
    listed = sorted(store.spool.glob("*.jsonl")) if store.spool.is_dir() else []
    manifest, trouble = load_manifest(store)

    set_aside = [SetAside(store.manifest, trouble)] if trouble else []
    parquet = {table: [str(seed_path(SEEDS, table))] for table in TABLES}
    for file in manifest.files:
        if reason := _why_not_parquet(store, file):
            set_aside.append(SetAside(store.path / file.path, reason))
        else:
            parquet[file.table].append(str(store.path / file.path))

    retired = {file.path for file in manifest.retired}
    tails = [str(SEEDS / SEED_TAIL)]
    for path in listed:
        if path.name == SEED_TAIL or store.relative(path) in retired:
            continue
        if reason := _why_not_tail(path):
            set_aside.append(SetAside(path, reason))
        else:
            tails.append(str(path))
    return Readable(parquet=parquet, tails=tails, set_aside=set_aside)


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
        "Upgrade mcplens to read it"
    )


def _why_not_parquet(store: Store, file: LiveFile) -> str | None:
    path = store.path / file.path
    if file.schema_version > SCHEMA_VERSION or file.table not in TABLES:
        return newer_schema(path, file.schema_version)
    try:
        with path.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            head = opened.read(len(_MAGIC))
            opened.seek(max(0, size - len(_MAGIC)))
            foot = opened.read()
    except OSError as trouble:
        return f"{path} cannot be read ({trouble.strerror}). Bring it back from a copy of the store"
    if size != file.size_bytes or head != _MAGIC or foot != _MAGIC:
        return (
            f"{path} is torn: {size} bytes where {file.size_bytes} were written. "
            "Bring it back from a copy of the store"
        )
    return None


class _Header(msgspec.Struct):
    table: str
    schema_version: int


def _why_not_tail(path: Path) -> str | None:
    if parse_part(path) is None:
        return f"{path} is no spool part. Move it out of the store"
    try:
        with path.open("rb") as opened:
            first = opened.readline(_LONGEST_FIRST_LINE)
    except OSError as trouble:
        return f"{path} cannot be read ({trouble.strerror}). Allow reading it"
    try:
        header = msgspec.json.decode(first, type=_Header)
    except (msgspec.MsgspecError, UnicodeError):
        # Empty, torn or damaged: whoever reads it finds the lines that are whole.
        return None
    return (
        newer_schema(path, header.schema_version)
        if header.schema_version > SCHEMA_VERSION
        else None
    )

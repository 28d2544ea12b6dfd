"""Whether a Parquet file is what was written once: its ends, its bytes, its rows.

A file is opened as it stands; nothing here changes or moves anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mcplens.events import SCHEMA_VERSION, SORTED_BY, TABLES
from mcplens.store.arrow import schema
from mcplens.store.files import cause, digest_of
from mcplens.store.layout import NO_DATE
from mcplens.store.reading import newer_schema, why_not_parquet

if TYPE_CHECKING:
    from pathlib import Path

    from mcplens.store.layout import Store
    from mcplens.store.manifest import LiveFile

Kind = Literal["newer", "missing", "unreadable", "torn", "tampered", "misdated"]
OnBatch = Callable[[pa.RecordBatch], object]

ROWS_AT_A_TIME = 65_536


class Damage(NamedTuple):
    """What is wrong with a Parquet file."""

    kind: Kind
    what: str
    """What was found, in words that follow on the file's name."""

    @property
    def is_in_the_bytes(self) -> bool:
        """Whether the file is not what was written, and so belongs into the quarantine."""
        return self.kind in {"torn", "tampered"}


def quick_look(store: Store, file: LiveFile) -> Damage | None:
    """Look at a file's size and its two ends, as readers do."""
    reason = why_not_parquet(store, file)
    if reason is None:
        return None
    if file.schema_version > SCHEMA_VERSION or file.table not in TABLES:
        return Damage("newer", reason)
    path = store.path / file.path
    try:
        size = path.stat().st_size
        os.close(os.open(path, os.O_RDONLY))
    except FileNotFoundError:
        return Damage("missing", "is in the manifest, and it is not there")
    except OSError as trouble:
        return Damage("unreadable", f"cannot be read ({cause(trouble)})")
    return Damage("torn", f"is torn: {size} bytes where {file.size_bytes} were written")


def examine(store: Store, file: LiveFile, *, on_batch: OnBatch = lambda _: None) -> Damage | None:
    """Read all of a file and hold it against what the manifest says of it.

    Every batch of rows that can be read is handed on, also of a file that was changed.
    """
    if (found := quick_look(store, file)) is not None:
        return found
    path = store.path / file.path
    changed, is_as_written = None, False
    try:
        if file.digest is not None and not (is_as_written := digest_of(path) == file.digest):
            changed = Damage("tampered", "is not what was written: its digest is another")
        return _read(path, file, on_batch) or changed
    except FileNotFoundError:
        return Damage("missing", "is in the manifest, and it is not there")
    except OSError as trouble:
        # What the system refuses has a number; what Parquet cannot unpack has none.
        if trouble.errno is not None:
            return Damage("unreadable", f"cannot be read ({cause(trouble)})")
        return _not_unpacked(trouble, is_as_written=is_as_written)
    except (ValueError, pa.ArrowException) as trouble:
        return _not_unpacked(trouble, is_as_written=is_as_written)


def _not_unpacked(trouble: Exception, *, is_as_written: bool) -> Damage:
    """Tell a file that is damaged from a sound one that finds no memory, or no codec."""
    if is_as_written or isinstance(trouble, MemoryError):
        return Damage("unreadable", f"cannot be unpacked now ({_first_line(trouble)})")
    return Damage("torn", f"is damaged inside ({_first_line(trouble)})")


def newer_reason(store: Store, file: LiveFile) -> str:
    """Say that a later mcplens wrote a file."""
    return newer_schema(store.path / file.path, file.schema_version)


def _read(path: Path, file: LiveFile, on_batch: OnBatch) -> Damage | None:
    newest, is_misdated = 0, False
    with pq.ParquetFile(path, pre_buffer=False) as opened:
        if odd := _odd_column(opened.schema_arrow, file.table):
            return Damage("tampered", f"is not what was written: {odd}")
        if (rows := opened.metadata.num_rows) != file.row_count:
            return Damage(
                "tampered", f"is not what was written: {rows} rows where {file.row_count} were"
            )
        for batch in opened.iter_batches(ROWS_AT_A_TIME):
            newest = max(newest, pc.max(batch.column("schema_version")).as_py() or 0)
            is_misdated = is_misdated or _is_misdated(batch, file)
            on_batch(batch)
    if newest > file.schema_version:
        return Damage(
            "tampered",
            f"has rows of schema {newest} where the newest was of schema {file.schema_version}",
        )
    if is_misdated:
        return Damage("misdated", f"has rows of another day than {file.date}")
    return None


def _odd_column(found: pa.Schema, table: str) -> str | None:
    for field in schema(table):
        if field.name not in found.names:
            if field.name in TABLES[table].__struct_fields__[: _required(table)]:
                return f"it has no {field.name}"
        elif found.field(field.name).type != field.type:
            return f"its {field.name} is {found.field(field.name).type}, not {field.type}"
    return None


def _required(table: str) -> int:
    kind = TABLES[table]
    return len(kind.__struct_fields__) - len(kind.__struct_defaults__)


def _is_misdated(batch: pa.RecordBatch, file: LiveFile) -> bool:
    names = [SORTED_BY[file.table], "recorded_at"]
    times = [batch.column(name) for name in names if name in batch.schema.names]
    if not times:
        return file.date != NO_DATE
    days = pc.cast(pc.coalesce(*times), pa.date32())
    if file.date == NO_DATE:
        return False  # Also of rows whose time is beyond what a calendar has.
    expected = pa.scalar(file.date).cast(pa.date32())
    return not (pc.all(pc.equal(days, expected)).as_py() and not days.null_count)


def _first_line(trouble: Exception) -> str:
    return str(trouble).strip().partition("\n")[0]

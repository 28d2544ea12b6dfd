"""Rows that stand twice: where, and whether they say the same.

Which ids may stand twice is known from the first reading; only files that hold such are read again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mcplens.store.arrow import to_arrow
from mcplens.store.damage import ROWS_AT_A_TIME
from mcplens.store.derived import FILLED
from mcplens.store.lines import BadLine, read_lines
from mcplens.store.rows import table_of
from mcplens.store.tally import UNIQUE_BY, Batch, keys_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mcplens.events import AnyRow
    from mcplens.store.layout import Store
    from mcplens.store.manifest import Manifest
    from mcplens.store.parts import Part

LINES_AT_A_TIME = 5_000

Doubled = Mapping[str, "NDArray[np.uint64]"]


class Copy(NamedTuple):
    """One of several rows of one id and state."""

    path: str
    """Its file, as the manifest names it."""
    row: int
    """Which row of the file it is, from 0."""
    content: bytes
    """Digest of all that it says, but for what sealing adds."""


class Double(NamedTuple):
    """An id that stands more than once in a table, in one state."""

    table: str
    id: str
    copies: tuple[Copy, ...]

    @property
    def is_exact(self) -> bool:
        """Whether all of them say the same."""
        return len({copy.content for copy in self.copies}) == 1


def find_doubles(
    store: Store, manifest: Manifest, parts: Iterable[Part], doubled: Doubled
) -> list[Double]:
    """Read the rows of these keys again, and give those that really stand twice."""
    found: dict[tuple[str, str, bool], list[Copy]] = defaultdict(list)
    if not doubled:
        return []
    for table, path, start, batch in _batches(store, manifest, parts, doubled):
        keys = keys_of(table, batch)
        at = np.nonzero(np.isin(keys, doubled[table]))[0]
        for position, row in zip(at, batch.take(at).to_pylist(), strict=True):
            id_ = " ".join(str(row[name]) for name in UNIQUE_BY[table])
            is_open = table == "events" and row["outcome"] is None
            copy = Copy(path, start + int(position), _content(row))
            found[table, id_, is_open].append(copy)
    return [
        Double(table, id_, tuple(copies))
        for (table, id_, _), copies in found.items()
        if len(copies) > 1
    ]


def batches_of_part(path: Path) -> Iterator[tuple[str, pa.Table] | BadLine]:
    """Read a spool part as Arrow, a few thousand lines at a time, and what is no row of it."""
    rows: dict[str, list[AnyRow]] = defaultdict(list)
    for line in read_lines(path):
        if isinstance(line, BadLine):
            yield line
            continue
        table = table_of(line)
        rows[table].append(line)
        if len(rows[table]) >= LINES_AT_A_TIME:
            yield from _packed(table, rows.pop(table))
    for table, left in rows.items():
        yield from _packed(table, left)


def _packed(table: str, rows: list[AnyRow]) -> Iterator[tuple[str, pa.Table] | BadLine]:
    try:
        yield table, to_arrow(table, rows)
    except ValueError as trouble:
        if len(rows) == 1:
            yield BadLine(content=msgspec.json.encode(rows[0]), reason=str(trouble))
            return
        for row in rows:
            yield from _packed(table, [row])


def _batches(
    store: Store, manifest: Manifest, parts: Iterable[Part], doubled: Doubled
) -> Iterator[tuple[str, str, int, Batch]]:
    for file in manifest.files:
        if file.table not in doubled:
            continue
        try:
            with pq.ParquetFile(store.path / file.path) as opened:
                start = 0
                for batch in opened.iter_batches(ROWS_AT_A_TIME):
                    yield file.table, file.path, start, batch
                    start += batch.num_rows
        except (OSError, ValueError, pa.ArrowException):
            continue  # What is wrong with it was found in the first reading.
    for part in parts:
        starts: dict[str, int] = defaultdict(int)
        try:
            for read in batches_of_part(part.path):
                if isinstance(read, BadLine) or read[0] not in doubled:
                    continue
                table, packed = read
                yield table, store.relative(part.path), starts[table], packed
                starts[table] += packed.num_rows
        except OSError:
            continue


def _content(row: dict[str, object]) -> bytes:
    said = {
        name: value
        for name, value in sorted(row.items())
        if value is not None and name not in FILLED
    }
    return hashlib.blake2b(msgspec.json.encode(said), digest_size=8).digest()

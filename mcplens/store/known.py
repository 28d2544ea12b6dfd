"""Which rows of imports a store holds, so that nothing is imported twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from mcplens.store.arrow import DAMAGED
from mcplens.store.layout import Store
from mcplens.store.lines import UNREADABLE
from mcplens.store.location import is_store
from mcplens.store.manifest import load_manifest
from mcplens.store.reading import readable_files

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMED_BY: Final = {
    "events": ("event_id",),
    "notices": ("notice_id",),
    "definitions": ("connection_id", "definition_hash"),
}
_IMPORTED: Final = "i"


class _Named(msgspec.Struct):
    table: str
    event_id: str | None = None
    notice_id: str | None = None
    connection_id: str | None = None
    definition_hash: str | None = None


def known_rows(store: Store) -> frozenset[str]:
    """Name all rows that imports wrote: events, notices, and definitions by connection.

    Also those that have moved into the store's archive, while that is there.

    Raises:
        StoreError: neither the manifest nor its backup can be read, here or in the archive.
    """
    known = _known_in(store)
    # After the store itself: what moves meanwhile is met twice rather than never.
    archive = load_manifest(store)[0].retention.archive
    if archive is not None and is_store(Path(archive)):
        known |= _known_in(Store(Path(archive)))
    return frozenset(known)


def _known_in(store: Store) -> set[str]:
    readable = readable_files(store)
    known: set[str] = set()
    for tail in readable.tails:
        known.update(_in_tail(Path(tail)))
    for table, names in _NAMED_BY.items():
        for file in readable.parquet[table]:
            known.update(_in_parquet(file, names))
    return known


def _in_tail(path: Path) -> Iterator[str]:
    decode = msgspec.json.Decoder(_Named).decode
    try:
        with path.open("rb") as lines:
            for line in lines:
                try:
                    row = decode(line)
                except UNREADABLE:
                    continue
                names = _NAMED_BY.get(row.table)
                parts = [getattr(row, name) for name in names or ()]
                # Imports name their connections themselves, and everything after them.
                if parts and all(parts) and parts[0].startswith(_IMPORTED):
                    yield " ".join(parts)
    except OSError:
        return  # Sealed while we looked: it is in Parquet, or set aside.


def _in_parquet(file: str, names: tuple[str, ...]) -> Iterator[str]:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(columns=list(names)):
                columns = [batch.column(name).to_pylist() for name in names]
                for parts in zip(*columns, strict=True):
                    if all(parts) and parts[0].startswith(_IMPORTED):
                        yield " ".join(parts)
    except DAMAGED:
        return  # What reads the store says what is wrong with it.

"""Files that stand and that no manifest tells of: what one would say, and the rest of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mcplens.events import columns_mark
from mcplens.store.arrow import write_parquet
from mcplens.store.damage import Damage, examine
from mcplens.store.files import TEMPORARY, digest_of, sync
from mcplens.store.layout import date_in
from mcplens.store.manifest import LiveFile

if TYPE_CHECKING:
    from mcplens.store.commit import OnStep
    from mcplens.store.layout import Store


def describe(store: Store, path: str) -> LiveFile | Damage:
    """Say of a file what a manifest would, or what is wrong with it.

    Raises:
        OSError: the system does not let it be read.
    """
    place = store.path / path
    table, _, _ = path.split("/")
    newest = 0
    try:
        with pq.ParquetFile(place) as opened:
            rows = opened.metadata.num_rows
            names = tuple(opened.schema_arrow.names)
            newest = pc.max(opened.read(["schema_version"])["schema_version"]).as_py() or 0
    except (OSError, ValueError, pa.ArrowException) as trouble:
        if isinstance(trouble, MemoryError) or getattr(trouble, "errno", None) is not None:
            raise  # What the system refuses today may be whole.
        return Damage("torn", f"is torn or damaged ({str(trouble).splitlines()[0]})")
    file = LiveFile(
        table=table,
        date=date_in(path),
        path=path,
        row_count=rows,
        size_bytes=place.stat().st_size,
        schema_version=newest,
        digest=digest_of(place),
        columns_mark=columns_mark(names),
    )
    # Its digest says nothing yet: it is the one of whatever stands there.
    found = examine(store, msgspec.structs.replace(file, digest=None))
    return found if found is not None and found.is_in_the_bytes else file


def write_beside(store: Store, file: LiveFile, rest: pa.Table, *, on_step: OnStep) -> LiveFile:
    """Write rows into a file of their own, beside the one they are of."""
    old = store.path / file.path
    number = 1
    while (path := old.with_name(f"{old.stem}-rebuilt-{number}.parquet")).exists():
        number += 1
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(path.name + TEMPORARY)
    digest = write_parquet(rest, temporary)
    temporary.rename(path)
    sync(path.parent)
    on_step("written")
    return LiveFile(
        table=file.table,
        date=file.date,
        path=store.relative(path),
        row_count=rest.num_rows,
        size_bytes=path.stat().st_size,
        schema_version=file.schema_version,
        digest=digest,
        columns_mark=columns_mark(tuple(rest.schema.names)),
    )

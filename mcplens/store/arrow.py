"""Rows as Arrow tables, and Arrow tables as Parquet files.

Shapes: a table's columns are those of `events.columns`, in that order. Only what seals and compacts
imports this module.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mcplens.events import SORTED_BY, Row, columns
from mcplens.store.files import DigestingFile, sync

HOT_COLUMNS = frozenset(
    {
        "started_at",
        "duration_ms",
        "work_ms",
        "duration_bin",
        "method",
        "target",
        "server_name",
        "session_id",
        "direction",
        "is_final",
        "is_warmup",
        "outcome",
        "error_class",
    }
)
"""What nearly every query reads: quick to unpack matters more than small."""

LOOKED_UP = ("session_id",)
"""What single values of are asked for: a filter in the file says which it does not hold."""

DAMAGED = (OSError, ValueError, KeyError, pa.ArrowException)
"""What reading a damaged Parquet file may raise; its columns may have damaged names as well."""

# All that pyarrow accepts, since a dict of some of it is another type.
_Codec = Literal["gzip", "brotli", "lz4", "zstd", "snappy", "none"]

_TYPES: dict[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
}


@cache
def schema(table: str) -> pa.Schema:
    """Give a raw table's columns their Arrow types."""
    return pa.schema([(column.name, _arrow_type(column.type)) for column in columns(table)])


def to_arrow(table: str, rows: Sequence[Row]) -> pa.Table:
    """Turn rows of one table into an Arrow table.

    Raises:
        ValueError: a value does not fit its column, such as an integer of more than 64 bits.
    """
    names = schema(table).names
    values = zip(*map(attrgetter(*names), rows), strict=True)
    try:
        arrays = [
            pa.array(_plain(column, kind), kind)
            for column, kind in zip(values, schema(table).types, strict=True)
        ]
    except (OverflowError, UnicodeError, pa.ArrowException) as trouble:
        raise ValueError(str(trouble)) from trouble
    return pa.Table.from_arrays(arrays, schema=schema(table))


def in_order(table: str, parts: Sequence[pa.Table]) -> pa.Table:
    """Join pieces of a raw table and sort them by its time; equal times keep their order."""
    joined = pa.concat_tables(parts, promote_options="default")
    if _is_ordered(joined[SORTED_BY[table]]):
        return joined
    order = pc.sort_indices(joined, sort_keys=[(SORTED_BY[table], "ascending")])
    return joined.take(order)


def _is_ordered(times: Any) -> bool:
    """Say whether there is nothing to sort; what has no time would have to stand at the end."""
    return (
        not times.null_count and pc.all(pc.less_equal(times[:-1], times[1:])).as_py() is not False
    )


def write_parquet(content: pa.Table, path: Path) -> str:
    """Write a Parquet file that survives a loss of power, and give the digest of its bytes."""
    with DigestingFile(path) as opened:
        pq.write_table(
            content,
            opened,
            compression=_codecs(content.schema),
            bloom_filter_options={
                name: {"ndv": max(1, pc.count_distinct(content[name]).as_py()), "fpp": 0.01}
                for name in LOOKED_UP
                if name in content.column_names
            },
        )
        digest = opened.hexdigest()
    path.chmod(0o600)
    sync(path)
    return digest


def _plain(values: Sequence[object], kind: pa.DataType) -> Any:
    return msgspec.to_builtins(values) if pa.types.is_nested(kind) else values


def _codecs(of: pa.Schema) -> dict[str, _Codec]:
    return {
        path: "lz4" if path in HOT_COLUMNS else "zstd"
        for field in of
        for path in _leaves(field.name, field.type)
    }


def _leaves(path: str, kind: pa.DataType) -> list[str]:
    """Name the Parquet columns that a column of lists or structs is stored as."""
    if pa.types.is_list(kind):
        return _leaves(f"{path}.list.element", kind.value_type)
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in _leaves(f"{path}.{field.name}", field.type)]
    return [path]


def _arrow_type(duckdb_type: str) -> pa.DataType:
    if duckdb_type.endswith("[]"):
        return pa.list_(_arrow_type(duckdb_type.removesuffix("[]")))
    if struct := re.fullmatch(r"STRUCT\((.*)\)", duckdb_type):
        parts = [part.split(" ", 1) for part in struct[1].split(", ")]
        return pa.struct([(name, _arrow_type(kind)) for name, kind in parts])
    return _TYPES[duckdb_type]

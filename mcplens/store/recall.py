"""Reading a few columns of earlier events back, for whoever has to know them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mcplens.events import Event
from mcplens.store.files import cause
from mcplens.store.lines import BadLine, read_lines
from mcplens.store.reading import readable_files

if TYPE_CHECKING:
    from mcplens.store.layout import Store


class Recalled(NamedTuple):
    """What was read back."""

    rows: list[tuple[Any, ...]]
    """The columns asked for, the oldest event first."""
    left_out: list[str]
    """Files that were not read, each with the reason in one line."""


def recall(store: Store, *, prefix: str, columns: Sequence[str], limit: int) -> Recalled:
    """Read the newest imported events whose ids begin with a prefix, and maybe some beyond.

    `columns` begins with event_id and started_at.

    Raises:
        StoreError: the manifest cannot be read.
    """
    readable = readable_files(store)
    left_out = [aside.reason for aside in readable.set_aside]
    rows: list[tuple[Any, ...]] = []
    parquet = sorted(readable.parquet["events"][1:], key=_folder, reverse=True)
    ways = [*((path, _of_tail) for path in readable.tails), *((p, _of_parquet) for p in parquet)]
    for path, read in ways:
        if len(rows) >= limit:
            break
        try:
            rows += [row for row in read(Path(path), columns) if str(row[0]).startswith(prefix)]
        except (OSError, ValueError, OverflowError) as trouble:
            why = cause(trouble) if isinstance(trouble, OSError) else trouble
            left_out.append(f"{path} cannot be read ({why})")
    rows.sort(key=lambda row: str(row[1]))
    return Recalled(rows, left_out)


def _folder(path: str) -> str:
    return Path(path).parent.name


def _of_tail(path: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for row in read_lines(path):
        if not isinstance(row, BadLine) and isinstance(row, Event) and row.observer == "import":
            yield tuple(getattr(row, column) for column in columns)


def _of_parquet(path: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    import pyarrow.parquet as pq  # heavy, and a new store has none

    found = pq.read_table(
        path, columns=list(columns), filters=[("observer", "=", "import")], partitioning=None
    )
    return zip(*(found.column(column).to_pylist() for column in columns), strict=True)

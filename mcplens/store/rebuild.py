"""A manifest made anew of the files that stand, when neither it nor its backup can be read.

What was replaced may still stand beside what replaced it. So a file is alive when none of its rows
stands in a larger one that is; of one that stands there in part, the rest of its rows is written
anew; and everything that is not alive goes to the quarantine, with what was found out about it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mcplens.errors import NewerSchemaError, StoreError
from mcplens.events import SCHEMA_VERSION
from mcplens.store.arrow import to_arrow
from mcplens.store.commit import OnStep, quarantine
from mcplens.store.damage import Damage
from mcplens.store.duplicates import batches_of_part
from mcplens.store.files import locked
from mcplens.store.lines import BadLine, read_lines
from mcplens.store.manifest import (
    LiveFile,
    Manifest,
    RetiredFile,
    Unfinished,
    as_utc,
    load_manifest,
    save_manifest,
)
from mcplens.store.parts import Part, has_writer, list_parts
from mcplens.store.quarantine import move
from mcplens.store.reading import standing_parquet
from mcplens.store.retention import UNLIMITED
from mcplens.store.rows import RowCollector, table_of
from mcplens.store.seal import derive
from mcplens.store.standing import describe, write_beside
from mcplens.store.tally import OPEN, is_open, row_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mcplens.store.layout import Store

_NONE = np.zeros(0, dtype=np.uint64)


@dataclass(slots=True)
class Rebuilt:
    """What became of the files that stood."""

    alive_count: int = 0
    written_count: int = 0
    quarantined_count: int = 0


def rebuild(store: Store, *, now: float, on_step: OnStep = lambda _: None) -> Rebuilt | None:
    """Make the manifest anew if neither it nor its backup can be read.

    Raises:
        NewerSchemaError: it is of a later mcplens.
    """
    with locked(store.lock, wait=True):
        try:
            load_manifest(store)
        except NewerSchemaError:
            raise
        except StoreError as trouble:
            return _Work(store, now, on_step, str(trouble)).do()
    return None


@dataclass(slots=True)
class _Work:
    store: Store
    now: float
    on_step: OnStep
    trouble: str
    alive: list[LiveFile] = field(default_factory=list)
    rests: list[tuple[LiveFile, pa.Table]] = field(default_factory=list)
    leave: dict[Path, str] = field(default_factory=dict)
    """What is to be moved, with the reason."""
    cover: dict[str, list[NDArray[np.uint64]]] = field(default_factory=lambda: defaultdict(list))
    open_rows: dict[tuple[str, str], Unfinished] = field(default_factory=dict)
    ended: set[tuple[str, str]] = field(default_factory=set)

    def do(self) -> Rebuilt:
        self._choose_files()
        parts = self._choose_parts()
        written = [
            write_beside(self.store, file, rest, on_step=self.on_step) for file, rest in self.rests
        ]
        for path in (self.store.manifest, self.store.manifest_backup):
            if path.is_file():
                content = path.read_bytes()
                quarantine(self.store, path.name, content=content, reasons=[self.trouble])
        manifest = Manifest(
            generation=1,
            files=(*self.alive, *written),
            # Nobody may read them from this moment on, moved or not.
            retired=tuple(
                RetiredFile(path=self.store.relative(path), retired_at=as_utc(self.now))
                for path in parts
            ),
            unfinished=tuple(
                sorted(one for key, one in self.open_rows.items() if key not in self.ended)
            ),
            # What it was to keep is lost too: nothing may leave until a person says so again.
            retention=UNLIMITED,
        )
        save_manifest(self.store, manifest)
        self.on_step("rebuilt")
        for path, reason in self.leave.items():
            move(self.store, path, reason=reason, on_step=self.on_step)
        return Rebuilt(len(self.alive), len(written), len(self.leave))

    def _choose_files(self) -> None:
        groups: dict[tuple[str, str], list[LiveFile]] = defaultdict(list)
        for path in sorted(standing_parquet(self.store)):
            file = describe(self.store, path)
            if isinstance(file, Damage):
                self.leave[self.store.path / path] = f"{path} {file.what}"
            else:
                groups[file.table, file.date].append(file)
        for (table, _), files in sorted(groups.items()):
            cover = _NONE
            for file in sorted(files, key=lambda file: (-file.row_count, file.path)):
                cover = np.concatenate([cover, self._choose(file, cover)])
            self.cover[table].append(cover)

    def _choose(self, file: LiveFile, cover: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Decide about one file, and give the keys of what it adds."""
        path = self.store.path / file.path
        content = pq.ParquetFile(path).read()
        if file.schema_version > SCHEMA_VERSION:
            self.alive.append(file)  # What its rows mean, only a later mcplens knows.
            return _keys_or_none(file.table, content)
        keys = row_keys(file.table, content)
        inside = _covered(file.table, content, keys, np.unique(cover))
        if not inside.any():
            self.alive.append(file)
            self._note_open(file, content)
            return keys
        if not inside.all():
            rest = content.filter(pa.array(~inside))
            self.rests.append((file, rest))
            self._note_open(file, rest)
        self.leave[path] = f"{file.path} was found beside files that hold its rows as well"
        return keys[~inside]

    def _choose_parts(self) -> list[Path]:
        """Decide about the spool, and give the parts that are not to be read any more."""
        cover = {table: np.unique(np.concatenate(found)) for table, found in self.cover.items()}
        over = []
        for part in list_parts(self.store):
            # A living writer's part was never in Parquet.
            if has_writer(part):
                continue
            flags = [
                _covered(table, batch, row_keys(table, batch), cover.get(table, _NONE))
                for table, batch in _packed(part)
            ]
            inside = np.concatenate([np.zeros(0, dtype=bool), *flags])
            if not inside.any():
                continue
            if not inside.all():
                self._rescue(part, cover)
            over.append(part.path)
            name = self.store.relative(part.path)
            self.leave[part.path] = f"{name} was found beside Parquet files that hold its rows"
        return over

    def _rescue(self, part: Part, cover: dict[str, NDArray[np.uint64]]) -> None:
        """Take from a part what no Parquet file holds."""
        collector = RowCollector()
        for line in read_lines(part.path):
            if isinstance(line, BadLine):
                continue
            table = table_of(line)
            try:
                row = to_arrow(table, [line])
            except ValueError:
                continue  # It stays in the part, which is kept.
            if not _covered(table, row, row_keys(table, row), cover.get(table, _NONE)).all():
                collector.add(line)
        outputs, unfinished = collector.finish()
        known = Manifest(files=tuple(self.alive))
        for output in derive(self.store, known, outputs, sealed=[part]):
            name = f"{output.table}/date={output.date}/{part.path.stem}.parquet"
            file = LiveFile(
                table=output.table,
                date=output.date,
                path=name,
                row_count=0,
                size_bytes=0,
                schema_version=output.schema_version,
            )
            self.rests.append((file, output.content))
            self._note_open(file, output.content)
        self.open_rows |= {(one.table, one.id): one for one in unfinished}

    def _note_open(self, file: LiveFile, content: pa.Table) -> None:
        """Remember what has no end in Parquet, for whoever ends what dead recorders left."""
        if file.table == "events":
            mask = pc.is_null(content["outcome"])
            ended = pc.and_(pc.invert(mask), pc.is_valid(content["event_id"]))
            opened, id_ = content.filter(mask), "event_id"
        elif file.table == "connections":
            mask = pc.and_(pc.is_null(content["ended_at"]), pc.is_null(content["end_reason"]))
            ended, opened, id_ = pc.invert(mask), content.filter(mask), "connection_id"
        else:
            return
        for row in opened.select([id_, "run_id"]).to_pylist():
            self.open_rows[file.table, row[id_]] = Unfinished(
                run_id=row["run_id"], table=file.table, id=row[id_], date=file.date
            )
        self.ended.update((file.table, str(one)) for one in content[id_].filter(ended).to_pylist())


def _packed(part: Part) -> list[tuple[str, pa.Table]]:
    return [read for read in batches_of_part(part.path) if not isinstance(read, BadLine)]


def _keys_or_none(table: str, content: pa.Table) -> NDArray[np.uint64]:
    try:
        return row_keys(table, content)
    except KeyError:
        return _NONE  # Its ids have other names by then.


def _covered(
    table: str, batch: pa.Table, keys: NDArray[np.uint64], cover: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    """Say of each row whether it is covered; an open one also by its end."""
    inside = np.isin(keys, cover)
    if table == "events":
        inside |= is_open(batch) & np.isin(keys ^ OPEN, cover)
    return inside

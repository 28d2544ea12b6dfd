"""Putting right what can be in a store, one change at a time; it may be stopped anywhere."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mcplens.errors import StoreError
from mcplens.store.commit import OnStep, Output, begin, commit
from mcplens.store.damage import quick_look
from mcplens.store.files import cause, locked
from mcplens.store.findings import found
from mcplens.store.leftovers import clear_up
from mcplens.store.manifest import GRACE_S
from mcplens.store.quarantine import tidy
from mcplens.store.rebuild import rebuild
from mcplens.store.seal import seal
from mcplens.store.verify import OnProgress, Verified, verify

if TYPE_CHECKING:
    from mcplens.store.duplicates import Copy, Double
    from mcplens.store.layout import Store
    from mcplens.store.manifest import Manifest

_KEEPS_ALL: Final = "keeps everything from now on, and what was pruned in the last hour may be back"
_SET_AGAIN: Final = "Set again what it is to keep: `mcplens store retention`, then prune"


def repair(
    store: Store,
    *,
    grace_s: float = GRACE_S,
    clock: Callable[[], float] = time.time,
    on_progress: OnProgress = lambda *_: None,
    on_step: OnStep = lambda _: None,
) -> Verified:
    """Look through a store, put right what can be, and look again.

    Raises:
        StoreError: the store cannot be written, or its manifest is of a later mcplens.
    """

    def look() -> Verified:
        return verify(store, grace_s=grace_s, clock=clock, on_progress=on_progress)

    first = look()
    try:
        is_rebuilt = rebuild(store, now=clock(), on_step=on_step) is not None
        seal(store, grace_s=grace_s, clock=clock, on_step=on_step)
        tidy(store, doubtful=first.doubtful, foreign=True, on_step=on_step)
        clear_up(store, grace_s=grace_s, now=clock())
        second = look()
        if second.doubles:
            drop_doubles(store, second.doubles, clock=clock, on_step=on_step)
    except (OSError, MemoryError) as trouble:
        why = cause(trouble) if isinstance(trouble, OSError) else trouble
        raise StoreError(
            f"cannot repair {store.path} ({why}). What is repaired by now stays so"
        ) from trouble
    last = look() if second.doubles else second
    if is_rebuilt:
        last.findings.append(found("retention", ".", _KEEPS_ALL, _SET_AGAIN))
    return _compared(last, [first, second])


def drop_doubles(
    store: Store,
    doubles: Iterable[Double],
    *,
    clock: Callable[[], float] = time.time,
    on_step: OnStep = lambda _: None,
) -> int:
    """Keep one of each row that stands more than once with the same content; say how many went."""
    dropped = 0
    written: dict[str, str] = {}  # Where the rows are that stay of what was written anew here.
    for path, superfluous in sorted(_superfluous(doubles).items()):
        with locked(store.lock, wait=True):
            manifest = begin(store)
            file = next((file for file in manifest.files if file.path == path), None)
            if file is None or (manifest.moving and path in manifest.moving.paths):
                # Joined into another meanwhile, where it will be found again; or the archive may
                # have it already, and would not know it again.
                continue
            standing = _standing(store, manifest, {written.get(one, one) for _, one in superfluous})
            rows = [row for row, one in superfluous if written.get(one, one) in standing]
            if not rows:
                continue
            content = pq.ParquetFile(store.path / path).read()
            keep = np.ones(content.num_rows, dtype=bool)
            keep[rows] = False
            rest = content.filter(pa.array(keep))
            output = Output(
                table=file.table, date=file.date, content=rest, schema_version=file.schema_version
            )
            changed = commit(
                store,
                manifest,
                name=f"single-{manifest.generation + 1:06d}",
                outputs=[output] if rest.num_rows else [],
                retire=[path],
                unfinished=manifest.unfinished,
                now=clock(),
                on_step=on_step,
            )
            if rest.num_rows:
                written[path] = changed.files[-1].path
            dropped += len(rows)
    return dropped


def _superfluous(doubles: Iterable[Double]) -> dict[str, list[tuple[int, str]]]:
    """Name the rows to drop, by Parquet file, each with the file of the copy that is kept."""
    rows: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for double in doubles:
        alike: dict[bytes, list[Copy]] = defaultdict(list)
        for copy in double.copies:
            alike[copy.content].append(copy)
        for copies in alike.values():
            in_files = [copy for copy in copies if copy.path.endswith(".parquet")]
            in_tails = [copy for copy in copies if not copy.path.endswith(".parquet")]
            # A tail cannot be rewritten: what stands there is kept, and dropped elsewhere.
            kept = (in_tails or in_files)[0]
            for copy in in_files:
                if copy is not kept:
                    rows[copy.path].append((copy.row, kept.path))
    return rows


def _standing(store: Store, manifest: Manifest, paths: set[str]) -> set[str]:
    """Say which of these files are still read, whatever happened since they were looked at."""
    retired = {file.path for file in manifest.retired}
    whole = {
        file.path
        for file in manifest.files
        if file.path in paths and quick_look(store, file) is None
    }
    tails = {path for path in paths - retired if path.endswith(".jsonl")}
    return whole | {path for path in tails if (store.path / path).exists()}


def _compared(last: Verified, before: Iterable[Verified]) -> Verified:
    """Add to what still stands what was found before and does not stand any more."""
    standing = {(found.kind, found.where) for found in last.findings}
    gone = {
        (found.kind, found.where): found._replace(is_repaired=True)
        for looked in before
        for found in looked.findings
        if (found.kind, found.where) not in standing
    }
    last.findings = sorted([*gone.values(), *last.findings], key=lambda found: found.rank)
    return last

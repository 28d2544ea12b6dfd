"""What a process of its own does for a store: seal what is closed, join what is scattered, prune.

Run as `python -m mcplens.store.housekeeping STORE [--compact]`. Recorders start it whenever they
close a part, so it finds out what there is to do before it loads anything heavy.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from mcplens.errors import McplensError, StoreError
from mcplens.store.files import locked
from mcplens.store.location import open_store
from mcplens.store.manifest import as_utc, load_manifest
from mcplens.store.parts import closed_parts
from mcplens.store.retention import HAPPENINGS, believed_now, cutoff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mcplens.store.layout import Store

WORTH_COMPACTING = 24
"""How many small files of one table and day are joined without being asked."""


class _WithoutPandas(MetaPathFinder):
    """Keep pyarrow from loading pandas, which takes longer than sealing what one recorder wrote."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def main(arguments: list[str]) -> int:
    """Look after one store, and say nothing unless that fails."""
    path, *options = arguments
    is_asked = "--compact" in options
    os.nice(10)
    sys.meta_path.insert(0, _WithoutPandas())
    try:
        store = open_store(Path(path))
        if is_asked or _has_work(store) or _may_be_past(store):
            keep_house(store, at_least=2 if is_asked else WORTH_COMPACTING)
    except McplensError as trouble:
        sys.stderr.write(f"mcplens: {trouble}\n")
        return trouble.exit_code
    return 0


def keep_house(store: Store, *, at_least: int, clock: Callable[[], float] = time.time) -> None:
    """Seal, compact and prune a store, unless a process is at it: that one does it all.

    Raises:
        StoreError: something could not be done; the rest is.
    """
    left_alone: set[Path] = set()
    troubles: list[StoreError] = []
    while True:
        with locked(store.housekeeping_lock) as is_ours:
            if not is_ours:
                break
            left_alone |= _work(store, at_least=at_least, clock=clock, troubles=troubles)
        # Asked again without the lock: who found it taken a moment ago relies on us.
        if not _has_work(store, besides=left_alone):
            break
    if troubles:
        raise troubles[-1]


def _work(
    store: Store, *, at_least: int, clock: Callable[[], float], troubles: list[StoreError]
) -> set[Path]:
    from mcplens.store.compact import compact
    from mcplens.store.prune import prune
    from mcplens.store.quarantine import tidy
    from mcplens.store.seal import seal
    from mcplens.store.wanted import wanted_by

    report = seal(store, clock=clock)
    joined = compact(store, at_least=at_least, clock=clock)
    tidy(store, doubtful={aside.path for aside in joined.set_aside})
    try:
        manifest, _ = load_manifest(store)
        now = believed_now(manifest, now=clock())
        prune(store, wanted_by(manifest.retention, now=now), clock=clock)
    except StoreError as trouble:  # Such as an archive that is away, which keeps nobody waiting.
        troubles.append(trouble)
    return {aside.path for aside in report.set_aside}


def _may_be_past(store: Store) -> bool:
    """Tell whether something may be past a short window, as far as can be said without reading."""
    manifest, _ = load_manifest(store)
    limit = cutoff(manifest, as_utc(time.time()))
    return limit is not None and any(
        file.table in HAPPENINGS and file.date <= limit.date().isoformat()
        for file in manifest.files
    )


def _has_work(store: Store, *, besides: Collection[Path] = ()) -> bool:
    manifest, _ = load_manifest(store)
    return bool(closed_parts(store, manifest, besides=besides))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

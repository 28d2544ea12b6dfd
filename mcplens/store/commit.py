"""Changing what a store consists of, so that a crash at any point changes nothing or all.

New files are named in the manifest as pending before they exist, then written, then the manifest
names them as alive and their inputs as retired, in one replacement. Whoever finds something pending
while holding the lock knows that it is the leftover of a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import msgspec

from mcplens.events import columns_mark
from mcplens.store.arrow import write_parquet
from mcplens.store.files import TEMPORARY, replace_file, sync
from mcplens.store.layout import REASON
from mcplens.store.manifest import (
    LiveFile,
    Manifest,
    RetiredFile,
    Unfinished,
    as_utc,
    is_backup_stale,
    load_manifest,
    save_manifest,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from mcplens.store.layout import Store

OnStep = Callable[[str], None]
"""Called between the steps of a change, with the name of the step that is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A Parquet file to be."""

    table: str
    date: str
    content: pa.Table
    schema_version: int
    suffix: str = ""
    """Tells files of one table and day apart that are written in one change."""


def begin(store: Store) -> Manifest:
    """Load the manifest for a change and clear away what a crash left; the lock is held."""
    manifest, trouble = load_manifest(store)
    if trouble:
        _keep_damaged_manifest(store, manifest, trouble)
    alive = {file.path for file in manifest.files}
    for path in set(manifest.pending) - alive:
        (store.path / path).unlink(missing_ok=True)
        (store.path / (path + TEMPORARY)).unlink(missing_ok=True)
    # Left behind once more, it would be two changes behind, and what it names may be deleted.
    if manifest.pending or trouble or is_backup_stale(store):
        manifest = msgspec.structs.replace(manifest, pending=())
        save_manifest(store, manifest)
    return manifest


def commit(
    store: Store,
    manifest: Manifest,
    *,
    name: str,
    outputs: Sequence[Output],
    retire: Iterable[str],
    unfinished: Iterable[Unfinished],
    now: float,
    on_step: OnStep,
) -> Manifest:
    """Put `outputs` in the place of what is retired; the lock is held."""
    retire = set(retire)
    paths = _free_paths(store, manifest, name, outputs)
    manifest = msgspec.structs.replace(
        manifest, generation=manifest.generation + 1, pending=tuple(paths)
    )
    save_manifest(store, manifest)
    on_step("pending")

    files = []
    for path, output in zip(paths, outputs, strict=True):
        final = store.path / path
        temporary = store.path / (path + TEMPORARY)
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = write_parquet(output.content, temporary)
        on_step("written")
        temporary.rename(final)
        sync(final.parent)
        sync(final.parent.parent)
        on_step("renamed")
        files.append(
            LiveFile(
                table=output.table,
                date=output.date,
                path=path,
                row_count=output.content.num_rows,
                size_bytes=final.stat().st_size,
                schema_version=output.schema_version,
                digest=digest,
                columns_mark=columns_mark(tuple(output.content.schema.names)),
            )
        )

    manifest = msgspec.structs.replace(
        manifest,
        files=(*(file for file in manifest.files if file.path not in retire), *files),
        retired=(
            *manifest.retired,
            *(RetiredFile(path=path, retired_at=as_utc(now)) for path in sorted(retire)),
        ),
        pending=(),
        unfinished=tuple(sorted(unfinished)),
    )
    save_manifest(store, manifest)
    on_step("committed")
    return manifest


def delete_retired(
    store: Store, manifest: Manifest, *, grace_s: float, now: float, on_step: OnStep
) -> Manifest:
    """Delete what was retired long enough ago for every reader to be done; the lock is held."""
    limit = as_utc(now) - timedelta(seconds=grace_s)
    expired = {file.path for file in manifest.retired if file.retired_at <= limit}
    if not expired:
        return manifest
    # Deleted first, forgotten then: a tail that is still there but not listed would count again.
    for path in sorted(expired - {file.path for file in manifest.files}):
        (store.path / path).unlink(missing_ok=True)
        on_step("deleted")
    manifest = msgspec.structs.replace(
        manifest,
        generation=manifest.generation + 1,
        retired=tuple(file for file in manifest.retired if file.path not in expired),
    )
    save_manifest(store, manifest)
    on_step("forgotten")
    return manifest


def quarantine(store: Store, name: str, *, content: bytes, reasons: Iterable[str]) -> None:
    """Keep what could not be read, with the reasons beside it; once, also after a crash."""
    store.quarantine.mkdir(mode=0o700, exist_ok=True)
    name = free_name(store, name, holding=content)
    write_reasons(store, name, reasons)
    replace_file(store.quarantine / name, content)


def free_name(store: Store, name: str, *, holding: bytes | None = None) -> str:
    """Find a name in the quarantine that nothing has, or nothing but the same content."""
    stem, dot, ending = name.rpartition(".")
    for number in count(1):
        free = name if number == 1 else f"{stem}-{number}{dot}{ending}"
        path = store.quarantine / free
        if not path.exists() or (holding is not None and path.read_bytes() == holding):
            return free
    raise AssertionError  # Counting has no end.


def write_reasons(store: Store, name: str, reasons: Iterable[str]) -> None:
    """Say why something is in the quarantine, or is about to be."""
    replace_file(store.quarantine / f"{name}{REASON}", "\n".join([*reasons, ""]).encode())


def _keep_damaged_manifest(store: Store, manifest: Manifest, trouble: str) -> None:
    if store.manifest.exists():
        quarantine(
            store,
            f"manifest-{manifest.generation}.json",
            content=store.manifest.read_bytes(),
            reasons=[trouble],
        )


def _free_paths(
    store: Store, manifest: Manifest, name: str, outputs: Sequence[Output]
) -> list[str]:
    """Name the outputs; what already has such a name, whoever made it, is never written over."""
    retired = {file.path for file in manifest.retired}
    paths = [
        f"{output.table}/date={output.date}/{name}{output.suffix}.parquet" for output in outputs
    ]
    if any(path in retired or (store.path / path).exists() for path in paths):
        return _free_paths(store, manifest, f"{name}-{manifest.generation}", outputs)
    return paths

"""Moving files into an archive, which is a store itself.

What moves is named here first, so that nobody joins it with other files meanwhile; then it is
complete there; then it is retired here. A crash in between leaves it here, and the archive knows
again what it has taken.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from mcplens.errors import StoreError
from mcplens.store.arrow import DAMAGED, in_order
from mcplens.store.commit import OnStep, Output, begin, commit
from mcplens.store.files import TEMPORARY, DigestingFile, digest_of, locked, sync
from mcplens.store.going import ids_in
from mcplens.store.layout import Store
from mcplens.store.links import LINKS
from mcplens.store.location import is_store
from mcplens.store.manifest import LiveFile, Manifest, Moving, save_manifest
from mcplens.store.reading import why_not_parquet
from mcplens.store.retention import HAPPENINGS, open_archive

_BYTES_AT_A_TIME: Final = 1 << 20


def move(
    store: Store,
    manifest: Manifest,
    files: Collection[LiveFile],
    *,
    archive: Store,
    now: float,
    on_step: OnStep,
) -> Manifest:
    """Move whole files of events, notices and samples, in one change; the store's lock is held."""
    manifest = msgspec.structs.replace(
        manifest,
        generation=manifest.generation + 1,
        moving=Moving(
            archive=str(archive.path),
            paths=tuple(file.path for file in files),
            digests=tuple(_digest(store, file) for file in files),
        ),
    )
    save_manifest(store, manifest)
    on_step("named")
    return finish_move(store, manifest, now=now, on_step=on_step)


def finish_move(store: Store, manifest: Manifest, *, now: float, on_step: OnStep) -> Manifest:
    """Move what is named as moving, from wherever that came to a halt; the store's lock is held.

    Raises:
        StoreError: the archive is not there.
    """
    moving = manifest.moving
    if moving is None:
        return manifest
    files = [file for file in manifest.files if file.path in moving.paths]
    # What was damaged since it was named stays: nobody knows what the archive needs with it.
    files = [file for file in files if why_not_movable(store, file) is None]
    if files:
        archive = open_archive(Path(moving.archive))
        copy_links(store, manifest, _held(store, files), archive=archive, now=now, on_step=on_step)
        _take(archive, store, files, on_step=on_step)
        manifest = commit(
            store,
            manifest,
            name="",
            outputs=(),
            retire=[file.path for file in files],
            unfinished=manifest.unfinished,
            now=now,
            on_step=on_step,
        )
    # Also what was retired here before a crash; an archive that is away by now keeps nobody.
    if is_store(Path(moving.archive)):
        _forget(Store(Path(moving.archive)), _retired(manifest, moving))
        on_step("let go")
    manifest = msgspec.structs.replace(manifest, generation=manifest.generation + 1, moving=None)
    save_manifest(store, manifest)
    on_step("moved")
    return manifest


def why_not_movable(store: Store, file: LiveFile) -> str | None:
    """Say why it cannot be read what a file holds; the archive needs what that belongs to."""
    if reason := why_not_parquet(store, file):
        return reason
    try:
        _held(store, [file])
    except DAMAGED as trouble:
        return f"{store.path / file.path} cannot be read ({trouble})"
    return None


def copy_links(
    store: Store,
    manifest: Manifest,
    held: tuple[set[str], set[str]],
    *,
    archive: Store,
    now: float,
    on_step: OnStep,
) -> None:
    """Copy the rows of these connections and runs that the archive does not have yet."""
    connections, runs = held
    with locked(archive.lock, wait=True):
        there = begin(archive)
        outputs = []
        for table in LINKS:
            column, ids = ("run_id", runs) if table == "runs" else ("connection_id", connections)
            known = {
                _key(row)
                for file in there.files
                if file.table == table
                for row in _rows(archive, file, column, ids).to_pylist()
            }
            found = [
                (file, _rows(store, file, column, ids))
                for file in manifest.files
                if file.table == table
            ]
            outputs += _missing(table, found, known)
        if outputs:
            commit(
                archive,
                there,
                name=f"archived-{there.generation + 1:06d}",
                outputs=outputs,
                retire=(),
                unfinished=there.unfinished,
                now=now,
                on_step=on_step,
            )


def _missing(
    table: str, found: Iterable[tuple[LiveFile, pa.Table]], known: Collection[bytes]
) -> list[Output]:
    pieces: dict[str, list[pa.Table]] = defaultdict(list)
    versions: dict[str, int] = defaultdict(int)
    for file, rows in found:
        is_new = [_key(row) not in known for row in rows.to_pylist()]
        if any(is_new):
            pieces[file.date].append(rows.filter(pa.array(is_new)))
            versions[file.date] = max(versions[file.date], file.schema_version)
    return [
        Output(
            table=table, date=date, content=in_order(table, those), schema_version=versions[date]
        )
        for date, those in sorted(pieces.items())
    ]


def _rows(store: Store, file: LiveFile, column: str, ids: Collection[str]) -> pa.Table:
    rows = pq.ParquetFile(store.path / file.path).read()
    return rows.filter(pa.compute.is_in(rows[column], pa.array(sorted(ids), pa.string())))


def _key(row: dict[str, Any]) -> bytes:
    """Name a row by all that is known in it, whichever columns its file has beside."""
    known = {name: value for name, value in row.items() if value is not None}
    return msgspec.json.encode(known, order="sorted")


def _held(store: Store, files: Iterable[LiveFile]) -> tuple[set[str], set[str]]:
    """Name the connections and runs that rows are of."""
    connections: set[str] = set()
    runs: set[str] = set()
    for file in files:
        if file.table in HAPPENINGS:
            with pq.ParquetFile(store.path / file.path) as opened:
                rows = opened.read(columns=["connection_id", "run_id"])
            connections |= ids_in(rows, "connection_id")
            runs |= ids_in(rows, "run_id")
    return connections, runs


def _digest(store: Store, file: LiveFile) -> str:
    return file.digest or digest_of(store.path / file.path)


def _retired(manifest: Manifest, moving: Moving) -> set[str]:
    """Give the digests of what was moved; what stays after all, the archive may have already."""
    held = (one.file for one in manifest.quarantined)
    stay = {file.path for file in (*manifest.files, *held)}
    both = zip(moving.paths, moving.digests, strict=False)
    return {digest for path, digest in both if path not in stay}


def _take(archive: Store, store: Store, files: Collection[LiveFile], *, on_step: OnStep) -> None:
    """Have an archive hold these files, each once, and know them by their digests."""
    digests = {file.path: _digest(store, file) for file in files}
    with locked(archive.lock, wait=True):
        manifest = begin(archive)
        there = {file.path for file in manifest.files}
        new = {
            file.path: path
            for file in files
            if (path := _path_there(file, digests[file.path])) not in there
            and digests[file.path] not in manifest.taken
        }
        if not new:
            return
        manifest = msgspec.structs.replace(
            manifest, generation=manifest.generation + 1, pending=tuple(new.values())
        )
        save_manifest(archive, manifest)
        on_step("pending there")
        for here, path in new.items():
            final = archive.path / path
            temporary = final.with_name(final.name + TEMPORARY)
            final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _copy(store.path / here, temporary, digest=digests[here])
            temporary.chmod(0o600)
            sync(temporary)
            temporary.rename(final)
            on_step("copied")
        for folder in {(archive.path / path).parent for path in new.values()}:
            sync(folder)
            sync(folder.parent)
        save_manifest(
            archive,
            msgspec.structs.replace(
                manifest,
                files=(
                    *manifest.files,
                    *(
                        msgspec.structs.replace(file, path=new[file.path])
                        for file in files
                        if file.path in new
                    ),
                ),
                pending=(),
                taken=(*manifest.taken, *sorted(digests[path] for path in new)),
            ),
        )
        on_step("taken")


def _path_there(file: LiveFile, digest: str) -> str:
    """Name a file so that those of several stores never meet."""
    return f"{file.table}/date={file.date}/{Path(file.path).stem}-{digest[:16]}.parquet"


def _copy(path: Path, to: Path, *, digest: str) -> None:
    with path.open("rb") as opened, DigestingFile(to) as copied:
        shutil.copyfileobj(opened, copied, _BYTES_AT_A_TIME)
        if copied.hexdigest() != digest:
            raise StoreError(
                f"{path} is not what was written, so it is not archived. Set it aside: "
                "mcplens store verify --repair"
            )


def _forget(archive: Store, retired: set[str]) -> None:
    """Let go of digests whose files the store they came from has retired."""
    with locked(archive.lock, wait=True):
        manifest = begin(archive)
        if retired.isdisjoint(manifest.taken):
            return
        save_manifest(
            archive,
            msgspec.structs.replace(
                manifest,
                generation=manifest.generation + 1,
                taken=tuple(one for one in manifest.taken if one not in retired),
            ),
        )

"""Moving what is damaged or nobody's out of the way, and taking back what is well again.

The manifest forgets a damaged file first and the file moves then: a crash in between leaves it in
its place as nobody's, and nobody reads it. What the manifest knew of it, it goes on knowing, so
that the file can be taken back by its digest, wherever it turns up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from mcplens.errors import StoreError
from mcplens.store.commit import OnStep, begin, free_name, write_reasons
from mcplens.store.damage import examine, quick_look
from mcplens.store.files import cause, locked, sync
from mcplens.store.layout import REASON
from mcplens.store.manifest import QuarantinedFile, save_manifest
from mcplens.store.reading import foreign_parquet

if TYPE_CHECKING:
    from pathlib import Path

    from mcplens.store.damage import Damage
    from mcplens.store.layout import Store
    from mcplens.store.manifest import LiveFile, Manifest

_NOBODYS = (
    "is not in the manifest: nobody can tell whether its rows were lost, or pruned on purpose. "
    "Delete it, or put it back together with a manifest that names it"
)
_DAMAGED = "When it is as it was, `mcplens store verify --repair` takes it back"


@dataclass(slots=True)
class Tidied:
    """What was moved."""

    quarantined_count: int = 0
    taken_back_count: int = 0


def tidy(
    store: Store,
    *,
    doubtful: Collection[Path] = (),
    foreign: bool = False,
    on_step: OnStep = lambda _: None,
) -> Tidied:
    """Move torn Parquet files to the quarantine, and back what is as it was again.

    What is `doubtful` is read whole; of the others only their ends are looked at. `foreign` files
    go only where a person asks for it: an old manifest that was put back knows none of the newer
    ones, and the right one may be put back yet.

    Raises:
        StoreError: the store cannot be written or its manifest not be read.
    """
    tidied = Tidied()
    try:
        with locked(store.lock, wait=True):
            _tidy(store, doubtful, tidied, foreign=foreign, on_step=on_step)
    except OSError as trouble:
        raise StoreError(
            f"cannot move what is damaged to {store.quarantine} ({cause(trouble)}). "
            "It stays where it is, and is not read"
        ) from trouble
    return tidied


def _tidy(
    store: Store, doubtful: Collection[Path], tidied: Tidied, *, foreign: bool, on_step: OnStep
) -> None:
    manifest = _take_back(store, begin(store), tidied, on_step)
    for file in manifest.files:
        look = examine if store.path / file.path in doubtful else quick_look
        found = look(store, file)
        if found is not None and found.is_in_the_bytes:
            manifest = _put_away(store, manifest, file, found, on_step)
            tidied.quarantined_count += 1
    for path in foreign_parquet(store, manifest) if foreign else ():
        move(store, path, reason=f"{store.relative(path)} {_NOBODYS}", on_step=on_step)
        tidied.quarantined_count += 1


def move(
    store: Store, path: Path, *, reason: str, name: str | None = None, on_step: OnStep
) -> None:
    """Move a file to the quarantine, where it takes no other's name; the lock is held."""
    store.quarantine.mkdir(mode=0o700, exist_ok=True)
    name = name or free_name(store, _flat(store.relative(path)))
    write_reasons(store, name, [reason])
    on_step("explained")
    path.rename(store.quarantine / name)
    sync(store.quarantine)
    sync(path.parent)
    on_step("moved")


def _put_away(
    store: Store, manifest: Manifest, file: LiveFile, found: Damage, on_step: OnStep
) -> Manifest:
    name = free_name(store, _flat(file.path))
    manifest = msgspec.structs.replace(
        manifest,
        generation=manifest.generation + 1,
        files=tuple(one for one in manifest.files if one != file),
        quarantined=(*manifest.quarantined, QuarantinedFile(file=file, name=name)),
    )
    save_manifest(store, manifest)
    on_step("dropped")
    reason = f"{file.path} {found.what}. {_DAMAGED}"
    move(store, store.path / file.path, reason=reason, name=name, on_step=on_step)
    return manifest


def _take_back(store: Store, manifest: Manifest, tidied: Tidied, on_step: OnStep) -> Manifest:
    for held in manifest.quarantined:
        found = next(_as_it_was(store, held), None)
        if found is None:
            continue
        place = store.path / held.file.path
        if found != place:
            if place.exists():
                move(store, place, reason=f"{held.file.path} {_NOBODYS}", on_step=on_step)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            found.rename(place)
            sync(place.parent)
            on_step("returned")
        manifest = msgspec.structs.replace(
            manifest,
            generation=manifest.generation + 1,
            files=(*manifest.files, held.file),
            quarantined=tuple(one for one in manifest.quarantined if one != held),
        )
        save_manifest(store, manifest)
        on_step("taken back")
        if not (store.quarantine / held.name).exists():
            (store.quarantine / f"{held.name}{REASON}").unlink(missing_ok=True)
        tidied.taken_back_count += 1
    return manifest


def _as_it_was(store: Store, held: QuarantinedFile) -> Iterator[Path]:
    for path in (store.path / held.file.path, store.quarantine / held.name):
        there = msgspec.structs.replace(held.file, path=store.relative(path))
        if examine(store, there) is None:
            yield path


def _flat(path: str) -> str:
    return path.replace("/", "-")

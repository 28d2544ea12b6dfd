"""Finding, making and opening a store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mcplens.errors import StoreError
from mcplens.events import TABLES
from mcplens.store.files import TEMPORARY, cause, locked
from mcplens.store.layout import SEED_DATE, SEED_TAIL, SEEDS, VIEWS_SQL, Store, seed_path
from mcplens.store.manifest import Manifest, save_manifest

__all__ = ["Store", "create", "locate", "open_damaged_store", "open_store"]

_NEXT = "Record into one with `mcplens record -- COMMAND`, or name another with --store"


def locate(
    explicit: str | Path | None = None,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """Say where the store is: named, in $MCPLENS_STORE, in `.mcplens` upward, or the user's own.

    Raises:
        StoreError: the folder we are in is gone, or a `~` names nobody.
    """
    named = explicit or environment.get("MCPLENS_STORE")
    try:
        if named:
            return Path(named).expanduser().absolute()
        here = (folder or Path.cwd()).absolute()
        for above in (here, *here.parents):
            if (above / ".mcplens").is_dir():
                return above / ".mcplens"
    except (OSError, RuntimeError) as trouble:  # RuntimeError: `~` of nobody.
        raise StoreError(
            f"cannot tell where the store is ({trouble}). Name a whole path with --store"
        ) from trouble
    # Only here, since a recorder pays for every import.
    from platformdirs import user_data_path

    return user_data_path("mcplens") / "store"


def is_store(path: Path) -> bool:
    """Tell whether a folder is a store, with or without its first manifest."""
    store = Store(path)
    return store.manifest.exists() or store.manifest_backup.exists()


def open_store(path: Path) -> Store:
    """Open a store that exists.

    Raises:
        StoreError: there is none at `path`.
    """
    store = Store(path)
    try:
        if is_store(path):
            return store
        if has_lost_manifest(store):
            raise StoreError(
                f"{path} has lost its manifest. Build it anew with "
                f"`mcplens store verify --repair --store {path}`"
            )
        if not path.exists():
            raise StoreError(f"there is no store at {path}. {_NEXT}")
        if not path.is_dir():
            raise StoreError(f"{path} is a file, and a store is a folder. {_NEXT}")
        is_empty = not any(path.iterdir())
    except OSError as trouble:
        raise StoreError(f"{path} cannot be read ({cause(trouble)}). {_NEXT}") from trouble
    what = "is an empty folder, not a store yet" if is_empty else "is a folder, but no store"
    raise StoreError(f"{path} {what}. {_NEXT}")


def open_damaged_store(path: Path) -> Store:
    """Open a store that exists, also one that lost its manifest.

    Raises:
        StoreError: there is none at `path`.
    """
    store = Store(path)
    return store if has_lost_manifest(store) else open_store(path)


def has_lost_manifest(store: Store) -> bool:
    """Tell whether a folder was a store, and holds rows, but says no more which."""
    if is_store(store.path) or not store.lock.exists():
        return False
    files = (store.path / table for table in TABLES)
    return any(
        path.parent.name != f"date={SEED_DATE}"
        for folder in files
        for path in folder.glob("*/*.parquet")
    )


def create(path: Path) -> Store:
    """Make a store, or complete it; any number of processes may do so at once.

    Raises:
        StoreError: `path` is something else, or cannot be written.
    """
    store = Store(path)
    try:
        # A backup without its manifest is a damaged store; whoever seals next puts it right.
        if not (store.manifest.exists() or store.manifest_backup.exists()):
            _make(store)
    except OSError as trouble:
        raise StoreError(
            f"cannot make a store at {path} ({cause(trouble)}). Name a folder with --store"
        ) from trouble
    return store


def _make(store: Store) -> None:
    if store.path.exists():
        if not store.path.is_dir():
            raise StoreError(f"{store.path} is a file, and a store is a folder. {_NEXT}")
        # Nobody wants a `.gitignore` of `*` in a folder that they use for something else.
        if any(store.path.iterdir()) and not store.lock.exists():
            raise StoreError(f"{store.path} holds other things than a store. {_NEXT}")
        store.path.chmod(0o700)
    store.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    store.lock.touch(mode=0o600)
    store.spool.mkdir(mode=0o700, exist_ok=True)
    store.quarantine.mkdir(mode=0o700, exist_ok=True)
    _place(store.path / ".gitignore", b"*\n")
    _place(store.spool / SEED_TAIL, b"")
    for table in TABLES:
        seed = seed_path(store.path, table)
        seed.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _place(seed, seed_path(SEEDS, table).read_bytes())
    if VIEWS_SQL.exists():
        _place(store.views_sql, VIEWS_SQL.read_bytes())
    # The manifest comes last: it is what makes the folder a store.
    with locked(store.lock, wait=True):
        # An empty one beside files with rows would call them nobody's: it has to be rebuilt.
        if not (store.manifest.exists() or has_lost_manifest(store)):
            save_manifest(store, Manifest())


def _place(path: Path, content: bytes) -> None:
    """Write a file unless it stands; two processes may place the same one at once."""
    if path.exists():
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    temporary.write_bytes(content)
    temporary.replace(path)

"""What the place of a store is good for, room, speed and locks, and what is beside its Parquet."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mcplens.store.files import take_lock, write_all
from mcplens.store.layout import REASON, Store
from mcplens.store.manifest import load_manifest
from mcplens.store.parts import has_writer, standing_parts

_SPEED_BYTES = 8_000_000
_SYNCS = 5


class DiskSpeed(NamedTuple):
    """How fast a disk takes what is written."""

    bytes_per_s: float
    """Written and saved for good."""
    sync_ms: float
    """What saving one small write for good takes."""


class BesideParquet(NamedTuple):
    """What is in a store beside its Parquet files."""

    dead_parts: int
    """Spool parts that nobody writes to any more and that are not in Parquet yet."""
    living_parts: int
    quarantined: int
    """Files that were damaged or nobody's."""


def nearest_folder(path: Path) -> Path:
    """Give a store's folder, or the one it would be made in."""
    while not path.is_dir():
        path = path.parent
    return path


@contextmanager
def trial_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside what is in a store's place, and remove it.

    Raises:
        OSError: nothing can be written there.
    """
    with tempfile.TemporaryDirectory(
        prefix=".mcplens-doctor-", dir=nearest_folder(path), ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def free_bytes(path: Path) -> int:
    """Say how much room is left where a store is."""
    return shutil.disk_usage(nearest_folder(path)).free


def disk_speed(folder: Path) -> DiskSpeed:
    """Write a few megabytes, and a few bytes a few times, each saved for good."""
    path = folder / "speed"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        content = os.urandom(_SPEED_BYTES)
        begin = time.perf_counter()
        write_all(descriptor, content)
        os.fsync(descriptor)
        seconds = time.perf_counter() - begin
        syncs = sorted(_sync_s(descriptor) for _ in range(_SYNCS))
    finally:
        os.close(descriptor)
        path.unlink()
    return DiskSpeed(_SPEED_BYTES / seconds, syncs[_SYNCS // 2] * 1000)


def _sync_s(descriptor: int) -> float:
    begin = time.perf_counter()
    write_all(descriptor, b"x" * 200)
    os.fsync(descriptor)
    return time.perf_counter() - begin


def why_no_locks(folder: Path) -> str | None:
    """Say why files there cannot be locked, as readers must rely on; None when they can."""
    path = folder / "lock"
    first = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    second = os.open(path, os.O_RDWR)
    try:
        if not take_lock(first):
            return "a lock that nobody holds cannot be taken"
        return "two can hold one lock" if take_lock(second) else None
    except OSError as trouble:
        return trouble.strerror or str(trouble)
    finally:
        os.close(second)
        os.close(first)
        path.unlink()


def beside_parquet(store: Store) -> BesideParquet:
    """Count what dead and living recorders have in the spool, and what was set aside.

    Raises:
        StoreError: the manifest cannot be read.
    """
    manifest, _ = load_manifest(store)
    is_alive = [has_writer(part) for part in standing_parts(store, manifest)]
    return BesideParquet(
        dead_parts=is_alive.count(False),
        living_parts=is_alive.count(True),
        quarantined=len(list(store.quarantine.glob(f"*{REASON}"))),
    )

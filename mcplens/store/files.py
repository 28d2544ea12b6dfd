"""Writing so that a crash leaves the old file or the new one, and taking locks."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TEMPORARY = ".tmp"
"""What names end in while a file is being written; no reader looks at such names."""


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in place whole, or not at all."""
    temporary = path.with_name(path.name + TEMPORARY)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    sync(path.parent)


class DigestingFile(io.FileIO):
    """A file that is written once, front to back, and knows the digest of what it was given."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "wb")
        self._hash = _new_digest()

    def write(self, content: Any) -> int:
        """Write all of it."""
        self._hash.update(content)
        write_all(self.fileno(), content)
        return memoryview(content).nbytes

    def hexdigest(self) -> str:
        """Give the digest of everything written by now."""
        return self._hash.hexdigest()


def digest_of(path: Path) -> str:
    """Read a file and give the digest of its bytes."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, _new_digest).hexdigest()


def _new_digest() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write everything, in one system call unless the system takes only a part."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync(path: Path) -> None:
    """Have a file or the names in a folder survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def take_lock(descriptor: int, *, wait: bool = False, shared: bool = False) -> bool:
    """Take the lock on an open file, or say that another holds it."""
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold the lock on a file while inside; yield False if another holds it and we do not wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield take_lock(descriptor, wait=wait)
    finally:
        os.close(descriptor)


def cause(trouble: OSError) -> str:
    """Say in a few words what the system refused."""
    return trouble.strerror or str(trouble)

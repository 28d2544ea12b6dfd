"""Where a user's settings lie, and the key that hashes are made with.

Two variables serve tests and CI: `MCPLENS_CONFIG_DIR` names another directory, and
`MCPLENS_HASH_KEY` gives the key itself as hex, so that hashes compare across machines.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_BYTES: Final = 32
_KEY_FILE: Final = "hash.key"
_SHORTEST_KEY_BYTES: Final = 16
_LONGEST_KEY_BYTES: Final = 64  # What blake2b takes.


@dataclass(frozen=True, slots=True, kw_only=True)
class HashKey:
    """The key that hashes of contents are made with."""

    key: bytes
    trouble: str | None = None
    """Why the user's own key could not be used: hashes then compare within this process only."""


def config_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Say where this user's settings lie; the directory need not exist."""
    named = (os.environ if environ is None else environ).get("MCPLENS_CONFIG_DIR")
    if named:
        return Path(named)
    import platformdirs  # Not needed where the variable is set, and slow for a proxy.

    return platformdirs.user_config_path("mcplens")


def hash_key(environ: Mapping[str, str] | None = None) -> HashKey:
    """Fetch the user's key, making it the first time; never raises.

    A key that cannot be read or made is replaced by one that lives as long as this process.
    """
    given = (os.environ if environ is None else environ).get("MCPLENS_HASH_KEY")
    try:
        if given:
            return HashKey(key=_from_hex(given, where="MCPLENS_HASH_KEY"))
        return HashKey(key=_from_file(config_dir(environ) / _KEY_FILE))
    except (OSError, ValueError, RuntimeError) as error:
        # RuntimeError: there is no home directory.
        return HashKey(key=_key_of_this_process(), trouble=f"no lasting hash key: {error}")


def _from_hex(text: str, *, where: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if not _SHORTEST_KEY_BYTES <= len(key) <= _LONGEST_KEY_BYTES:
        raise ValueError(
            f"{where} is no key. It takes {2 * _SHORTEST_KEY_BYTES} to {2 * _LONGEST_KEY_BYTES} "
            "hex digits"
        )
    return key


def _from_file(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(path)
    return _from_hex(path.read_text("ascii", "replace"), where=str(path))


def _make(path: Path) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            # A name that survives a loss of power without its content would be no key for ever.
            os.fsync(descriptor)
        # A link is refused where the name is taken, and never shows half a key: of many processes
        # that start at once, one makes the key and all read it.
        with contextlib.suppress(FileExistsError):
            _publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # A file system without links: the last of several keys made at once stays.
        if not path.exists():
            draft.rename(path)


@cache
def _key_of_this_process() -> bytes:
    return secrets.token_bytes(KEY_BYTES)

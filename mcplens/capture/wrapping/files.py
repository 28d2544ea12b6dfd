"""A client's file, changed as a whole or not at all, and what is remembered to change it back."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from mcplens.capture.wrapping.entries import (
    Entry,
    Original,
    entries,
    original_of,
    own_words,
    unwrapping,
    wrapping,
)
from mcplens.capture.wrapping.jsonc import Change, NotJsoncError, apply, parse
from mcplens.config import config_dir
from mcplens.errors import UsageError
from mcplens.store.files import cause

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

Done = Literal["wrapped", "unwrapped", "already", "by_hand", "plain", "url", "strange", "not_named"]
"""What became of an entry: the two changes, and the reasons to leave it alone."""

_FOLDER: Final = "wrapped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one file is to change."""

    file: Path
    before: bytes
    after: bytes
    done: list[tuple[Entry, Done]]
    originals: dict[str, Original]
    """What the file's recorded entries were, by pointer, once the plan is carried out."""

    def difference(self) -> str:
        """Show the change line by line."""
        before, after = (text.decode().splitlines() for text in (self.before, self.after))
        name = str(self.file)
        return "\n".join(difflib.unified_diff(before, after, name, name, lineterm="", n=2))


def read_entries(file: Path) -> list[Entry]:
    """List the servers of a file.

    Raises:
        UsageError: it cannot be read, or is no JSON.
    """
    return _read(file)[1]


def plan_wrap(
    file: Path, *, recorder: Callable[[Entry], Sequence[str]], only: Collection[str] = ()
) -> Plan:
    """Plan to put a file's servers behind the recorder; with `only`, those of these names.

    Raises:
        UsageError: the file cannot be read, or is no JSON.
    """
    before, found = _read(file)
    text = before.decode()
    originals = _remembered(file)
    changes: list[Change] = []
    done: list[tuple[Entry, Done]] = []
    for entry in found:
        if only and entry.name not in only:
            done.append((entry, "not_named"))
        elif entry.state == "plain":
            words = recorder(entry)
            changes += wrapping(text, entry, words)
            originals[entry.pointer] = original_of(text, entry, words)
            done.append((entry, "wrapped"))
        else:
            done.append((entry, "already" if entry.state == "recorded" else entry.state))
    after = apply(text, changes).encode()
    return Plan(file=file, before=before, after=after, done=done, originals=originals)


def plan_unwrap(file: Path, *, only: Collection[str] = ()) -> Plan:
    """Plan to let a file's client start the servers itself again.

    Raises:
        UsageError: the file cannot be read, or is no JSON.
    """
    before, found = _read(file)
    text = before.decode()
    originals = _remembered(file)
    changes: list[Change] = []
    done: list[tuple[Entry, Done]] = []
    for entry in found:
        if only and entry.name not in only:
            done.append((entry, "not_named"))
        elif entry.state != "recorded":
            done.append((entry, entry.state))
        elif not own_words(entry):
            done.append((entry, "strange"))
        elif entry.pointer not in originals and not only:
            done.append((entry, "by_hand"))
        else:
            changes += unwrapping(text, entry, originals.pop(entry.pointer, None))
            done.append((entry, "unwrapped"))
    after = apply(text, changes).encode()
    return Plan(file=file, before=before, after=after, done=done, originals=originals)


def carry_out(plan: Plan) -> None:
    """Change a file as planned, unless somebody changed it meanwhile.

    Raises:
        UsageError: it was changed meanwhile, or cannot be written; nothing is changed then.
    """
    if plan.after == plan.before:
        return
    try:
        # What it was is written down first: a crash in between leaves a note too many, no harm.
        _remember(plan.file, {**_remembered(plan.file), **plan.originals})
        target = plan.file.resolve()  # A link stays one.
        if target.read_bytes() != plan.before:
            raise UsageError(f"{plan.file} was changed just now by somebody else. Try again")
        _replace(target, plan.after, mode=target.stat().st_mode & 0o777)
        _remember(plan.file, plan.originals)
    except OSError as error:
        raise UsageError(
            f"{plan.file} cannot be changed: {error.filename} cannot be written ({cause(error)})"
        ) from error


def _read(file: Path) -> tuple[bytes, list[Entry]]:
    try:
        data = file.read_bytes()
        text = data.decode()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no UTF-8 text, so it is left alone") from error
    if not text.strip():
        return data, []
    try:
        return data, entries(parse(text))
    except NotJsoncError as error:
        raise UsageError(f"{file}, {error}. Mend it first; nothing was changed") from error


def _memory(file: Path) -> Path:
    name = hashlib.sha256(os.fsencode(file.resolve())).hexdigest()[:16]
    return config_dir() / _FOLDER / f"{name}.json"


def _remembered(file: Path) -> dict[str, Original]:
    try:
        return msgspec.json.decode(_memory(file).read_bytes(), type=dict[str, Original])
    except (OSError, ValueError):  # Without it, an entry is restored from its own words.
        return {}


def _remember(file: Path, originals: dict[str, Original]) -> None:
    memory = _memory(file)
    if not originals:
        memory.unlink(missing_ok=True)
        return
    memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _replace(memory, msgspec.json.encode(originals), mode=0o600)


def _replace(target: Path, data: bytes, *, mode: int) -> None:
    """Put a new file in the place of an old one: readers see either, whole."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()

"""What a run is called when nobody names it: the branch and commit it was recorded at.

Git's own files are read, since starting git would cost more than starting the recorder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SHORT: Final = 7
"""Digits of a commit that people are used to."""

SYMBOLIC_DEPTH: Final = 5
"""How many names a name may lead through, as in git itself."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")


def default_label(cwd: Path | None = None) -> str | None:
    """Name the branch and commit of a checkout, such as `main@1a2b3c4`; None outside of one."""
    try:
        git_dir = _git_dir(cwd or Path.cwd())
        if git_dir is None:
            return None
        head = _read(git_dir / "HEAD")
        if head is None:
            return None
        commit = _commit(git_dir, head)
    except (OSError, ValueError):  # ValueError: bytes that are no text
        return None
    branch = head.removeprefix("ref: ").removeprefix("refs/heads/")
    if branch == head:
        branch = "HEAD"
    if commit is None:
        # A name that git keeps elsewhere (reftable) is a placeholder; a new branch is a name.
        return branch if branch != ".invalid" else None
    return f"{branch}@{commit[:SHORT]}"


def _git_dir(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        git = folder / ".git"
        if git.is_dir():
            return git
        # Worktrees and submodules have a file that says where the folder is.
        if git.is_file():
            return folder / (_read(git) or "").removeprefix("gitdir: ")
    return None


def _commit(git_dir: Path, head: str) -> str | None:
    """Follow names until one is a commit; None on a branch without commits."""
    common = git_dir / (_read(git_dir / "commondir") or ".")
    value: str | None = head
    for _ in range(SYMBOLIC_DEPTH):
        if value is None or _COMMIT.fullmatch(value):
            return value
        name = value.removeprefix("ref: ")
        value = _read(git_dir / name) or _read(common / name) or _packed(common, name)
    return None


def _packed(common: Path, name: str) -> str | None:
    for line in (_read(common / "packed-refs") or "").splitlines():
        commit, _, packed_name = line.partition(" ")
        if packed_name == name:
            return commit
    return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None

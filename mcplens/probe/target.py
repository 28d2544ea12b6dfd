"""Which server to call: a target, as it is written on a command line."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from mcplens.errors import CommandNotFoundError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server to call over stdio: the command that starts it."""

    command: tuple[str, ...]
    """The words of the command, as they were written."""

    executable: str
    """Where its program was found."""

    def __str__(self) -> str:
        return shlex.join(self.command)


def parse_target(text: str) -> Target:
    """Read a command such as `python server.py`, split as a shell would, and find its program.

    A program is looked up on PATH, then beside the Python that runs this, so that servers of the
    same environment are found where that is not activated.
    """
    if "://" in text.partition(" ")[0]:
        raise UsageError(
            f'"{text}" is an address; a target is a command, such as "python server.py"'
        )
    try:
        command = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"{text}: {error}; check the quotes") from None
    if not command:
        raise UsageError('the target is empty; write a command, such as "python server.py"')
    beside = Path(sys.executable).parent
    executable = shutil.which(command[0]) or shutil.which(command[0], path=os.fspath(beside))
    if executable is None:
        raise CommandNotFoundError(
            f"{command[0]}: no such command, or not executable. A target is the command that "
            'starts the server, such as "python server.py"'
        )
    return Target(command=command, executable=executable)

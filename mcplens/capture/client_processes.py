"""Which process a client is: one agent that starts five servers is one client.

A process is told by the boot of the machine, its number and the moment it began. For a server, and
for whoever stands in for one, the client is the parent process; where that is a shell, a launcher
or a service manager, it says nothing about who asks, and the client's process stays unknown.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.privacy import Privacy

_RUN_BY_INTERPRETERS: Final = frozenset(
    {"npx", "npm", "pnpm", "pnpx", "yarn", "bunx", "corepack", "nodemon", "pm2"}
    | {"uv", "uvx", "pipx", "poetry", "pdm", "hatch", "tox", "nox", "poe"}
    | {"supervisord", "circusd", "honcho", "foreman"}
)
"""What starts others for somebody else, and is a script itself."""

_SAYS_NOTHING: Final = _RUN_BY_INTERPRETERS | frozenset(
    {"sh", "ash", "bash", "dash", "zsh", "fish", "ksh", "mksh", "tcsh", "csh", "busybox"}
    | {"nu", "pwsh", "xonsh", "elvish"}
    | {"volta", "rye", "pixi", "conda", "mamba", "micromamba", "mise", "asdf", "direnv", "nix"}
    | {"env", "sudo", "doas", "su", "runuser", "timeout", "nohup", "setsid", "nice", "stdbuf"}
    | {"xargs", "parallel", "make", "just", "script", "strace", "time", "watch", "entr"}
    | {"init", "systemd", "launchd", "s6-supervise", "runsv", "monit", "cron", "crond", "atd"}
    | {"tini", "dumb-init", "docker-init", "catatonit", "containerd-shim", "conmon", "bwrap"}
    | {"sshd", "sshd-session", "tmux", "screen", "inetd", "xinetd", "socat"}
)

_INTERPRETER: Final = re.compile(r"(node|nodejs|bun|deno|ruby|perl|pypy[\d.]*|python[\d.]*)w?")
_SCRIPT_ENDING: Final = re.compile(r"(-cli)?\.[cm]?js")
_INIT: Final = 1


class Process(NamedTuple):
    """What the machine says of a process."""

    began: str
    """When it began, in whatever way this machine counts."""
    words: tuple[str, ...]
    """Its command line; nothing of it is kept."""


def own_process_id(privacy: Privacy, *, process: int | None = None) -> str | None:
    """Name the process we are in, for an observer that is part of the client."""
    process = os.getpid() if process is None else process
    seen = look_at(process)
    return None if seen is None else _hashed(process, seen, privacy)


def parent_process_id(
    privacy: Privacy,
    *,
    process: int | None = None,
    look: Callable[[int], Process | None] | None = None,
) -> str | None:
    """Name the process that started us, for an observer that is, or stands in for, the server.

    None where it says nothing about who asks: when it is gone, a shell, a launcher or a service
    manager.
    """
    process = os.getppid() if process is None else process
    if process <= _INIT:
        return None
    seen = (look or look_at)(process)
    if seen is None or says_nothing(seen.words):
        return None
    return _hashed(process, seen, privacy)


def says_nothing(words: tuple[str, ...]) -> bool:
    """Say whether a command line is of a program that starts others for somebody else."""
    if not words:
        return True
    # npm gives itself a title such as "npm exec some-server"; a login shell's name begins with -.
    name = _base_name(words[0].split(" ")[0].lstrip("-")).removesuffix(".exe")
    rest = words[1:]
    if name in _SAYS_NOTHING:
        return True
    if _INTERPRETER.fullmatch(name):
        rest = tuple(word for word in rest if not word.startswith("-"))
        name = _SCRIPT_ENDING.sub("", _base_name(rest[0])) if rest else ""
        rest = rest[1:]
    # Ourselves: what stands in for a server is nobody's agent.
    return name in _RUN_BY_INTERPRETERS or (name == "mcplens" and rest[:1] == ("record",))


def look_at(process: int) -> Process | None:
    """Ask the machine about a process; None when there is none, or nothing can be known."""
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        return _look_on_linux(process) if sys.platform == "linux" else _look_with_ps(process)
    return None


def _look_on_linux(process: int) -> Process:
    folder = Path("/proc") / str(process)
    # The name in brackets may hold anything, also brackets and blanks.
    fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
    command = (folder / "cmdline").read_bytes().rstrip(b"\0")
    words = (
        tuple(word.decode("utf-8", "replace") for word in command.split(b"\0")) if command else ()
    )
    return Process(began=fields[19].decode(), words=words)


def _look_with_ps(process: int) -> Process:
    asked = ["ps", "-o", "lstart=", "-o", "command=", "-p", str(process)]
    # In another language or zone the moment would be written in another way.
    found = subprocess.run(
        asked, env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}, capture_output=True, check=True
    )
    words = found.stdout.decode("utf-8", "replace").split()
    return Process(began=" ".join(words[:5]), words=tuple(words[5:]))


def _hashed(process: int, seen: Process, privacy: Privacy) -> str:
    boot = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return privacy.hash(f"process\0{boot}\0{process}\0{seen.began}".encode())


def _base_name(word: str) -> str:
    return word.replace("\\", "/").rpartition("/")[2].lower()

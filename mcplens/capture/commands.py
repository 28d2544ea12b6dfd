"""Command lines without what may be secret in them.

A server's command often holds keys, connection strings and paths. What is kept is what says which
server it is: the program, what a launcher such as `npx` or `python -m` starts, and the names of
flags. Every other word becomes `…`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mcplens.capture.names import clean_address, clean_name

if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN: Final = "…"

_PYTHON: Final = re.compile(r"(python|pypy)[0-9.]*w?")
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_PACKAGE: Final = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]*)([@=\[~^<>!].*)?")
_LONG_FLAG: Final = re.compile(r"(--[A-Za-z][A-Za-z0-9_.-]*)(=.*)?", re.DOTALL)
_SHORT_FLAG: Final = re.compile(r"(-[A-Za-z])(.*)", re.DOTALL)
_SCRIPT_ENDINGS: Final = (".py", ".js", ".mjs", ".cjs", ".ts", ".sh", ".exe")

_LAUNCHERS: Final = frozenset(
    {"node", "nodejs", "deno", "bun", "bunx", "npx", "pnpx", "tsx", "uvx", "uv", "pipx", "env"}
)
_SUBCOMMANDS: Final = frozenset({"run", "tool", "x", "exec", "dlx"})
_SWITCHES: Final = frozenset(
    # Flags of launchers that take no value, so that the next word is still the launcher's.
    {"-y", "--yes", "-q", "--quiet", "-u", "-E", "-I", "-s", "-S", "-B", "-O", "-OO", "-P", "-i"}
    | {"--no-install", "--offline", "--isolated", "--no-cache", "--no-project", "--no-sync"}
    | {"--frozen", "--locked", "--no-warnings", "--inspect", "-A", "--allow-all"}
)
_SETTINGS: Final = frozenset(
    # Flags of launchers whose value is the word after them.
    {"--from", "--with", "--package", "-p", "--directory", "--project", "--python", "--index-url"}
    | {"--with-editable", "-W", "-X", "-r", "--require", "--import", "--loader", "-C", "--spec"}
)


def redact_command(argv: Sequence[str]) -> str | None:
    """Write a command with only its program, what a launcher starts, and flag names."""
    if not argv:
        return None
    words, rest = _program(argv)
    return " ".join([*words, *map(_redact_word, rest)])


def name_of_command(argv: Sequence[str]) -> str | None:
    """Guess a server's name from its command: `npx @scope/server-git` is server-git."""
    if not argv:
        return None
    words, _ = _program(argv)
    name = next((w for w in reversed(words) if w != HIDDEN and not w.startswith("-")), None)
    for ending in _SCRIPT_ENDINGS:
        if name is not None and name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def _program(argv: Sequence[str]) -> tuple[list[str], Sequence[str]]:
    """Split a command into the words that say what is started, made safe, and the others."""
    name = _program_name(argv[0])
    words = [name]
    stem = name.lower().removesuffix(".exe")
    is_python = _PYTHON.fullmatch(stem) is not None
    if not is_python and stem not in _LAUNCHERS:
        return words, argv[1:]
    at = 1
    while at < len(argv):
        word = argv[at]
        if (is_python or stem == "uv") and word == "-m" and at + 1 < len(argv):
            module = argv[at + 1]
            words += ["-m", module if _MODULE.fullmatch(module) else HIDDEN]
            return words, argv[at + 2 :]
        if stem != "env" and word in _SETTINGS and at + 1 < len(argv):
            words += [word, HIDDEN]
            at += 2
        elif stem == "env" and "=" in word:
            words.append(HIDDEN)
            at += 1
        elif stem != "env" and (word in _SWITCHES or re.match(r"--[^=]+=", word)):
            words.append(_redact_word(word))
            at += 1
        elif word.startswith("-"):
            # Nobody knows whether the next word is this flag's value.
            return words, argv[at:]
        elif word in _SUBCOMMANDS and stem in ("uv", "pipx", "deno", "bun"):
            words.append(word)
            at += 1
        elif stem == "env":
            inner, rest = _program(argv[at:])
            return [*words, *inner], rest
        else:
            return [*words, _package_name(word)], argv[at + 1 :]
    return words, argv[at:]


def _program_name(word: str) -> str:
    name = _base_name(word)
    # What has a user in it is an address, and what begins like a flag was meant as one.
    return HIDDEN if name.startswith("-") or "@" in name or ":" in name else name


def _package_name(word: str) -> str:
    """Name the script or package a launcher starts, without version and without a user."""
    match = _PACKAGE.fullmatch(_base_name(word))
    return match[1] if match else HIDDEN


def _base_name(word: str) -> str:
    if "://" in word:
        word = clean_address(word) or ""
    last = re.split(r"[/\\]", word.rstrip("/\\"))[-1]
    # A whole command line in one word, or `KEY=value`, is no program's name.
    return clean_name(re.split(r"[\s=?#;&]", last)[0]) or HIDDEN


def _redact_word(word: str) -> str:
    if match := _LONG_FLAG.fullmatch(word):
        return f"{match[1]}={HIDDEN}" if match[2] else match[1]
    if match := _SHORT_FLAG.fullmatch(word):
        # `-psecret` and `-port` cannot be told apart.
        return f"{match[1]}{HIDDEN}" if match[2] else match[1]
    return word if word == "--" else HIDDEN

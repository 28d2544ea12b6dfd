"""The servers in a client's file: which there are, and how one is put behind the recorder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal

from mcplens.capture.wrapping.jsonc import Change, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

State = Literal["plain", "recorded", "url", "strange"]

_SERVER_MAPS: Final = (("mcpServers",), ("servers",), ("mcp", "servers"))
_PROJECTS: Final = "projects"
_URL_KEYS: Final = ("url", "serverUrl", "httpUrl")
_END_OF_OPTIONS: Final = "--"
_ADDED: Final = ', "args": '
"""What stands before arguments that an entry did not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One server in a client's file."""

    pointer: str
    """Where it stands in the file, as a JSON pointer."""
    name: str
    project: str | None
    """The project it is for, in files that hold several."""
    state: State
    words: tuple[str, ...]
    """The command with its arguments; empty when it is started in no such way."""
    node: Node

    @property
    def shown(self) -> str:
        """The name as people tell it from others."""
        return self.name if self.project is None else f"{self.name} (for {self.project})"


def entries(root: Node) -> list[Entry]:
    """List the servers of a file, in their order."""
    found = list(_in_maps(root, pointer="", project=None))
    projects = root.members.get(_PROJECTS)
    if projects is not None:
        for path, project in projects.members.items():
            pointer = f"/{_PROJECTS}/{_escaped(path)}"
            found += _in_maps(project, pointer=pointer, project=path)
    return found


def _in_maps(root: Node, *, pointer: str, project: str | None) -> Iterator[Entry]:
    for keys in _SERVER_MAPS:
        servers: Node | None = root
        for key in keys:
            servers = servers.members.get(key) if servers is not None else None
        if servers is None:
            continue
        for name, node in servers.members.items():
            words = _words(node)
            yield Entry(
                pointer="/".join([pointer, *keys, _escaped(name)]),
                name=name,
                project=project,
                state=_state(node, words),
                words=words,
                node=node,
            )


def _words(node: Node) -> tuple[str, ...]:
    command = node.members.get("command")
    arguments = node.members.get("args")
    given = [] if arguments is None else arguments.value
    if command is None or not isinstance(given, list):
        return ()
    words = [command.value, *given]
    return tuple(words) if words[0] and all(isinstance(word, str) for word in words) else ()


def _state(node: Node, words: tuple[str, ...]) -> State:
    if words:
        return "recorded" if _is_recorded(words) else "plain"
    return "url" if any(key in node.members for key in _URL_KEYS) else "strange"


def _is_recorded(words: Sequence[str]) -> bool:
    names = [PurePath(word.replace("\\", "/")).name.removesuffix(".exe") for word in words]
    end = names.index(_END_OF_OPTIONS) if _END_OF_OPTIONS in names else len(names)
    return ("mcplens", "record") in pairwise(names[:end])


def own_words(entry: Entry) -> tuple[str, ...]:
    """Give the server's own command behind the recorder's; empty where nothing tells them apart."""
    if _END_OF_OPTIONS not in entry.words:
        return ()
    return entry.words[entry.words.index(_END_OF_OPTIONS) + 1 :]


def wrapping(text: str, entry: Entry, recorder: Sequence[str]) -> list[Change]:
    """Say how an entry's text changes so that the recorder starts it."""
    command, *arguments = recorder
    arguments.append(entry.words[0])
    node = entry.node.members["command"]
    changes = [Change(start=node.start, end=node.end, text=_json(command))]
    given = entry.node.members.get("args")
    if given is None:
        written = _ADDED + _array(arguments)
        return [*changes, Change(start=node.end, end=node.end, text=written)]
    if not given.value:
        return [*changes, Change(start=given.start, end=given.end, text=_array(arguments))]
    # What is there stays to the letter, comments and all; the new words come before it.
    before, between, _ = _spacing(text[given.start : given.end])
    written = before + f",{between}".join(map(_json, arguments)) + ("," if before else ", ")
    return [*changes, Change(start=given.start + 1, end=given.start + 1, text=written)]


def unwrapping(text: str, entry: Entry, original: Original | None) -> list[Change]:
    """Say how an entry's text changes so that the client starts the server itself again.

    With its original, an entry that nobody changed since becomes what it was to the letter.
    """
    command, arguments = entry.node.members["command"], entry.node.members.get("args")
    is_untouched = original is not None and original.wrapped == entry.words
    if original is not None and is_untouched and arguments is not None:
        changes = [Change(start=command.start, end=command.end, text=original.command)]
        if original.arguments is not None:
            back = Change(start=arguments.start, end=arguments.end, text=original.arguments)
            return [*changes, back]
        if text[command.end : arguments.start] == _ADDED:
            return [*changes, Change(start=command.end, end=arguments.end, text="")]
    first, *rest = own_words(entry)
    changes = [Change(start=command.start, end=command.end, text=_json(first))]
    if arguments is not None:
        written = _array(rest, text[arguments.start : arguments.end])
        changes.append(Change(start=arguments.start, end=arguments.end, text=written))
    return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What an entry was before, and what it became."""

    wrapped: tuple[str, ...]
    """The words it became; where it has others now, somebody changed it since."""
    command: str
    """The text of the command's value."""
    arguments: str | None
    """The text of the arguments' value; None when there was none."""


def original_of(text: str, entry: Entry, recorder: Sequence[str]) -> Original:
    """Note what an entry is, before it is put behind the recorder."""
    command, arguments = entry.node.members["command"], entry.node.members.get("args")
    return Original(
        wrapped=(*recorder, *entry.words),
        command=text[command.start : command.end],
        arguments=None if arguments is None else text[arguments.start : arguments.end],
    )


def _array(words: Sequence[str], style: str = "[]") -> str:
    """Write an array as the one it replaces was written: on one line, or a line for each."""
    if not words:
        return "[]"
    before, between, after = _spacing(style)
    return f"[{before}{f',{between}'.join(map(_json, words))}{after}]"


def _spacing(style: str) -> tuple[str, str, str]:
    """Take from an array's text what stands before its items, between them, and before its end."""
    if "\n" not in style:
        return "", " ", ""
    line_end = "\r\n" if "\r\n" in style else "\n"
    lines = style.split("\n")
    outer = _indent(lines[-1])
    first = next((line for line in lines[1:-1] if line.strip()), outer + "  ")
    inner = line_end + _indent(first)
    return inner, inner, line_end + outer


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _json(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")

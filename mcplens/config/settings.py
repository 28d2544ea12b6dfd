"""What mcplens.toml says, as values that cannot change, and how to ask them about one tool.

A glob is matched against `server:tool`. Of several that match, the last one in the file counts, as
in a .gitignore.
"""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import msgspec

if TYPE_CHECKING:
    from mcplens.events import ErrorClass

Keep = Literal["none", "shape", "full"]
KEEP: Final[tuple[Keep, ...]] = ("none", "shape", "full")
"""What of contents may be kept, from the least to the most."""

PathStep = str | int | None
"""A step of a JSON path: a key, an index, or None for every one."""

_Value = TypeVar("_Value")


# msgspec classes and no dataclasses, since every recorder waits for them, and those take 3 ms.
class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """What is cut out of contents before they are written."""

    keys: tuple[str, ...] = ()
    """Globs of keys whose values are cut out, whatever their case."""
    paths: tuple[tuple[PathStep, ...], ...] = ()
    """Places in arguments or in a result."""
    patterns: tuple[str, ...] = ()
    """RE2 expressions; what they match is cut out of every text."""
    built_in: bool = True
    """Whether what looks like a secret is cut out as well."""


class ErrorRule(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of failure of a server is told, by its owner's word."""

    name: str
    error_class: ErrorClass
    tool: str = "*:*"
    is_soft: bool = False
    """Whether it looks at results that claim success, instead of at errors."""
    codes: tuple[int, ...] = ()
    where: tuple[tuple[tuple[PathStep, ...], object], ...] = ()
    """Places in the error or the result, and the values that must stand there."""
    text: str | None = None
    """An RE2 expression that the error's words must match."""


class ToolNotes(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner of a tool says of its calls; None is what nobody said."""

    cost_usd: float | None = None
    """What one call costs."""
    upstream: str | None = None
    reversibility: str | None = None
    is_idempotent: bool | None = None
    credential_mode: str | None = None
    credential_scope: str | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What mcplens.toml says; without a file it says nothing."""

    path: Path | None = None
    keep: Keep | None = None
    """What of contents is kept where no glob says otherwise; None is shape."""
    keep_by_tool: tuple[tuple[str, Keep], ...] = ()
    redaction: Redaction = Redaction()
    error_rules: tuple[ErrorRule, ...] = ()
    """In their order: the first that matches decides, before all that are built in."""
    notes_by_tool: tuple[tuple[str, ToolNotes], ...] = ()
    handle_by_tool: tuple[tuple[str, str], ...] = ()
    trouble: str | None = None
    """Why a recorder could not use the file; then no contents are kept at all."""

    def with_keep(self, keep: Keep | None) -> Settings:
        """Let the command line say what is kept where no glob does; none is none everywhere."""
        if keep is None or self.trouble is not None:
            return self
        by_tool = () if keep == "none" else self.keep_by_tool
        return msgspec.structs.replace(self, keep=keep, keep_by_tool=by_tool)

    def keep_for(self, server: str | None, tool: str | None) -> Keep:
        """Say what may be kept of a tool's arguments, results and error texts.

        Without a tool it is about what is no call, such as an elicitation: nothing more is kept of
        it than of any tool of the server.
        """
        default: Keep = self.keep or "shape"
        if not self.keep_by_tool:
            return default
        if tool is not None:
            return _last(self.keep_by_tool, server, tool) or default
        of_server = [keep for glob, keep in self.keep_by_tool if _is_of_server(glob, server)]
        return min([default, *of_server], key=KEEP.index)

    def notes_for(self, server: str | None, tool: str | None) -> ToolNotes | None:
        """Say what the file notes about a tool; later entries go over earlier ones, field by field.

        None when it notes nothing.
        """
        said: dict[str, object] = {}
        for glob, notes in self.notes_by_tool:
            if matches(glob, server, tool):
                values = msgspec.structs.asdict(notes)
                said.update((name, value) for name, value in values.items() if value is not None)
        return msgspec.structs.replace(_NO_NOTES, **said) if said else None

    def session_handle(self, server: str | None, tool: str | None) -> str | None:
        """Name the argument of a tool whose value tells one session from another."""
        return _last(self.handle_by_tool, server, tool) if self.handle_by_tool else None


NO_SETTINGS: Final = Settings()
_NO_NOTES: Final = ToolNotes()


def matches(glob: str, server: str | None, tool: str | None) -> bool:
    """Tell whether a glob means a tool; a server or tool without a name is the empty one."""
    return fnmatch.fnmatchcase(f"{server or ''}:{tool or ''}", glob)


def _is_of_server(glob: str, server: str | None) -> bool:
    return fnmatch.fnmatchcase(server or "", glob.partition(":")[0])


def _last(
    by_tool: tuple[tuple[str, _Value], ...], server: str | None, tool: str | None
) -> _Value | None:
    for glob, value in reversed(by_tool):
        if matches(glob, server, tool):
            return value
    return None

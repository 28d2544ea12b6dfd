"""From notes to an event's columns, through what privacy allows.

The tool's own note goes over the one in its result, and that over mcplens.toml, column by column;
`note_basis` names the first of them that said anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.names import MAX_NAME
from mcplens.events import SideEffect

if TYPE_CHECKING:
    from mcplens.capture.note import Note
    from mcplens.capture.privacy import Privacy
    from mcplens.config import ToolNotes
    from mcplens.events import Event

_MAX_TEXT: Final = 500
_QUERY: Final = re.compile(r"(\w://[^\s?#]{0,1000})[?#]\S*")
_PLAIN: Final = (
    "reversibility",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "is_idempotent",
)
_NAMES: Final = ("upstream", "credential_mode", "credential_scope")


def write_notes(
    event: Event,
    *,
    told: Note | None,
    of_result: Note | None,
    configured: ToolNotes | None,
    privacy: Privacy,
) -> None:
    """Write into an event what was noted of it.

    Args:
        event: The call.
        told: What its tool noted while it ran.
        of_result: What its result says.
        configured: What mcplens.toml says of the tool.
        privacy: What of contents may be kept.
    """
    for basis, note in (("configuration", configured), ("result", of_result), ("tool", told)):
        if note is not None and _write(event, note, privacy):
            event.note_basis = basis


def _write(event: Event, note: Note | ToolNotes, privacy: Privacy) -> bool:
    said = {name: getattr(note, name, None) for name in _PLAIN}
    said |= {name: _name(getattr(note, name, None), privacy) for name in _NAMES}
    credential = getattr(note, "credential_id", None)
    if credential is not None and privacy.keep != "none":
        # It may be the credential itself.
        said["credential_id"] = privacy.hash(credential.encode("utf-8", "replace"))
    said["checkpoint"] = _text(getattr(note, "checkpoint", None), privacy)
    side_effects = getattr(note, "side_effects", ())
    said["side_effects"] = [_kept(effect, privacy) for effect in side_effects] or None
    has_said: Any = False
    for name, value in said.items():
        if value is not None:
            setattr(event, name, value)
            has_said = True
    return bool(has_said)


def _kept(effect: SideEffect, privacy: Privacy) -> SideEffect:
    return SideEffect(
        kind=effect.kind,
        target=_target(effect.target, privacy),
        detail=_text(effect.detail, privacy),
    )


def _name(value: str | None, privacy: Privacy) -> str | None:
    return None if value is None else privacy.words(_without_queries(value), limit=MAX_NAME)


def _target(value: str | None, privacy: Privacy) -> str | None:
    if value is None or privacy.keep == "none":
        return None
    if "://" in value:
        return privacy.address(value)
    return privacy.words(_without_queries(value), limit=2 * MAX_NAME)


def _text(value: str | None, privacy: Privacy) -> str | None:
    if value is None or privacy.keep == "none":
        return None
    return privacy.words(_without_queries(value), limit=_MAX_TEXT)


def _without_queries(text: str) -> str:
    return _QUERY.sub(r"\1", text)

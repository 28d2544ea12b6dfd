"""What only a tool knows of its call: what it changed, what it cost, whose credential it used.

A tool in Python says it with `mcplens.note(…)` while it is called. A server in another language
puts the same words into its result, under `_meta` and the key `mcplens/note`. What makes no sense
is left out and told in a notice: a note never harms the call that it is about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from mcplens.events import SideEffect

NOTE_KEY: Final = "mcplens/note"
"""The key of a result's `_meta` under which a server puts its note."""

VERBS: Final = ("created", "updated", "deleted", "sent")
REVERSIBILITY: Final = ("no_effect", "reversible", "permanent")
MAX_SIDE_EFFECTS: Final = 1000
"""Side effects of one call that are kept."""

_AMOUNTS: Final = ("cost_usd", "input_tokens", "output_tokens")
_TEXTS: Final = ("checkpoint", "upstream", "credential_mode", "credential_id", "credential_scope")
_KNOWN: Final = frozenset({*VERBS, *_AMOUNTS, *_TEXTS, "reversibility", "is_idempotent"})
_NO_SIGNAL: Final = 2**53


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What was noted of one call; None is what nobody said."""

    side_effects: tuple[SideEffect, ...] = ()
    reversibility: str | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    checkpoint: str | None = None
    upstream: str | None = None
    credential_mode: str | None = None
    credential_id: str | None = None
    credential_scope: str | None = None
    is_idempotent: bool | None = None

    def then(self, later: Note) -> Note:
        """Add what was noted later: amounts and side effects add up, of words the last counts."""
        values: dict[str, Any] = {}
        for name in self.__struct_fields__:
            before, now = getattr(self, name), getattr(later, name)
            if now is None:
                values[name] = before
            elif before is not None and (name == "side_effects" or name in _AMOUNTS):
                values[name] = before + now
            else:
                values[name] = now
        values["side_effects"] = values["side_effects"][:MAX_SIDE_EFFECTS]
        return Note(**values)


class Understood(NamedTuple):
    """What was understood of a note, and what was not."""

    note: Note
    complaints: tuple[str, ...] = ()


NOTES_OF_CALL: Final[ContextVar[Callable[[Understood], None] | None]] = ContextVar(
    "mcplens_notes_of_call", default=None
)
"""Takes the notes of the recorded call that is under way; None outside of one."""


def note(
    *,
    created: Any = None,
    updated: Any = None,
    deleted: Any = None,
    sent: Any = None,
    reversibility: str | None = None,
    cost_usd: float | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    checkpoint: str | None = None,
    upstream: str | None = None,
    credential_mode: str | None = None,
    credential_id: str | None = None,
    credential_scope: str | None = None,
    is_idempotent: bool | None = None,
) -> None:
    """Note what only the tool knows of the call that it is in; outside of a call, do nothing.

    May be called several times in a call, and from threads that it started with anyio or asyncio:
    amounts and side effects add up, of words the last counts. A value that makes no sense is left
    out, and a notice says so.

    Args:
        created: What the call made: an address, a path or a name, or several in a list. For more
            than a name: `{"target": url, "detail": "issue"}`.
        updated: What it changed.
        deleted: What it took away.
        sent: What it sent, such as a mail.
        reversibility: no_effect, reversible or permanent.
        cost_usd: What it cost, in US dollars.
        input_tokens: Tokens that a model read for it.
        output_tokens: Tokens that a model wrote for it.
        checkpoint: How far the work has come, in the tool's words.
        upstream: The system behind the tool that did the work.
        credential_mode: Whose credential was used: user, service or none.
        credential_id: Which credential that was; only a keyed fingerprint of it is kept.
        credential_scope: What the credential allows.
        is_idempotent: Whether making the same call again changes nothing more.
    """
    take = NOTES_OF_CALL.get()
    if take is None:
        return
    said = {name: value for name, value in locals().items() if name != "take"}
    with suppress(Exception):  # A note never harms the call that it is about.
        take(understand(said))


def understand(said: Mapping[str, Any]) -> Understood:
    """Make of what was said a note, and complaints about what makes no sense."""
    values: dict[str, Any] = {}
    strange = said.keys() - _KNOWN
    complaints = [f"words that no note has: {len(strange)}"] if strange else []
    side_effects: list[SideEffect] = []
    for name in _KNOWN & said.keys():
        value = said[name]
        if value is None:
            continue
        if name in VERBS:
            found = _side_effects(name, value)
            side_effects += found or ()
            is_sound = found is not None
        else:
            is_sound = _is_sound(name, value)
            if is_sound:
                values[name] = value
        if not is_sound:
            complaints.append(f"a note's {name} makes no sense")
    side_effects.sort(key=lambda effect: VERBS.index(effect.kind))
    note = Note(side_effects=tuple(side_effects[:MAX_SIDE_EFFECTS]), **values)
    return Understood(note, tuple(sorted(complaints)))


def note_of_result(result: Mapping[str, Any]) -> Understood | None:
    """Read the note that a server put into a result; None when there is none."""
    meta = result.get("_meta")
    said = meta.get(NOTE_KEY) if isinstance(meta, dict) else None
    if said is None:
        return None
    if not isinstance(said, dict):
        return Understood(Note(), ("a result's note is no object",))
    return understand(said)


def _is_sound(name: str, value: Any) -> bool:
    if name == "is_idempotent":
        return isinstance(value, bool)
    if name == "reversibility":
        return value in REVERSIBILITY
    if name in _AMOUNTS:
        kinds = (int, float) if name == "cost_usd" else (int,)
        is_amount = isinstance(value, kinds) and not isinstance(value, bool)
        return is_amount and math.isfinite(value) and 0 <= value < _NO_SIGNAL
    return isinstance(value, str)


def _side_effects(verb: str, value: Any) -> list[SideEffect] | None:
    """Read one target or several; None when one of them is none."""
    several = islice(value, MAX_SIDE_EFFECTS) if _is_several(value) else [value]
    found = [_side_effect(verb, item) for item in several]
    return None if None in found else [effect for effect in found if effect is not None]


def _is_several(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def _side_effect(verb: str, value: Any) -> SideEffect | None:
    if isinstance(value, str):
        return SideEffect(kind=verb, target=value)
    if not isinstance(value, Mapping):
        return None
    target, detail = value.get("target"), value.get("detail")
    if not isinstance(target, str) or not isinstance(detail, (str, type(None))):
        return None
    return SideEffect(kind=verb, target=target, detail=detail)

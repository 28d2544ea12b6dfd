"""What mcplens.toml makes of a call that a log tells of: its error class, and notes of its tool."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcplens.capture.error_rules import Answer, ErrorRules
from mcplens.capture.noted import write_notes

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.privacy import Privacy
    from mcplens.config import Settings
    from mcplens.events import Event

_NOTES: Final = (
    "upstream", "cost_usd", "input_tokens", "output_tokens", "credential_mode",
    "credential_scope", "reversibility", "is_idempotent", "note_basis",
)  # fmt: skip


class Told(NamedTuple):
    """What a log tells of an answer: its contents, before anything is cut out of them."""

    content: Mapping[str, Any] = MappingProxyType({})
    text: str | None = None


NOTHING_TOLD: Final = Told()


class Configured:
    """The settings, as far as they speak of calls."""

    def __init__(
        self, settings: Settings, *, privacy_of: Callable[[str | None, str | None], Privacy]
    ) -> None:
        self._settings = settings
        self._privacy_of = privacy_of
        self._rules = ErrorRules(settings.error_rules)

    def apply(self, event: Event, told: Told) -> None:
        """Class an event by the rules of mcplens.toml, and note what it says of the tool."""
        settings, server = self._settings, event.server_name
        is_soft = event.outcome == "ok"
        if event.outcome in ("ok", "tool_error", "protocol_error") and settings.error_rules:
            ruled = self._rules.decide(
                Answer(server, event.target, told.content, told.text, event.error_code, is_soft)
            )
            if ruled is not None:
                event.error_class, event.error_rule = ruled
        configured = settings.notes_for(server, event.target)
        if configured is not None and event.call_id is not None:
            of_log = {name: value for name in _NOTES if (value := getattr(event, name)) is not None}
            privacy = self._privacy_of(server, event.target)
            write_notes(event, told=None, of_result=None, configured=configured, privacy=privacy)
            for name, value in of_log.items():  # What the log says of the call itself goes before.
                setattr(event, name, value)

"""From a request to the first half of its event: who asked what of whom, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mcplens.capture.names import clean_name
from mcplens.capture.requests import OpenRequest, RequestKey, id_text, request_key, scoped_key
from mcplens.capture.sessions import Sessions
from mcplens.config import NO_SETTINGS, Settings
from mcplens.events import CALL_METHODS, SCHEMA_VERSION, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mcplens.capture.clock import Clock
    from mcplens.capture.definitions import Definitions, InForce
    from mcplens.capture.identity import ConnectionFacts, Identity
    from mcplens.capture.privacy import Privacy
    from mcplens.capture.sighting import Sighting

Contents = tuple[Any, "Collection[str] | None"]
"""Arguments, and the keys that a definition declares."""

_NO_PARAMS: Final[Mapping[str, Any]] = {}


class Openings:
    """Opens the events of one connection."""

    __slots__ = (
        "_blank",
        "_clock",
        "_definitions",
        "_identity",
        "_next_sequence",
        "_privacy",
        "_run_id",
        "_sessions",
        "_settings",
        "lost_count",
    )

    def __init__(
        self,
        *,
        run_id: str,
        facts: ConnectionFacts,
        identity: Identity,
        definitions: Definitions,
        privacy: Privacy,
        clock: Clock,
        next_sequence: Callable[[], int],
        settings: Settings = NO_SETTINGS,
    ) -> None:
        self._run_id = run_id
        self._identity = identity
        self._definitions = definitions
        self._privacy = privacy
        self._settings = settings
        self._clock = clock
        self._next_sequence = next_sequence
        self._sessions = Sessions(facts, privacy=privacy)
        self._blank = Event(
            run_id=run_id,
            schema_version=SCHEMA_VERSION,
            event_id="",
            connection_id=facts.connection_id,
            observer=facts.observer,
            sequence=0,
            direction="to_server",
            transport=facts.transport,
        )
        self.lost_count: int | None = None
        """Messages lost since the last event was opened."""

    def open(
        self, message: Mapping[str, Any], *, method: str, key: RequestKey, seen: Sighting
    ) -> OpenRequest:
        """Open the event of a request."""
        params = params_of(message)
        event = self._event(method, seen)
        if seen.beside.is_id_known:
            event.request_id = id_text(message["id"])
        request = OpenRequest(event=event, key=key, started_ns=seen.ns, scope=seen.beside.scope)
        request.exchange = seen.beside.exchange or seen.beside.scope
        request.is_first_page = params.get("cursor") is None
        meta = params.get("_meta")
        if isinstance(meta, dict):
            self._identity.learn_from_meta(meta, event)
            request.progress_token = scoped_key(meta.get("progressToken"), seen.beside.scope)
            if request.progress_token is not None:
                event.progress_count = 0
        if method == "initialize" and seen.direction == "to_server":
            self._identity.learn_client(params.get("clientInfo"))
        if method in CALL_METHODS:
            self._open_call(request, method, params)
        else:
            if method.startswith("tasks/"):
                request.task_key = request_key(params.get("taskId"))
            contents = {name: value for name, value in params.items() if name != "_meta"}
            self._keep_at_first(request, (contents, None))
        return request

    def _open_call(self, request: OpenRequest, method: str, params: Mapping[str, Any]) -> None:
        event = request.event
        event.call_id = event.event_id
        event.round = 1
        event.is_final = True
        definition = self._definition_of(method, params)
        if definition is not None:
            request.output_schema = definition.output_schema
        contents = self._describe_call(event, method, params, definition)
        request.has_input = "inputResponses" in params
        if "requestState" in params:
            request.state = self._privacy.digest(params["requestState"])
        self._keep_at_first(request, contents)
        request.likeness = event.arguments_hash or self._privacy.digest(contents[0])
        self._stamp_handle(event, contents[0])

    def _keep_at_first(self, request: OpenRequest, contents: Contents) -> None:
        """Keep what may be kept by what is known now; while a server is not sure, decide again."""
        is_sure = self._privacy.is_same_for_all or self._identity.is_server_sure
        self._keep(request.event, contents, is_sure=is_sure)
        if not is_sure:
            request.contents = contents

    def _stamp_handle(self, event: Event, arguments: Any) -> None:
        name = self._settings.session_handle(self._identity.server_name, event.target)
        if name is not None and isinstance(arguments, dict):
            self._sessions.stamp_handle(event, name, arguments)

    def privacy_of(self, event: Event, *, is_sure: bool = True) -> Privacy:
        """Give what may be kept of an event, by what is known of its server now."""
        target = event.target if event.call_id is not None else None
        return self._privacy.of(self._identity.server_name, target, is_sure=is_sure)

    def keep_again(self, request: OpenRequest) -> None:
        """Decide once more what is kept of arguments, when the server's name was not sure."""
        if request.contents is not None:
            self._keep(request.event, request.contents, is_sure=True)

    def _keep(self, event: Event, contents: Contents, *, is_sure: bool) -> None:
        value, declared = contents
        privacy = self.privacy_of(event, is_sure=is_sure)
        kept = privacy.arguments(value, declared=declared)
        event.arguments, event.arguments_hash, event.arguments_shape = kept

    def _event(self, method: str, seen: Sighting) -> Event:
        sequence = self._next_sequence()
        lost_count, self.lost_count = self.lost_count, None
        beside = seen.beside
        # A copy of what all events of a connection share costs a quarter of a new one.
        event = msgspec.structs.replace(
            self._blank,
            event_id=f"{self._run_id}-{sequence}",
            sequence=sequence,
            direction=seen.direction,
            method=method,
            started_at=self._clock.utc(seen.ns),
            request_bytes=seen.size,
            credential_id=beside.credential_id,
            credential_mode=beside.credential_mode,
            test_id=beside.test_id,
            is_warmup=beside.is_warmup,
            lost_before=lost_count,
        )
        self._sessions.stamp(event, beside)
        return event

    def _definition_of(self, method: str, params: Mapping[str, Any]) -> InForce | None:
        target = params.get("uri" if method == "resources/read" else "name")
        return self._definitions.of_call(method, target)

    def _describe_call(
        self, event: Event, method: str, params: Mapping[str, Any], definition: InForce | None
    ) -> Contents:
        """Write what a call asks for, and give its arguments."""
        if method == "resources/read":
            uri = params.get("uri")
            event.target = self._privacy.address(uri)
            contents: Contents = {"uri": uri}, ("uri",)
        else:
            event.target = clean_name(params.get("name"))
            # A call without arguments and one with none at all ask for the same.
            arguments = params.get("arguments")
            contents = (
                {} if arguments is None else arguments,
                () if definition is None else definition.declared,
            )
        if definition is not None:
            event.definition_hash = definition.definition_hash
            event.is_read_only = definition.is_read_only
            event.is_idempotent = definition.is_idempotent
            event.is_destructive = definition.is_destructive
        return contents


def params_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a message's params, or none where they are missing or no object."""
    params = message.get("params")
    return params if isinstance(params, dict) else _NO_PARAMS

"""The rows about a connection itself: what it is, what it advertised, what was odd on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcplens.capture.shadows import FirstRequests
from mcplens.events import (
    SCHEMA_VERSION,
    Connection,
    Definition,
    Direction,
    Event,
    Notice,
    NoticeKind,
    Row,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mcplens.capture.clock import Clock
    from mcplens.capture.definitions import Found
    from mcplens.capture.identity import ConnectionFacts, Identity
    from mcplens.capture.privacy import Privacy


class ConnectionRows:
    """Writes the rows of one connection that are no requests."""

    __slots__ = (
        "_address",
        "_clock",
        "_command",
        "_emit",
        "_facts",
        "_first_answered_at",
        "_first_requests",
        "_identity",
        "_notice_count",
        "_privacy",
        "_run_id",
        "_said",
        "_spawned_at",
    )

    def __init__(
        self,
        *,
        run_id: str,
        facts: ConnectionFacts,
        identity: Identity,
        privacy: Privacy,
        clock: Clock,
        emit: Callable[[Row], None],
    ) -> None:
        self._run_id: Final = run_id
        self._facts: Final = facts
        self._identity: Final = identity
        self._privacy: Final = privacy
        self._command: Final = privacy.command(facts.command)
        self._address: Final = privacy.endpoint(facts.address)
        self._clock: Final = clock
        self._emit: Final = emit
        # Told once: a clock only knows which time a fresh reading was.
        self._spawned_at: Final = None if facts.spawned_ns is None else clock.utc(facts.spawned_ns)
        self._first_answered_at: datetime | None = None
        self._first_requests: Final = FirstRequests(privacy)
        self._notice_count = 0
        self._said: Final[set[str]] = set()

    def is_first_answer(self, ns: int) -> bool:
        """Note that the server answered, and say whether it did for the first time."""
        if self._first_answered_at is not None:
            return False
        self._first_answered_at = self._clock.utc(ns)
        return True

    def request(self, event: Event) -> None:
        """Note that the client asked for something; the first requests tell the connection."""
        if event.direction == "to_server":
            name = event.client_name or self._identity.client_name
            if self._first_requests.see(event, client_name=name):
                self.connection()

    def connection(
        self,
        *,
        ended_ns: int | None = None,
        end_reason: str | None = None,
        exit_code: int | None = None,
    ) -> None:
        """Write all that is known of the connection by now."""
        facts, identity = self._facts, self._identity
        self._emit(
            Connection(
                run_id=self._run_id,
                schema_version=SCHEMA_VERSION,
                connection_id=facts.connection_id,
                observer=facts.observer,
                transport=facts.transport,
                command=self._command,
                address=self._address,
                spawned_at=self._spawned_at,
                first_answered_at=self._first_answered_at,
                ended_at=None if ended_ns is None else self._clock.utc(ended_ns),
                end_reason=end_reason,
                exit_code=exit_code,
                client_name=identity.client_name,
                client_version=identity.client_version,
                server_name=identity.server_name,
                server_basis=identity.server_basis,
                server_version=identity.server_version,
                protocol_version=identity.protocol_version,
                client_process_id=facts.client_process_id,
                shadowed_by=facts.shadowed_by,
                first_request_at=self._first_requests.began_at,
                opening_hash=self._first_requests.digest(),
            )
        )

    def definition(self, found: Found, *, ns: int) -> None:
        """Write a definition that was not seen before on this connection."""
        text = self._privacy.advertised(found.text, is_content=found.kind == "resource")
        self._emit(
            Definition(
                run_id=self._run_id,
                schema_version=SCHEMA_VERSION,
                definition_hash=found.facts.definition_hash,
                connection_id=self._facts.connection_id,
                server_name=self._identity.server_name,
                kind=found.kind,
                name=found.name,
                definition=text,
                definition_bytes=len(text.encode()),
                is_read_only=found.facts.is_read_only,
                is_idempotent=found.facts.is_idempotent,
                is_destructive=found.facts.is_destructive,
                seen_at=self._clock.utc(ns),
            )
        )

    def notice(
        self,
        kind: NoticeKind,
        *,
        ns: int,
        direction: Direction | None = None,
        method: str | None = None,
        request_id: str | None = None,
        detail: str | None = None,
        size: int | None = None,
        lost_count: int | None = None,
    ) -> None:
        """Write that something was seen that is no request; `detail` must hold no contents."""
        self._notice_count += 1
        self._emit(
            Notice(
                run_id=self._run_id,
                schema_version=SCHEMA_VERSION,
                notice_id=f"{self._facts.connection_id}-n{self._notice_count}",
                connection_id=self._facts.connection_id,
                noticed_at=self._clock.utc(ns),
                kind=kind,
                direction=direction,
                method=method,
                request_id=request_id,
                detail=detail,
                size_bytes=size,
                lost_count=lost_count,
            )
        )

    def trouble_once(self, detail: str, ns: int) -> None:
        """Write that something is in the recorder's way, the first time."""
        if detail not in self._said:
            self._said.add(detail)
            self.notice("recorder_trouble", ns=ns, detail=detail)

"""What the tap in a client does behind the call: noted messages are read and become rows."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from mcplens.capture.backlog import Backlog, weigh
from mcplens.capture.sessions import hash_of_protocol_session
from mcplens.capture.sighting import NOTHING_BESIDE, Beside

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.identity import ConnectionFacts
    from mcplens.capture.recorder import Recorder
    from mcplens.events import Direction, Outcome


DOUBT_NS: Final = 250_000_000
"""How long a cancel waits to be believed: when a transport breaks, the SDK itself cancels what is
open, and only then it shows why."""

_NO_ANSWER: Final = ("SSE stream ended", "SSE stream failed")
"""What mcp 2 says in the server's place when an HTTP answer broke off."""

_CONNECTION_CLOSED: Final = -32000


class Passed(NamedTuple):
    """A message as it passed, and what was known besides."""

    ns: int
    direction: Direction
    item: Any
    beside: Beside = NOTHING_BESIDE


class GaveUp(NamedTuple):
    """A caller no longer waits for the answer to a message, and nobody may have told the server."""

    message: Any
    outcome: Outcome


class ClientTap:
    """One connection: messages are noted in the client, and read on the recorder's thread."""

    def __init__(
        self,
        recorder: Recorder,
        facts: ConnectionFacts,
        *,
        server_name: str | None = None,
        test_id: Callable[[], str | None] | None = None,
        is_warmup: Callable[[], bool | None] | None = None,
    ) -> None:
        self._recorder = recorder
        self._test_id = test_id
        self._is_warmup = is_warmup
        self.protocol_session: Callable[[], str | None] | None = None
        """Tells the HTTP session's id, once there is one."""
        self._backlog: Backlog[Passed] = Backlog()
        self._end: tuple[str, int] | None = None
        self._end_due_ns = 0
        self._is_broken = False
        self._correlator = recorder.correlator(facts, server_name=server_name)

    def note(self, direction: Direction, item: Any) -> None:
        """Note a message on its way; never raises."""
        ns = self._recorder.clock.ns()
        weight = _weight_of(item)
        if self._backlog.has_room(weight):
            self._backlog.note(Passed(ns, direction, item, self._beside()), weight)

    def give_up_on(self, message: Any, outcome: Outcome) -> None:
        """Note that the caller no longer waits for the answer to a message."""
        if self._backlog.has_room():
            ns = self._recorder.clock.ns()
            self._backlog.note(Passed(ns, "to_server", GaveUp(message, outcome)))

    def end(self, reason: str, *, is_cancelled: bool = False) -> None:
        """Note that nothing more will come; the first reason counts.

        A client that was cancelled may have been so because its transport broke: that is left open
        for a moment.
        """
        if self._end is None:
            ns = self._recorder.clock.ns()
            self._end_due_ns = ns + DOUBT_NS if is_cancelled else ns
            self._end = (reason, ns)

    def broke(self) -> None:
        """Note that the transport broke, if the client was only just cancelled."""
        end = self._end
        if end is not None and self._recorder.clock.ns() < self._end_due_ns:
            self._is_broken = True
            self._end = ("server_exited", end[1])
            self._end_due_ns = end[1]

    def work(self) -> bool:
        """Read a few messages, and say whether more are waiting."""
        end = self._known_end()
        if self._backlog.read_some(self._read):
            return True
        self._rest(end)
        return False

    def _known_end(self) -> tuple[str, int] | None:
        end = self._end
        return None if end is None or self._recorder.clock.ns() < self._end_due_ns else end

    def give_up(self) -> None:
        """Count the messages that there was no time for, and end what is open."""
        self.end("client_closed")
        self._end_due_ns = 0
        with suppress(Exception):  # What cannot be read is lost, and the rest is counted.
            self._backlog.read_some(self._read)  # A cancel may have waited for this.
        self._backlog.drop()
        self._rest(self._end)

    def _rest(self, end: tuple[str, int] | None) -> None:
        now = self._recorder.clock.ns()
        if lost := self._backlog.take_lost():
            self._recorder.count_lost(lost)
            self._correlator.lost(lost, now)
        if end is None:
            self._correlator.tick(now)
        else:
            self._correlator.ended(*end)
            self._recorder.detach(self)

    def _read(self, passed: Passed) -> bool:
        if isinstance(passed.item, GaveUp):
            return self._read_gave_up(passed.item, passed.ns)
        try:
            message = wire_form(passed.item)
            size = None if message is None else len(msgspec.json.encode(message))
        except Exception:  # noqa: BLE001  an SDK's object may refuse in any way it likes
            message = size = None
        if _is_cancel(message):
            if self._is_in_doubt(passed.ns):
                return False
            if self._was_by_break(passed.ns):
                return True
        if _says_no_answer(message):
            self._correlator.given_up(message["id"], "disconnected", passed.ns, basis="transport")
            return True
        beside = passed.beside
        session_id = _ask(self.protocol_session)
        if session_id:
            hashed = hash_of_protocol_session(session_id, self._recorder.privacy)
            beside = beside._replace(protocol_session_id=hashed)
        self._correlator.message(passed.direction, message, ns=passed.ns, size=size, beside=beside)
        return True

    def _read_gave_up(self, gave_up: GaveUp, ns: int) -> bool:
        if gave_up.outcome == "cancelled":
            if self._is_in_doubt(ns):
                return False
            if self._was_by_break(ns):
                return True
        request_id = getattr(_inside(gave_up.message), "id", None)
        self._correlator.given_up(request_id, gave_up.outcome, ns)
        return True

    def _is_in_doubt(self, ns: int) -> bool:
        """Tell whether a cancel at this time may still turn out to be no wish of the caller."""
        return self._known_end() is None and self._recorder.clock.ns() - ns < DOUBT_NS

    def _was_by_break(self, ns: int) -> bool:
        """Tell whether a cancel at this time came of the transport's end."""
        end = self._end
        return self._is_broken and end is not None and end[1] - ns < DOUBT_NS

    def _beside(self) -> Beside:
        if self._test_id is None and self._is_warmup is None:
            return NOTHING_BESIDE
        return Beside(test_id=_ask(self._test_id), is_warmup=_ask(self._is_warmup))


def wire_form(item: Any) -> Any:
    """Give the JSON-RPC message of what an SDK passes about; None when it is no message.

    A line that was no message is passed on as an exception.
    """
    message = _inside(item)
    dump = getattr(message, "model_dump", None)
    if dump is not None:
        # As the SDK itself writes it: what was not set is not sent.
        return dump(by_alias=True, mode="json", exclude_unset=True)
    return message if isinstance(message, dict) else None


def _is_cancel(message: Any) -> bool:
    return isinstance(message, dict) and message.get("method") == "notifications/cancelled"


def _says_no_answer(message: Any) -> bool:
    """Tell an error that the SDK made up when an HTTP answer broke off from one of the server."""
    error = message.get("error") if isinstance(message, dict) else None
    if not isinstance(error, dict) or error.get("code") != _CONNECTION_CLOSED:
        return False
    return str(error.get("message")).startswith(_NO_ANSWER)


def _weight_of(item: Any) -> int:
    try:
        message = _inside(item)
        if not isinstance(message, dict):
            message = getattr(message, "result", None) or getattr(message, "params", None)
        return weigh(message)
    except Exception:  # noqa: BLE001  an SDK's object may refuse in any way it likes
        return 0


def _inside(item: Any) -> Any:
    """Unwrap a message: SDKs pass an object around it, and mcp 1.x wraps it once more."""
    message = getattr(item, "message", item)
    return getattr(message, "root", message)


def _ask(question: Callable[[], Any] | None) -> Any:
    if question is None:
        return None
    try:
        return question()
    except Exception:  # noqa: BLE001  the call goes on whoever makes it
        return None

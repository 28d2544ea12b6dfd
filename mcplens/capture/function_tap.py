"""The calls of a function: noted where it is called, and read on the recorder's thread."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from mcplens.capture.backlog import Backlog, weigh
from mcplens.capture.client_processes import own_process_id
from mcplens.capture.deadlines import deadline_of_task, is_interruption, is_late
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.note import NOTES_OF_CALL
from mcplens.capture.sighting import Beside

if TYPE_CHECKING:
    from contextvars import Token

    from mcplens.capture.correlator import Correlator
    from mcplens.capture.note import Understood
    from mcplens.capture.recorder import Recorder

_MAX_DEPTH: Final = 6
_MAX_ITEMS: Final = 1000
"""Values that are looked at in a call's arguments, and in its result: the call waits for it."""


class FunctionFacts(NamedTuple):
    """What is known of a function before it is called."""

    name: str
    module: str | None
    signature: inspect.Signature | None
    is_method: bool
    """Whether the first argument is the object, or the class, that it is called on."""
    is_async: bool
    description: str | None

    def definition(self) -> dict[str, Any]:
        """Write it as a tool's definition."""
        names = () if self.signature is None else tuple(self.signature.parameters)
        properties: dict[str, Any] = {name: {} for name in names[self.is_method :]}
        definition = {
            "name": self.name,
            "inputSchema": {"type": "object", "properties": properties},
        }
        return {**definition, "description": self.description} if self.description else definition

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Name the arguments of a call, as far as JSON can say them."""
        if self.signature is not None:
            with suppress(TypeError):  # The function itself is about to say what is wrong.
                bound = self.signature.bind(*args, **kwargs).arguments
                names = tuple(bound)[self.is_method :]
                return _plain_each({name: bound[name] for name in names})
        return _plain_each({"args": args[self.is_method :], "kwargs": kwargs})


class Called:
    """One call of a function, entered before it and left after it.

    What gives a coroutine is entered once more, when that is awaited: only then the call ends.
    """

    __slots__ = (
        "_deadline",
        "_tap",
        "_token",
        "_weight",
        "arguments",
        "began_ns",
        "ended_ns",
        "error",
        "is_late",
        "number",
        "result",
    )

    def __init__(
        self,
        tap: FunctionTap | None,
        facts: FunctionFacts,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        self.arguments = {} if tap is None else facts.arguments(args, kwargs)
        self._weight = weigh(self.arguments)
        self._tap = tap if tap is not None and tap.has_room(self._weight) else None
        self._token: Token[Any] | None = None
        self._deadline = deadline_of_task() if facts.is_async else None
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_late = False
        self.began_ns = self.ended_ns = 0
        self.number = 0
        """Set when it is read."""

    def __enter__(self) -> Self:
        if self._tap is not None:
            self._token = NOTES_OF_CALL.set(self.noted)
            if self.began_ns:
                self._deadline = deadline_of_task()
            else:
                self.began_ns = self._tap.ns()
                self._tap.note(Began(self), self._weight)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _where: object) -> None:
        if self._tap is not None and self._token is not None:
            with suppress(ValueError):  # What is thrown away half done ends in another context.
                NOTES_OF_CALL.reset(self._token)
            if error is None and inspect.iscoroutine(self.result):
                return
            self.ended_ns = self._tap.ns()
            self.error = error
            self.is_late = is_late(self._deadline, error)
            # Whoever gets a result may change it, so it is looked at now.
            result, self.result = plain(self.result), None
            self._tap.note(Ended(self, result), weigh(result))

    def noted(self, understood: Understood) -> None:
        """Take in what the function notes of its call."""
        if self._tap is not None and self._tap.has_room():  # A tool may note without end.
            self._tap.note(Told(self, understood, self._tap.ns()))


class Began(NamedTuple):
    """A call began."""

    called: Called


class Ended(NamedTuple):
    """A call ended."""

    called: Called
    result: Any


class Told(NamedTuple):
    """A call was noted something of."""

    called: Called
    understood: Understood
    ns: int


class FunctionTap:
    """The calls of one function in one process; a source of the recorder."""

    def __init__(self, recorder: Recorder, facts: FunctionFacts) -> None:
        self.recorder = recorder
        self.ns = recorder.clock.ns
        self._facts = facts
        self._backlog: Backlog[Began | Ended | Told] = Backlog()
        self.note = self._backlog.note
        self.has_room = self._backlog.has_room
        self._numbers = count(1)
        self._correlator: Correlator | None = None
        self._is_over = False

    def end(self) -> None:
        """Say that the function is gone, so that nobody calls it any more."""
        self._is_over = True

    def work(self) -> bool:
        """Read a little of what was noted, and say whether more is waiting."""
        is_over = self._is_over
        if self._backlog.read_some(self._read):
            return True
        if is_over:
            self.recorder.detach(self)
            self.give_up()
        else:
            self._rest(self.ns())
        return False

    def give_up(self) -> None:
        """Count what there was no time for, and end what is open."""
        self._backlog.drop()
        now = self.ns()
        self._rest(now)
        if self._correlator is not None:
            self._correlator.ended("client_closed", now)

    def _rest(self, now: int) -> None:
        if lost := self._backlog.take_lost():
            self.recorder.count_lost(lost, is_told=False)
        if self._correlator is not None:
            self._correlator.tick(now)

    def _read(self, item: Began | Ended | Told) -> None:
        called = item.called
        correlator = self._correlator or self._begin(called.began_ns)
        if isinstance(item, Began):
            called.number = next(self._numbers)
            self._say(
                "to_server",
                called,
                called.began_ns,
                method="tools/call",
                params={"name": self._facts.name, "arguments": called.arguments},
            )
        elif isinstance(item, Told):
            correlator.noted(called.number, item.understood, scope=_scope(called), ns=item.ns)
        elif called.error is None:
            self._answer(called, {"content": [], "value": item.result})
        elif is_interruption(called.error):
            reason = "deadline" if called.is_late else "interrupted"
            correlator.exchange_ended(_scope(called), reason, called.ended_ns)
        elif isinstance(called.error, Exception):
            content = [{"type": "text", "text": _words_of(called.error)}]
            self._answer(called, {"content": content, "isError": True})
        else:  # What ends the whole process.
            correlator.exchange_ended(_scope(called), "server_closed", called.ended_ns)

    def _answer(self, called: Called, result: Mapping[str, Any]) -> None:
        self._say("to_client", called, called.ended_ns, result=result)

    def _say(self, direction: Any, called: Called, ns: int, **message: Any) -> None:
        if self._correlator is not None:
            self._correlator.message(
                direction,
                {"jsonrpc": "2.0", "id": called.number, **message},
                ns=ns,
                beside=Beside(scope=_scope(called), is_id_known=False),
            )

    def _begin(self, ns: int) -> Correlator:
        recorder = self.recorder
        self._correlator = recorder.correlator(
            ConnectionFacts(
                connection_id=recorder.next_connection_id(),
                observer=recorder.observer,
                transport="function",
                spawned_ns=ns,
                client_process_id=own_process_id(recorder.privacy),
            ),
            server_name=self._facts.module,
        )
        self._correlator.advertised("tools/list", [self._facts.definition()], ns)
        return self._correlator


def plain(value: Any) -> Any:
    """Make of a value what JSON can say; of other objects, and of what is much, only the kind."""
    return _plain_each({"": value})[""]


def _plain_each(values: Mapping[str, Any]) -> dict[str, Any]:
    room = _Room()
    return {name: room.plain(value, 0) for name, value in values.items()}


class _Room:
    """How many values may still be looked at."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _MAX_ITEMS

    def plain(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        # Somebody's object may refuse in any way it likes, and a thread may change it meanwhile.
        with suppress(Exception):
            is_open = depth < _MAX_DEPTH and isinstance(value, (Mapping, list, tuple))
            if is_open and len(value) <= self._left:
                self._left -= len(value)
                return self._inside(value, depth + 1)
        return f"<{type(value).__name__}>"

    def _inside(self, value: Mapping[Any, Any] | list[Any] | tuple[Any, ...], depth: int) -> Any:
        if isinstance(value, Mapping):
            return {str(key): self.plain(item, depth) for key, item in value.items()}
        return [self.plain(item, depth) for item in value]


def _words_of(error: Exception) -> str:
    kind = type(error).__name__
    with suppress(Exception):  # Somebody's error may refuse to say what it is.
        return f"{kind}: {error}"
    return kind


def _scope(called: Called) -> str:
    return str(called.number)

"""Requests that were answered with a handle: the work goes on, and its end is the request's end.

How far a task is, is said by the answers to tasks/get and by notifications. From 2026-07-28 they
hold the result as well; in 2025-11-25 it is fetched with tasks/result. While a task waits for a
person or a model, so does the call it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.answers import handle_of
from mcplens.capture.endings import Ending, unanswered
from mcplens.capture.failures import INVALID_PARAMS
from mcplens.capture.requests import PlainKey, request_key
from mcplens.capture.waits import ASKS_PERSON_OR_MODEL, asked_of_person_or_model, wait_of

if TYPE_CHECKING:
    from mcplens.capture.finishing import Finishing
    from mcplens.capture.judging import Judging
    from mcplens.capture.requests import OpenRequest, OpenRequests
    from mcplens.capture.sighting import Sighting

RELATED_TASK_KEY: Final = "io.modelcontextprotocol/related-task"
STATUS_NOTIFICATIONS: Final = frozenset({"notifications/tasks", "notifications/tasks/status"})

MAX_TASKS: Final = 1_000
"""Tasks in each direction that are followed; the oldest gives way."""

HASTE_NS: Final = 60 * 1_000_000_000
"""How long the result of a task that is over may take to be fetched."""

_MAX_QUESTIONS: Final = 1_000

_COMPLETED: Final = Ending("ok", "task_status")
_FAILED: Final = Ending("tool_error", "task_status")
_FAILED_OTHERWISE: Final = Ending("protocol_error", "task_status")
_CANCELLED: Final = Ending("cancelled", "task_status")
_CANCEL_ASKED: Final = Ending("cancelled", "task_cancel")


class Task:
    """A request whose answer was a handle."""

    __slots__ = ("_answered", "_asked", "_is_waiting", "ending", "key", "ns", "request")

    def __init__(self, request: OpenRequest, key: PlainKey, ns: int) -> None:
        self.request = request
        self.key = key
        self.ns = ns
        """When it was heard of last; and once it is over, when that was heard."""
        self.ending: Ending | None = None
        """How it ended, when its result is still to be fetched."""
        self._asked: set[str] = set()
        self._answered: set[str] = set()
        self._is_waiting = False

    def asks(self, input_requests: Any, ns: int) -> None:
        """Note that the task waits, and for the answers to what."""
        if input_requests is None:  # 2025-11-25: the questions come as requests of the server.
            self._wait(ns)
            return
        asked = asked_of_person_or_model(input_requests)[:_MAX_QUESTIONS]
        self._asked = set(asked) - self._answered
        if self._asked:
            self._wait(ns)
        else:
            self.goes_on(ns)

    def is_told(self, input_responses: Any, ns: int) -> None:
        """Note that the client answered what the task asked."""
        if isinstance(input_responses, Mapping) and len(self._answered) < _MAX_QUESTIONS:
            self._answered |= input_responses.keys() & self._asked
        self._asked -= self._answered
        if not self._asked:
            self.goes_on(ns)

    def goes_on(self, ns: int) -> None:
        """Note that the task does not wait."""
        if self._is_waiting:
            self._is_waiting = False
            wait_of(self.request).end(ns)

    def _wait(self, ns: int) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            wait_of(self.request).begin(ns)


class Tasks:
    """The tasks that one side of a connection is waiting for."""

    __slots__ = ("_by_key", "_finishing", "_judging", "_requests")

    def __init__(self, *, requests: OpenRequests, finishing: Finishing, judging: Judging) -> None:
        self._requests = requests
        self._finishing = finishing
        self._judging = judging
        self._by_key: dict[PlainKey, Task] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def calls(self) -> list[OpenRequest]:
        """List the calls that go on as tasks."""
        tasks = self._by_key.values()
        return [task.request for task in tasks if task.request.event.call_id is not None]

    def related(self, meta: Any) -> Task | None:
        """Find the task that a message says it belongs to."""
        related = meta.get(RELATED_TASK_KEY) if isinstance(meta, Mapping) else None
        key = request_key(related.get("taskId")) if isinstance(related, Mapping) else None
        return None if key is None else self._by_key.get(key)

    def hold(self, request: OpenRequest, result: Any, ns: int) -> bool:
        """Follow a request on that was answered with a handle; False when it was answered."""
        handle = handle_of(result) if _may_be_task(request) else None
        key = None if handle is None else request_key(handle["taskId"])
        if handle is None or key is None:
            return False
        earlier = self._by_key.get(key)
        if earlier is not None:
            self._finish(earlier, unanswered("reused_id"), ns)
        if len(self._by_key) >= MAX_TASKS:
            oldest = next(iter(self._by_key.values()))
            self._finish(oldest, unanswered("too_many_open"), ns)
        task = self._by_key[key] = Task(request, key, ns)
        self._requests.keep_token(request)
        if handle.get("status") == "input_required":
            task.asks(handle.get("inputRequests"), ns)
        return True

    def asked_about(self, request: OpenRequest, params: Mapping[str, Any]) -> None:
        """Take in that the side that waits asks about a task, or tells it something."""
        task = self._task(request)
        if task is not None and request.event.method == "tasks/update":
            task.is_told(params.get("inputResponses"), request.started_ns)

    def answered_about(
        self, request: OpenRequest, answer: Mapping[str, Any], seen: Sighting
    ) -> None:
        """Take in what was answered about a task."""
        task = self._task(request)
        if task is None:
            return
        method, error, result = request.event.method, answer.get("error"), answer.get("result")
        if error is not None:
            is_unknown = isinstance(error, dict) and error.get("code") == INVALID_PARAMS
            if method == "tasks/result" or (method == "tasks/get" and is_unknown):
                self._end_by_error(task, error, seen)
        elif method == "tasks/get":
            self.seen(result, seen)
        elif method == "tasks/result":
            self._end_by_result(task, result, seen)
        elif method == "tasks/cancel":
            self._finish(task, _CANCEL_ASKED, seen.ns)

    def seen(self, status: Any, seen: Sighting) -> None:
        """Take in how far a task is, by an answer or a notification."""
        key = request_key(status.get("taskId")) if isinstance(status, Mapping) else None
        task = None if key is None else self._by_key.get(key)
        if task is None or task.ending is not None:
            return
        task.ns = seen.ns
        word = status.get("status")
        if word == "input_required":
            task.asks(status.get("inputRequests"), seen.ns)
            return
        task.goes_on(seen.ns)
        if word == "completed":
            if "result" in status:
                self._end_by_result(task, status["result"], seen)
            else:
                task.ending = _COMPLETED
        elif word == "failed":
            if "error" in status:
                self._end_by_error(task, status["error"], seen)
            else:
                is_tool = task.request.event.method == "tools/call"
                task.ending = _FAILED if is_tool else _FAILED_OTHERWISE
        elif word == "cancelled":
            self._finish(task, _CANCELLED, seen.ns)

    def tick(self, ns: int, *, opened_before_ns: int) -> None:
        """Write as opened what has been open for long, and end what is over and not fetched."""
        for task in list(self._by_key.values()):
            if task.ending is not None and task.ns + HASTE_NS <= ns:
                self._finish(task, task.ending, task.ns)
            elif not task.request.is_spooled and task.request.started_ns < opened_before_ns:
                self._finishing.opened(task.request)

    def close(self, reason: str, ns: int) -> None:
        """End all that goes on, because the connection ended."""
        for task in list(self._by_key.values()):
            if task.ending is not None:
                self._finish(task, task.ending, task.ns)
            else:
                self._forget(task)
                self._finishing.closed(task.request, reason, ns, since_ns=task.ns)

    def _task(self, request: OpenRequest) -> Task | None:
        return None if request.task_key is None else self._by_key.get(request.task_key)

    def _end_by_result(self, task: Task, result: Any, seen: Sighting) -> None:
        self._note_answer(task, seen)
        ending = self._judging.by_result(task.request, result, seen.ns)
        self._finish(task, ending, seen.ns if task.ending is None else task.ns)

    def _end_by_error(self, task: Task, error: Any, seen: Sighting) -> None:
        self._note_answer(task, seen)
        ending = self._judging.by_error(task.request, error)
        self._finish(task, ending, seen.ns if task.ending is None else task.ns)

    def _note_answer(self, task: Task, seen: Sighting) -> None:
        task.request.event.response_bytes = seen.size
        task.request.event.http_status = seen.beside.http_status

    def _finish(self, task: Task, ending: Ending, ns: int) -> None:
        self._forget(task)
        self._finishing.last_round(task.request, ending, ns)

    def _forget(self, task: Task) -> None:
        del self._by_key[task.key]
        self._requests.drop_token(task.request)


def _may_be_task(request: OpenRequest) -> bool:
    event = request.event
    return event.call_id is not None or event.method in ASKS_PERSON_OR_MODEL

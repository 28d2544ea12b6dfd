"""From a request's body to events, and from their receipts to an answer.

A body is one event, an array of events, or JSON lines. Of several, each is judged by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from mcplens.capture.ingest.fields import NAME
from mcplens.capture.ingest.reading import Incoming, Problem
from mcplens.store.lines import UNREADABLE

if TYPE_CHECKING:
    from datetime import datetime

    from mcplens.capture.ingest.intake import Fate, Intake, Receipt
    from mcplens.capture.ingest.reading import EventReader

JSON: Final = "application/json"
JSON_LINES: Final = frozenset(
    {"application/x-ndjson", "application/jsonl", "application/json-lines"}
)

MAX_BYTES: Final = 4_000_000
"""The longest body."""
MAX_EVENTS: Final = 10_000
"""The most events in one body."""

_STATUS: Final[dict[Fate, int]] = {
    "counted": 201,
    "known": 200,
    "conflict": 409,
    "not_written": 503,
}
_SAYS: Final[dict[Fate, str]] = {
    "conflict": "another event was counted under this key; this one was not",
    "not_written": "the store did not take this event; send it again",
}


_MULTIPLE: Final = 207


class Answer(NamedTuple):
    """What a request is answered."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = {}  # noqa: RUF012  never changed


class NotJson(NamedTuple):
    """An item that is no JSON."""


Item = Incoming | list[Problem] | NotJson


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What was sent, read."""

    items: Sequence[Item]
    is_batch: bool


def refuse(status: int, error: str, **more: Any) -> Answer:
    """Answer that nothing was counted, and why."""
    headers = more.pop("headers", {})
    return Answer(status, {"error": error, **more}, headers)


def read_body(
    data: bytes, *, content_type: str, key: str | None, reader: EventReader, now: datetime
) -> Body | Answer:
    """Read all events of a body, or refuse it as a whole."""
    if key is not None:
        try:
            NAME.read(key)
        except ValueError:
            return _unprocessable([Problem("Idempotency-Key", NAME.should_be)])
    is_lines = content_type in JSON_LINES
    if is_lines:
        sent = [_decode(line) for line in data.split(b"\n") if line.strip()]
    else:
        whole = _decode(data)
        if isinstance(whole, NotJson):
            return refuse(400, "the body is no JSON")
        sent = whole if isinstance(whole, list) else [whole]
    is_batch = is_lines or isinstance(whole, list)
    if is_batch and not sent:
        return refuse(400, "the body holds no event")
    if len(sent) > MAX_EVENTS:
        return refuse(413, f"the body holds more than {MAX_EVENTS} events")
    items: list[Item] = []
    for number, value in enumerate(sent):
        own_key = key if key is None or not is_batch else f"{key} {number}"
        items.append(
            value if isinstance(value, NotJson) else reader.read(value, key=own_key, now=now)
        )
    return Body(items=items, is_batch=is_batch)


def count(body: Body, intake: Intake) -> Answer:
    """Count what may be counted, and say of each event what became of it.

    Raises:
        StoreError: the store took none of them.
    """
    receipts = iter(intake.take([item for item in body.items if isinstance(item, Incoming)]))
    answers = [
        _accepted(item, next(receipts)) if isinstance(item, Incoming) else _refused(item)
        for item in body.items
    ]
    if not body.is_batch:
        return answers[0]
    statuses = {answer.status for answer in answers}
    status = max(statuses) if statuses <= {200, 201} else _MULTIPLE
    if not statuses & {200, 201, 503}:
        status = 422
    results = [{"status": answer.status, **answer.body} for answer in answers]
    return Answer(status, {"results": results})


def _decode(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except UNREADABLE:
        return NotJson()


def _accepted(item: Incoming, receipt: Receipt) -> Answer:
    status = _STATUS[receipt.fate]
    if says := _SAYS.get(receipt.fate):
        return refuse(status, says, event_id=receipt.event_id)
    body: dict[str, Any] = {"event_id": receipt.event_id}
    if item.left_out:
        body["left_out"] = list(item.left_out)
    return Answer(status, body)


def _refused(item: list[Problem] | NotJson) -> Answer:
    return refuse(400, "this is no JSON") if isinstance(item, NotJson) else _unprocessable(item)


def _unprocessable(problems: Sequence[Problem]) -> Answer:
    said = [
        f"{problem.field} {'is missing; it ' if problem.is_missing else ''}should be "
        f"{problem.should_be}"
        for problem in problems
    ]
    return refuse(
        422,
        ". ".join(said),
        fields={problem.field: problem.should_be for problem in problems},
    )

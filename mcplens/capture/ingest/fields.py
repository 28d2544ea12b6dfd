"""What each field of a posted event has to be, and what becomes of it.

Fields are called as our own columns are; four have a second name, those of the smallest event that
is accepted. What does not fit is refused with the field's name and what it should be, and is never
mended.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, get_args

from mcplens.capture.names import MAX_NAME, clean_name, clean_text
from mcplens.events import Direction, ErrorClass, Outcome, SideEffect

MAX_TEXT: Final = 2000
"""Characters of a checkpoint or of what a side effect says of itself."""
MAX_ITEMS: Final = 100
_MAX_COUNT: Final = 2**53
_MAX_MS: Final = 366 * 86_400_000.0
_EARLIEST: Final = datetime(2000, 1, 1)  # noqa: DTZ001  the raw tables are naive UTC
_AHEAD: Final = timedelta(days=1)

OTHER_NAMES: Final[dict[str, str]] = {
    "timestamp": "started_at",
    "tool_name": "target",
    "latency_ms": "duration_ms",
    "error": "error_message",
}
"""What a field may be called instead; `success` stands for the outcome."""


class Field(NamedTuple):
    """What a field has to be, in words and in code."""

    should_be: str
    read: Callable[[Any], Any]
    """Gives the value as it is stored; ValueError when it is not what it should be."""


def parse_time(value: Any, *, now: datetime) -> datetime:
    """Read ISO 8601 text, or seconds since 1970, as naive UTC; without a zone it is UTC.

    Raises:
        ValueError: it is neither, or lies before 2000 or more than a day ahead.
    """
    try:
        if isinstance(value, str):
            told = datetime.fromisoformat(value)
        else:
            told = datetime.fromtimestamp(_number(value), UTC)
        when = (told.astimezone(UTC) if told.tzinfo else told).replace(tzinfo=None)
    except (OverflowError, OSError) as error:
        raise ValueError from error
    if not _EARLIEST <= when <= now + _AHEAD:
        raise ValueError
    return when


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError  # noqa: TRY004  every reader refuses in one way
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError from error
    if not math.isfinite(number):
        raise ValueError
    return number


def _amount(value: Any) -> float:
    number = _number(value)
    if number < 0:
        raise ValueError
    return number


def _ms(value: Any) -> float:
    number = _amount(value)
    if number > _MAX_MS:
        raise ValueError
    return number


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_COUNT:
        raise ValueError
    return value


def _count(value: Any) -> int:
    count = _whole(value)
    if count < 0:
        raise ValueError
    return count


def _ordinal(value: Any) -> int:
    count = _whole(value)
    if count < 1:
        raise ValueError
    return count


def _http_status(value: Any) -> int:
    status = _whole(value)
    if not 100 <= status <= 599:  # noqa: PLR2004  what HTTP has
        raise ValueError
    return status


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004  every reader refuses in one way
    return value


def _name(value: Any) -> str:
    # Cut short, two names could become one.
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or not value.isprintable():
        raise ValueError
    name = clean_name(value)  # An address loses its query.
    if name is None:
        raise ValueError
    return name


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004  every reader refuses in one way
    text = clean_text(value, limit=MAX_TEXT)
    if not text:
        raise ValueError
    return text


def _anything(value: Any) -> Any:
    return value


def _any_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004  every reader refuses in one way
    return value


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise ValueError
    return list(dict.fromkeys(_name(item) for item in value))


def _side_effects(value: Any) -> list[SideEffect]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise ValueError
    return [_side_effect(item) for item in value]


def _side_effect(value: Any) -> SideEffect:
    if not isinstance(value, dict):
        raise ValueError  # noqa: TRY004  every reader refuses in one way
    more = {
        name: _text(value[name]) for name in ("target", "detail") if value.get(name) is not None
    }
    return SideEffect(kind=_name(value.get("kind")), **more)


def _one_of(words: tuple[str, ...]) -> Field:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return Field(f"one of {', '.join(words)}", read)


def _hex(digits: int) -> Field:
    pattern = re.compile(f"(?!0{{{digits}}})[0-9a-f]{{{digits}}}")

    def read(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError
        return value

    return Field(f"{digits} hex digits in lower case, not all 0", read)


TIME_SHOULD_BE: Final = (
    "when the call began: ISO 8601, such as 2026-11-20T12:00:00Z, or seconds since 1970; "
    "not before 2000, and not more than a day ahead"
)
NAME: Final = Field(f"a text of 1 to {MAX_NAME} printable characters", _name)
FLAG: Final = Field("true or false", _flag)
MS: Final = Field("a number of milliseconds, from 0 to a year's", _ms)
OUTCOME: Final = _one_of(get_args(Outcome))
_COUNT: Final = Field("a whole number, 0 or more", _count)
_ORDINAL: Final = Field("a whole number, 1 or more", _ordinal)
_TEXT: Final = Field("a text that is not empty", _text)
_ANY_TEXT: Final = Field("a text", _any_text)
_AMOUNT: Final = Field("a number, 0 or more", _amount)

FIELDS: Final[dict[str, Field]] = {
    "direction": _one_of(get_args(Direction)),
    "request_id": NAME,
    "call_id": NAME,
    "round": _ORDINAL,
    "is_final": FLAG,
    "attempt": _ORDINAL,
    "retry_of": NAME,
    "session_id": NAME,
    "client_name": NAME,
    "client_version": NAME,
    "agent_id": NAME,
    "user_id": NAME,
    "server_name": NAME,
    "server_version": NAME,
    "transport": NAME,
    "http_status": Field("a whole number from 100 to 599", _http_status),
    "protocol_version": NAME,
    "method": NAME,
    "target": NAME,
    "trace_id": _hex(32),
    "span_id": _hex(16),
    "test_id": NAME,
    "is_warmup": FLAG,
    "arguments": Field("any JSON", _anything),
    "request_bytes": _COUNT,
    "credential_mode": NAME,
    "credential_id": _ANY_TEXT,
    "credential_scope": NAME,
    "upstream": NAME,
    "outcome": OUTCOME,
    "error_class": _one_of(get_args(ErrorClass)),
    "error_code": Field("a whole number", _whole),
    "error_message": _ANY_TEXT,
    "error_origin": _one_of(("server", "client", "transport", "observer")),
    "duration_ms": MS,
    "wait_ms": MS,
    "first_progress_ms": MS,
    "progress_count": _COUNT,
    "result": Field("any JSON", _anything),
    "response_bytes": _COUNT,
    "content_kinds": Field(f"a list of at most {MAX_ITEMS} names", _names),
    "is_structured": FLAG,
    "is_schema_valid": FLAG,
    "is_read_only": FLAG,
    "is_idempotent": FLAG,
    "is_destructive": FLAG,
    "side_effects": Field(
        f"a list of at most {MAX_ITEMS} objects with kind, and maybe target and detail",
        _side_effects,
    ),
    "reversibility": _one_of(("no_effect", "reversible", "permanent")),
    "cost_usd": _AMOUNT,
    "input_tokens": _COUNT,
    "output_tokens": _COUNT,
    "checkpoint": _TEXT,
    "note_basis": _one_of(("tool", "result", "configuration")),
}
"""The columns that a sender may fill, besides event_id and started_at."""

OURS: Final = frozenset(
    # What says where and by whom it was recorded, and what follows from other fields.
    {"run_id", "connection_id", "observer", "sequence", "lost_before", "recorded_at"}
    | {"schema_version", "session_basis", "server_basis", "outcome_basis", "error_rule"}
    | {"work_ms", "duration_bin"}
    # A hash or a shape from elsewhere could carry what was not to be kept.
    | {"arguments_hash", "arguments_shape", "result_hash", "definition_hash"}
)
"""The columns that a sender cannot fill; sent all the same, they are left out."""

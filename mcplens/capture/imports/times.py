"""Times and durations as logs write them: ISO, epochs in any unit, numbers with and without one."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

NS_OF: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
"""Nanoseconds of each unit."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_NS: Final = 631_152_000 * NS_OF["s"]  # 1990
_LATEST_NS: Final = 4_102_444_800 * NS_OF["s"]  # 2100
_LONGEST_NS: Final = 31 * 86_400 * NS_OF["s"]
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_PARTS: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(h|min|ms|us|µs|μs|ns|m|s)")
_PART_NS: Final = {
    **NS_OF,
    "µs": 1_000,
    "\u03bcs": 1_000,
    "m": 60 * NS_OF["s"],
    "min": 60 * NS_OF["s"],
    "h": 3600 * NS_OF["s"],
}
_MAX_TEXT: Final = 64
_NS_DIGITS: Final = 9
# Seconds, milliseconds, microseconds and nanoseconds of these years do not overlap.
_EPOCH_UNITS: Final = ((1e11, "s"), (1e14, "ms"), (1e17, "us"))


def time_ns(value: Any, *, unit: str | None = None) -> int | None:
    """Read a point in time as nanoseconds since 1970; None when it is none.

    A number without a unit is told by its size; a text without a zone is UTC.
    """
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _MAX_TEXT:
            return None
        if _NUMBER.fullmatch(text):
            return _epoch_ns(_number(text), unit)
        return _iso_ns(text)
    return _epoch_ns(value, unit)


def span_ns(value: Any, *, unit: str | None) -> int | None:
    """Read a stretch of time as nanoseconds; None when it is none, or says no unit."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _MAX_TEXT:
            return None
        if not _NUMBER.fullmatch(text):
            return _sane(_parts_ns(text))
        value = _number(text)
    if unit is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _sane(_scaled(value, NS_OF[unit]))


def naive_utc(ns: int) -> datetime:
    """Tell nanoseconds since 1970 as the raw tables do."""
    return (_EPOCH + timedelta(microseconds=ns // 1000)).replace(tzinfo=None)


def _epoch_ns(value: Any, unit: str | None) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if unit is None:
        unit = next((name for limit, name in _EPOCH_UNITS if value < limit), "ns")
    ns = _scaled(value, NS_OF[unit])
    return ns if ns is not None and _EARLIEST_NS <= ns < _LATEST_NS else None


def _iso_ns(text: str) -> int | None:
    match = _ISO.match(text)
    if match is None:
        return None
    date, clock, fraction, zone = match.groups()
    if zone is None or zone.upper() in ("Z", "UTC", "GMT"):
        zone = "+00:00"
    try:
        whole = datetime.fromisoformat(f"{date}T{clock}{zone}")
        seconds = (whole - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    ns = seconds * NS_OF["s"] + int((fraction or "0").ljust(_NS_DIGITS, "0"))
    return ns if _EARLIEST_NS <= ns < _LATEST_NS else None


def _parts_ns(text: str) -> int | None:
    """Read 12ms, 1.5 s or 1m2.5s."""
    if _PARTS.sub("", text).strip():
        return None
    parts = _PARTS.findall(text)
    return sum(round(float(number) * _PART_NS[unit]) for number, unit in parts) if parts else None


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _scaled(value: float, factor: int) -> int | None:
    if isinstance(value, int):
        return value * factor if abs(value) < 1 << 63 else None
    return round(value * factor) if math.isfinite(value) and abs(value) < 1e20 else None  # noqa: PLR2004


def _sane(ns: int | None) -> int | None:
    return ns if ns is not None and 0 <= ns < _LONGEST_NS else None

"""How times, sizes and shares are written and read, the same everywhere.

A pure room: text in, numbers out, and back. It knows no calls, no stores and no screens.
"""

from __future__ import annotations

import re

from mcplens.errors import UsageError

_TIME_UNITS_MS = {"us": 0.001, "µs": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0, "min": 60_000.0}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(us|µs|ms|s|min|m)")
_SPAN_UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LEAST_RATE = 1e-6
"""What four digits of per cent can still show."""
_SIZE_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)")
_SPAN_WORDS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)")


def format_ms(milliseconds: float | None) -> str:
    """Write a time in the unit a person would pick, at most three digits: 340 µs, 8.2 ms, 3.91 s.

    None becomes an en dash.
    """
    if milliseconds is None:
        return "–"
    if milliseconds < 0:
        return f"-{format_ms(-milliseconds)}"
    for limit, scale, unit in ((1.0, 1000.0, "µs"), (1000.0, 1.0, "ms"), (60_000.0, 0.001, "s")):
        text = _three_digits(milliseconds * scale)
        # 999.7 µs must become 1 ms, not 1000 µs.
        if milliseconds < limit and not text.startswith("1000"):
            return f"{text} {unit}"
    return f"{_three_digits(milliseconds / 60_000)} min"


def format_rate(rate: float | None, *, beside: float | None = None) -> str:
    """Write a share as per cent, never rounding a failure away: 98.3%, 99.96%, 100%.

    Beside another share it never reads the same: 94.97% beside 95%. None becomes an en dash.
    """
    if rate is None:
        return "–"
    per_cent = rate * 100
    others = [other for other in (0.0, 1.0) if other != rate]
    if beside is not None and abs(beside - rate) > _LEAST_RATE:
        others.append(beside)
    for digits in (1, 2, 3, 4):
        text = f"{per_cent:.{digits}f}"
        if float(text) not in [round(other * 100, 4) for other in others]:
            return f"{_trim(text)}%"
    return "under 0.0001%" if per_cent < 50 else "over 99.9999%"  # noqa: PLR2004


def format_bytes(count: float | None) -> str:
    """Write a size: 812 B, 4.1 kB, 3.2 MB. None becomes an en dash."""
    if count is None:
        return "–"
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:  # noqa: PLR2004
            return f"{_three_digits(size)} {unit}"
        size /= 1000
    return f"{_three_digits(size)} TB"


def format_count(count: int) -> str:
    """Write a count with a comma every three digits: 1,204."""
    return f"{count:,}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its word: 1 run, 1,204 runs."""
    return f"{format_count(count)} {one if count == 1 else many or one + 's'}"


def parse_ms(text: str) -> float:
    """Read a time such as `200ms`, `1.5s` or `2min` as milliseconds."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f'"{text}" is no time. Write a number and a unit, such as 200ms, 1.5s or 2min'
        )
    return float(match[1]) * _TIME_UNITS_MS[match[2]]


def parse_rate(text: str) -> float:
    """Read a share such as `95%` or `0.95` as a number from 0 to 1."""
    stripped = text.strip()
    try:
        rate = float(stripped[:-1]) / 100 if stripped.endswith("%") else float(stripped)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise UsageError(
            f'"{text}" is no share. Write per cent, such as 95%, or a number from 0 to 1'
        )
    return rate


def parse_span_s(text: str) -> float:
    """Read a stretch of time such as `15m`, `24h` or `7d` as seconds."""
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f'"{text}" is no stretch of time. Write a number and s, m, h, d or w, such as 24h'
        )
    return float(match[1]) * _SPAN_UNITS_S[match[2]]


def parse_bytes(text: str) -> int:
    """Read a size such as `500MB` or `2GB` as bytes."""
    match = _SIZE.fullmatch(text.strip().upper())
    if match is None:
        raise UsageError(
            f'"{text}" is no size. Write a number and kB, MB, GB or TB, such as 500MB or 2GB'
        )
    return int(float(match[1]) * _SIZE_UNITS[match[2]])


def format_span(seconds: float) -> str:
    """Write a stretch of time in the longest unit that leaves nothing over: 400 days, 5 minutes."""
    for unit, word in _SPAN_WORDS:
        if seconds >= unit and seconds % unit == 0:
            return counted(int(seconds // unit), word)
    return f"{_three_digits(seconds)} seconds"


def _three_digits(value: float) -> str:
    if value >= 100:  # noqa: PLR2004
        return f"{value:.0f}"
    return _trim(f"{value:.1f}" if value >= 10 else f"{value:.2f}")  # noqa: PLR2004


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text

"""Rows for programs: JSON and CSV, written row by row."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, TextIO

from mcplens.reports.screen import is_utf8
from mcplens.reports.text import printable

Format = Literal["table", "json", "csv"]


def write_json(columns: Sequence[str], rows: Iterable[Sequence[Any]], stream: TextIO) -> None:
    """Write a plain array of objects, one per line."""
    before = "[\n"
    only_ascii = not is_utf8(stream)
    for row in rows:
        item = {name: _plain(value) for name, value in zip(columns, row, strict=True)}
        stream.write(before + _safe_json(json.dumps(item, ensure_ascii=only_ascii)))
        before = ",\n"
    stream.write("[]\n" if before == "[\n" else "\n]\n")


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], stream: TextIO) -> None:
    """Write a header and one line per row; NULL is an empty field, lists are JSON text."""
    writer = csv.writer(stream, lineterminator="\n")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    spell = printable if stream.isatty() else str
    writer.writerow([spell(name) for name in columns])
    for row in rows:
        writer.writerow([spell(_field(value)) for value in row])


def _plain(value: Any) -> Any:  # noqa: PLR0911  one line per kind of value
    """Turn a value of DuckDB into one that JSON knows; times are UTC and say so."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat() + ("Z" if value.tzinfo is None else "")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return float(value)
        case bytes():
            return base64.b64encode(value).decode()
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case _:
            return str(value)


def _field(value: Any) -> str:
    plain = _plain(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else _safe_json(json.dumps(plain, ensure_ascii=False))


def _safe_json(text: str) -> str:
    # JSON lets some control characters stand as they are, but a terminal obeys them.
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)

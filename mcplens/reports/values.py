"""Any rows of any view as a table: a value is written by the name of its column."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from mcplens.reports.grid import Column, fit, set_lines
from mcplens.reports.text import printable
from mcplens.units import format_bytes, format_count, format_ms, format_rate

if TYPE_CHECKING:
    from mcplens.reports.screen import Screen

LONGEST_CELL: Final = 60
"""A text longer than this is cut in a table; JSON and CSV have all of it."""

_BY_SUFFIX: Final[dict[str, Callable[[Any], str]]] = {
    "_ms": format_ms,
    "_rate": format_rate,
    "_bytes": format_bytes,
    "_count": format_count,
}
_FIRST_TO_GO: Final = ("_hash", "_basis", "_version", "_id", "_shape", "_low", "_high")
"""Endings of columns that tell a program most and a person least."""

_LAST_TO_GO: Final = (
    "tool_name",
    "target",
    "outcome",
    "name",
    "call_count",
    "failure_count",
    "duration_ms",
    "p95_ms",
    "failure_rate",
    "terminal_state",
    "error_class",
    "server_name",
    "p50_ms",
    "label",
    "started_at",
    "kind",
    "detail",
    "end_reason",
    "last_at",
)
"""Columns that people look at first, the most wanted first."""


def values_table(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    screen: Screen,
    *,
    keep_empty: bool = False,
) -> tuple[list[Text], list[str]]:
    """Set rows, and name the columns that were left out because they are empty or do not fit."""
    columns = [
        Column(
            title=printable(name),
            cells=[Text(written(name, row[i])) for row in rows],
            align="right" if _is_numeric(row[i] for row in rows) else "left",
            drop=_drop(i, name),
        )
        for i, name in enumerate(names)
        if keep_empty or not rows or any(row[i] is not None for row in rows)
    ]
    kept = fit(columns, screen)
    shown = {column.title for column in kept}
    return set_lines(kept), [name for name in names if printable(name) not in shown]


def records(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Text]:
    """Set each row as a block of `name  value` lines, for what is too wide for a table."""
    widest = max(map(len, names), default=0)
    lines: list[Text] = []
    for row in rows:
        if lines:
            lines.append(Text())
        lines += [
            Text.assemble((f"{printable(name):<{widest}}", "dim"), "  ", written(name, value))
            for name, value in zip(names, row, strict=True)
        ]
    return lines


def written(name: str, value: Any) -> str:
    """Write one value as a person reads it; NULL is an en dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return next(
            (write(value) for suffix, write in _BY_SUFFIX.items() if name.endswith(suffix)),
            f"{value:.6g}" if isinstance(value, float) else str(value),
        )
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list | dict):
        value = json.dumps(value, default=str, ensure_ascii=False)
    text = printable(str(value))
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _is_numeric(values: Any) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in known
    )


def _drop(position: int, name: str) -> int:
    if position == 0:
        return 0
    if name in _LAST_TO_GO:
        return 1 + _LAST_TO_GO.index(name)
    return len(_LAST_TO_GO) + (2 if name.endswith(_FIRST_TO_GO) else 1)

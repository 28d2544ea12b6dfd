"""Columns that fit the width of a screen: the least needed go first, and no number is ever cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from rich.cells import cell_len
from rich.text import Text

from mcplens.reports.text import shorten, to_ascii

if TYPE_CHECKING:
    from mcplens.reports.screen import Screen

GAP: Final = 2
"""Blank cells between two columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table, ready to be set."""

    title: str
    cells: Sequence[Text]
    align: Literal["left", "right"] = "left"
    drop: int = 0
    """When width is short the highest goes first; 0 always stays."""
    shortest: int | None = None
    """A column of names may be shortened in the middle to this width, when nothing else helps."""
    stretch: Callable[[int], tuple[str, Sequence[Text]]] | None = None
    """Draws title and cells for the width that is left over; `cells` then only count."""
    stretch_between: tuple[int, int] = (0, 0)

    @property
    def width(self) -> int:
        """The width it asks for; the least one if it stretches."""
        if self.stretch is not None:
            return self.stretch_between[0]
        return max([cell_len(self.title), *(cell.cell_len for cell in self.cells)])


def fit(columns: Sequence[Column], screen: Screen) -> list[Column]:
    """Drop, shorten and stretch columns until they fill at most the width of the screen."""
    width = screen.width
    kept = [_in_ascii(column) for column in columns] if screen.is_ascii else list(columns)
    while _total(kept) > width and any(column.drop for column in kept):
        # Of equals the last one goes: what matters more stands further left.
        last = max(range(len(kept)), key=lambda i: (kept[i].drop, i))
        del kept[last]
    set_out = [_stretched(c, kept, width) for c in _shortened(kept, width)]
    return [_in_ascii(column) for column in set_out] if screen.is_ascii else set_out


def set_lines(columns: Sequence[Column], *, indent: int = 0) -> list[Text]:
    """Set the header and the rows of columns that fit."""
    widths = [column.width for column in columns]
    header = [Text(column.title, style="dim") for column in columns]
    rows = [header, *(list(row) for row in zip(*(c.cells for c in columns), strict=True))]
    return [_line(row, columns, widths, indent) for row in rows]


def _line(row: list[Text], columns: Sequence[Column], widths: list[int], indent: int) -> Text:
    line = Text(" " * indent, no_wrap=True, overflow="ignore", end="")
    for i, (cell, column, width) in enumerate(zip(row, columns, widths, strict=True)):
        if i:
            line.append(" " * GAP)
        blank = " " * (width - cell.cell_len)
        line.append_text(Text(blank) + cell if column.align == "right" else cell + Text(blank))
    line.rstrip()
    return line


def _in_ascii(column: Column) -> Column:
    # Before anything is measured, since one character may become many; and after it is drawn.
    cells = [Text(to_ascii(cell.plain)) for cell in column.cells]
    return replace(column, title=to_ascii(column.title), cells=cells)


def _total(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _shortened(columns: list[Column], width: int) -> list[Column]:
    over = _total(columns) - width
    if over <= 0:
        return columns
    result = []
    for column in columns:
        room = 0 if column.shortest is None else max(column.shortest, column.width - over)
        if room and room < column.width:
            over -= column.width - room
            cells = [_shorter(cell, room) for cell in column.cells]
            result.append(replace(column, title=shorten(column.title, room), cells=cells))
        else:
            result.append(column)
    return result


def _shorter(cell: Text, width: int) -> Text:
    return cell if cell.cell_len <= width else Text(shorten(cell.plain, width), style=cell.style)


def _stretched(column: Column, columns: list[Column], width: int) -> Column:
    if column.stretch is None:
        return column
    least, most = column.stretch_between
    title, cells = column.stretch(max(least, min(most, least + width - _total(columns))))
    return replace(column, title=title, cells=cells, stretch=None)

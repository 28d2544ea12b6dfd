"""Words made safe and short for a screen."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len

_ASCII: Final = str.maketrans(
    {
        "–": "-",
        "−": "-",
        "─": "-",
        "│": "|",
        "●": "o",
        "·": "|",
        "×": "x",
        "µ": "u",
        "…": "~",
        "✓": "+",
        "✗": "x",
    }
)


def printable(text: str) -> str:
    r"""Show every character that would move the cursor or hide text as its escape, such as \x1b.

    Names of servers and tools come from strangers, and a terminal obeys what it is sent.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def to_ascii(text: str) -> str:
    """Say the same with ASCII alone, for terminals that know no more."""
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode()


def shorten(text: str, width: int) -> str:
    """Take out the middle of a name so that it fills at most `width` cells of a terminal."""
    if cell_len(text) <= width:
        return text
    head = tail = ""
    for i in range(len(text)):
        # The end of a name tells tools apart as often as its beginning, so both grow in turn.
        for longer in ((text[: i + 1], tail), (text[: i + 1], text[len(text) - i - 1 :])):
            if cell_len(longer[0]) + cell_len(longer[1]) + 1 > width:
                return f"{head}…{tail}"
            head, tail = longer
    return text


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()

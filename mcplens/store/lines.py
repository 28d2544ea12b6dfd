"""The lines of a spool part, as rows or as what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mcplens.events import AnyRow

UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What reading a damaged line may raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that is no row."""

    content: bytes
    reason: str
    is_torn: bool = False
    """Whether it is the last one and has no end, as a killed writer leaves it."""


class Header(msgspec.Struct):
    """What every line of every schema says of itself."""

    table: str
    schema_version: int


def newest_schema(path: Path) -> int:
    """Read the highest schema version in a part; 0 if no line says one."""
    decode = msgspec.json.Decoder(Header).decode
    newest = 0
    with path.open("rb") as lines:
        for line in lines:
            try:
                newest = max(newest, decode(line).schema_version)
            except UNREADABLE:
                continue
    return newest


def read_lines(path: Path) -> Iterator[AnyRow | BadLine]:
    """Read a part line by line, without ever failing on a line."""
    decode = msgspec.json.Decoder(AnyRow).decode
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line == b"\n":
                continue  # The end that a writer set after a line the disk had no room for.
            try:
                yield decode(line)
            except UNREADABLE as trouble:
                yield BadLine(
                    content=line,
                    reason=f"line {number}: {trouble}",
                    is_torn=not line.endswith(b"\n"),
                )

"""A file that is imported: its lines or its bytes, plain or gzipped, never all of it in memory."""

from __future__ import annotations

import gzip
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, cast

from mcplens.capture.wire import NotJsonError, parse_json
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_LINE: Final = 64_000_000
"""A longer line is named and left out."""

MAX_DOCUMENT: Final = 256_000_000
"""A larger file that is one single JSON value is not read."""

HEAD_BYTES: Final = 262_144
_HEAD_LINES: Final = 200
_GZIP: Final = b"\x1f\x8b"
# A text log may begin with a bracket, too: what follows tells.
_OPENS: Final = re.compile(rb"[\s\xef\xbb\xbf]*(\{|\[\s*([\[{]|$))")
_UNREADABLE: Final = (OSError, EOFError, zlib.error)


class Numbered(NamedTuple):
    """A line and where it stands."""

    number: int
    data: bytes
    is_too_long: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, which is what its format is told by."""

    name: str
    data: bytes
    lines: tuple[bytes, ...] = field(default=())
    values: tuple[Any, ...] = field(default=())
    """What of its lines is JSON, or the one value that all of it is."""


class Source:
    """One file to import."""

    def __init__(self, path: Path, *, on_read: Callable[[int], None] = lambda _: None) -> None:
        """Take a file.

        Args:
            path: The file.
            on_read: Told now and then how many bytes of the file have been read.
        """
        self.path = path
        self._on_read = on_read

    def head(self) -> Head:
        """Read its beginning.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            with self._open() as (opened, _):
                data = opened.read(HEAD_BYTES)
        except _UNREADABLE as error:
            raise self._unreadable(error) from error
        *lines, last = data.split(b"\n")
        if len(data) < HEAD_BYTES:
            lines.append(last)
        kept = tuple(line for line in lines[:_HEAD_LINES] if line.strip())
        values = [value for line in kept if (value := _json_of(line)) is not _NOTHING]
        if _OPENS.match(data) and not any(isinstance(value, dict) for value in values):
            with suppress(UsageError):
                values = list(self._document_values()) or values
        return Head(name=self.path.name, data=data, lines=kept, values=tuple(values[:_HEAD_LINES]))

    def read(self) -> bytes:
        """Read all of it.

        Raises:
            UsageError: it cannot be read, or is too large.
        """
        try:
            with self._open() as (opened, _):
                data = opened.read(MAX_DOCUMENT + 1)
        except _UNREADABLE as error:
            raise self._unreadable(error) from error
        if len(data) > MAX_DOCUMENT:
            raise UsageError(
                f"{self.path} is one value of more than {MAX_DOCUMENT // 1_000_000} MB. "
                "Write it as JSON lines, one value per line"
            )
        return data

    def lines(self) -> Iterator[Numbered]:
        """Read line by line; blank ones are left out.

        Raises:
            UsageError: it cannot be read, or not to its end.
        """
        try:
            with self._open() as (opened, raw):
                for number, data, is_too_long in _numbered(opened):
                    if is_too_long or data.strip():
                        yield Numbered(number, data, is_too_long)
                    if number % 1000 == 0:
                        self._on_read(raw.tell())
        except _UNREADABLE as error:
            raise self._unreadable(error) from error

    def values(self) -> Iterator[tuple[int, Any]]:
        """Read JSON values with their lines: one per line, or those of one value over many lines.

        What is no JSON comes as the NotJsonError that it raised.
        """
        if self._is_one_value():
            for value in self._document_values():
                yield 1, value
            return
        for line in self.lines():
            if line.is_too_long:
                yield line.number, NotJsonError(f"longer than {MAX_LINE // 1_000_000} MB")
                continue
            try:
                yield line.number, parse_json(line.data)
            except NotJsonError:
                yield line.number, NotJsonError("no JSON")

    def _is_one_value(self) -> bool:
        """Tell one JSON value, over many lines or as a list, from JSON lines."""
        first = next(iter(self.lines()), None)
        if first is None or first.is_too_long or not _OPENS.match(first.data):
            return False
        value = _json_of(first.data)
        return (value is _NOTHING or isinstance(value, list)) and self._is_json_document()

    def _is_json_document(self) -> bool:
        with suppress(UsageError, NotJsonError):
            parse_json(self.read().removeprefix(b"\xef\xbb\xbf"))
            return True
        return False

    def _document_values(self) -> Iterator[Any]:
        try:
            value = parse_json(self.read().removeprefix(b"\xef\xbb\xbf"))
        except NotJsonError:
            return
        if isinstance(value, list):
            yield from value
        else:
            yield value

    def _open(self) -> _Opened:
        return _Opened(self.path)

    def _unreadable(self, error: Exception) -> UsageError:
        why = getattr(error, "strerror", None) or str(error) or "it ends too early"
        return UsageError(f"cannot read {self.path}: {why}")


class _Opened:
    """The bytes of a file, unpacked where it is gzipped, and the file underneath."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> tuple[IO[bytes], IO[bytes]]:
        self._raw = self._path.open("rb")
        is_packed = self._raw.read(2) == _GZIP
        self._raw.seek(0)
        if not is_packed:
            return self._raw, self._raw
        return cast("IO[bytes]", gzip.GzipFile(fileobj=self._raw)), self._raw

    def __exit__(self, *_: object) -> None:
        self._raw.close()


_NOTHING: Final = object()


def _json_of(line: bytes) -> Any:
    try:
        return parse_json(line)
    except NotJsonError:
        return _NOTHING


def _numbered(opened: IO[bytes]) -> Iterator[Numbered]:
    number = 0
    while data := opened.readline(MAX_LINE + 1):
        number += 1
        if len(data) <= MAX_LINE:
            yield Numbered(number, data.removeprefix(b"\xef\xbb\xbf") if number == 1 else data)
            continue
        while data and not data.endswith(b"\n"):
            data = opened.readline(MAX_LINE + 1)
        yield Numbered(number, b"", is_too_long=True)

"""From the chunks of a wiretap to rows: what the recorder's thread does for the proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcplens.capture.wire import LineReader
from mcplens.capture.wiretap import End, Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mcplens.capture.clock import Clock
    from mcplens.capture.correlator import Correlator
    from mcplens.capture.wire import Line
    from mcplens.capture.wiretap import Wiretap
    from mcplens.events import Direction

LINES_AT_ONCE: Final = 8
"""Lines read between two breaths of the recorder, so that forwarding threads come in between."""

HASTE: Final = 64
"""Of so many waiting chunks one line more is read at once: what waits must not grow for ever."""

BYTES_AT_ONCE: Final = 256_000
"""The same in bytes, for wires with long lines."""


class Transcriber:
    """Reads a wiretap: the recorder calls it, and the correlator makes the rows."""

    def __init__(
        self,
        wiretap: Wiretap,
        correlator: Correlator,
        *,
        clock: Clock,
        count_lost: Callable[[int], None],
    ) -> None:
        self._wiretap = wiretap
        self._correlator = correlator
        self._clock = clock
        self._count_lost = count_lost
        self._readers: dict[Direction, LineReader] = {}
        self._is_inside_lost_line: dict[Direction, bool] = {}
        for direction in wiretap.ears:
            self._begin_anew(direction, is_inside_line=False)
        self._lines: Iterator[tuple[Direction, Line]] = iter(())

    def work(self) -> bool:
        """Read a few lines, and say whether more are waiting."""
        room = BYTES_AT_ONCE
        for _ in range(LINES_AT_ONCE + len(self._wiretap) // HASTE):
            found = self._next_line()
            if found is None:
                self._correlator.tick(self._clock.ns())
                return False
            direction, line = found
            self._correlator.line(direction, line)
            room -= line.size
            if room <= 0:
                break
        return True

    def give_up(self) -> None:
        """Count the lines that there was no time for, and end what is open."""
        lost = sum(1 for _ in self._lines)
        while (heard := self._wiretap.take()) is not None:
            ns, _, content = heard
            match content:
                case bytes():
                    lost += content.count(b"\n")
                case Gap():
                    lost += content.line_count
                case End():
                    self._tell_lost(lost, ns)
                    self._correlator.ended(content.reason, ns, exit_code=content.exit_code)
        self._wiretap.stop()

    def _next_line(self) -> tuple[Direction, Line] | None:
        while True:
            found = next(self._lines, None)
            if found is not None:
                return found
            heard = self._wiretap.take()
            if heard is None:
                return None
            ns, direction, content = heard
            match content:
                case bytes():
                    self._lines = self._cut(direction, content, ns)
                case Gap():
                    # A gap may begin in the rest of a line that an earlier one has counted.
                    known = self._is_inside_lost_line[direction]
                    self._tell_lost(content.line_count - known, ns)
                    self._begin_anew(direction, is_inside_line=content.is_inside_line)
                case End():
                    self._end(content, ns)

    def _cut(self, direction: Direction, chunk: bytes, ns: int) -> Iterator[tuple[Direction, Line]]:
        if self._is_inside_lost_line[direction]:
            _, line_end, chunk = chunk.partition(b"\n")
            self._is_inside_lost_line[direction] = not line_end
        return ((direction, line) for line in self._readers[direction].feed(chunk, ns))

    def _begin_anew(self, direction: Direction, *, is_inside_line: bool) -> None:
        self._readers[direction] = LineReader()
        self._is_inside_lost_line[direction] = is_inside_line

    def _end(self, end: End, ns: int) -> None:
        for direction, reader in self._readers.items():
            for line in reader.finish():
                self._correlator.line(direction, line)
        self._correlator.ended(end.reason, ns, exit_code=end.exit_code)

    def _tell_lost(self, lines: int, ns: int) -> None:
        if lines:
            self._count_lost(lines)
            self._correlator.lost(lines, ns)

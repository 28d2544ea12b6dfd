"""From the chunks of a wiretap to rows: what the recorder's thread does for the proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcplens.capture.wire import LineReader
from mcplens.capture.wiretap import End

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mcplens.capture.clock import Clock
    from mcplens.capture.correlator import Correlator
    from mcplens.capture.wire import Line
    from mcplens.capture.wiretap import Chunk, Ear, Wiretap

LINES_AT_ONCE: Final = 16
"""Lines read between two breaths of the recorder, so that forwarding threads come in between."""

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
        self._readers = {wiretap.to_server: LineReader(), wiretap.to_client: LineReader()}
        self._is_inside_lost_line = {wiretap.to_server: False, wiretap.to_client: False}
        self._lines: Iterator[tuple[Ear, Line]] = iter(())

    def work(self) -> bool:
        """Read a few lines, and say whether more are waiting."""
        room = BYTES_AT_ONCE
        for _ in range(LINES_AT_ONCE):
            found = self._next_line()
            if found is None:
                self._correlator.tick(self._clock.ns())
                return False
            ear, line = found
            self._correlator.line(ear.direction, line)
            room -= line.size
            if room <= 0:
                break
        return True

    def give_up(self) -> None:
        """Count the lines that there was no time for, and end what is open."""
        lost = sum(1 for _ in self._lines)
        for item in self._wiretap.take_all():
            if not isinstance(item, End):
                lost += item.content.count(b"\n") + (item.gap.line_count if item.gap else 0)
                continue
            if lost:
                self._tell_lost(lost, item.ns)
            self._correlator.ended(item.reason, item.ns, exit_code=item.exit_code)

    def _next_line(self) -> tuple[Ear, Line] | None:
        while True:
            found = next(self._lines, None)
            if found is not None:
                return found
            item = self._wiretap.take()
            if item is None:
                return None
            if isinstance(item, End):
                self._end(item)
            else:
                self._lines = self._cut(item)

    def _cut(self, chunk: Chunk) -> Iterator[tuple[Ear, Line]]:
        ear, content = chunk.ear, chunk.content
        ear.taken(chunk)
        if chunk.gap is not None:
            self._tell_lost(chunk.gap.line_count, chunk.ns)
            self._readers[ear] = LineReader()
            self._is_inside_lost_line[ear] = chunk.gap.is_inside_line
        if self._is_inside_lost_line[ear]:
            _, line_end, content = content.partition(b"\n")
            self._is_inside_lost_line[ear] = not line_end
        return ((ear, line) for line in self._readers[ear].feed(content, chunk.ns))

    def _end(self, end: End) -> None:
        for ear, reader in self._readers.items():
            gap = ear.last_gap()
            if gap is not None:
                self._tell_lost(gap.line_count, end.ns)
                continue
            for line in reader.finish():
                self._correlator.line(ear.direction, line)
        self._correlator.ended(end.reason, end.ns, exit_code=end.exit_code)

    def _tell_lost(self, lines: int, ns: int) -> None:
        self._count_lost(lines)
        self._correlator.lost(lines, ns)

"""Spans on their way to being calls: kept by trace until the trace is complete, or room is needed.

Spans come in any order, and those of one call from two processes, often in two files.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from mcplens.capture.otel.calls import calls_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.otel.calls import SpannedCall
    from mcplens.capture.otel.spans import Span

MAX_SPANS: Final = 100_000
"""Spans that wait; beyond, the trace that was quiet for longest is taken as complete."""


class SpanPool:
    """Collects spans, and gives the calls of each trace at once."""

    def __init__(self, take: Callable[[SpannedCall], None], *, max_spans: int = MAX_SPANS) -> None:
        self._take = take
        self._max_spans = max_spans
        self._traces: OrderedDict[str, list[Span]] = OrderedDict()
        self._count = 0

    def add(self, span: Span) -> None:
        """Take a span."""
        if span.method is None:
            span.attributes = {} if span.upstream is None else span.attributes
            span.resource = {}
        self._traces.setdefault(span.trace_id, []).append(span)
        self._traces.move_to_end(span.trace_id)
        self._count += 1
        while self._count > self._max_spans:
            self._give(*self._traces.popitem(last=False))

    def flush(self) -> None:
        """Take all traces as complete."""
        while self._traces:
            self._give(*self._traces.popitem(last=False))

    def flush_quiet(self, *, since_ns: int) -> None:
        """Take traces as complete in which nothing has ended since then."""
        for trace_id in [
            trace_id
            for trace_id, spans in self._traces.items()
            if max(span.ended_ns for span in spans) < since_ns
        ]:
            self._give(trace_id, self._traces.pop(trace_id))

    def _give(self, _trace_id: str, spans: list[Span]) -> None:
        self._count -= len(spans)
        for call in calls_of(spans):
            self._take(call)

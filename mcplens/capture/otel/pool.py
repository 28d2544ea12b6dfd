"""Spans on their way to being calls: kept by trace until the trace is complete, or room is needed.

Spans come in any order, and those of one call from two processes, often in two files.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mcplens.capture.otel.calls import calls_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.otel.calls import SpannedCall
    from mcplens.capture.otel.spans import Span

MAX_SPANS: Final = 100_000
"""Spans that wait; beyond, the trace that was quiet for longest is taken as complete."""


@dataclass(slots=True)
class _Trace:
    spans: list[Span] = field(default_factory=list)
    open_count: int = 0
    touched_ns: int = 0


class SpanPool:
    """Collects spans, and gives the calls of each trace at once."""

    def __init__(self, take: Callable[[SpannedCall], None], *, max_spans: int = MAX_SPANS) -> None:
        self._take = take
        self._max_spans = max_spans
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._count = 0

    def add(self, span: Span, *, at_ns: int = 0) -> None:
        """Take a span."""
        if span.method is None:
            span.attributes = {} if span.upstream is None else span.attributes
            span.resource = {}
        self._touch(span.trace_id, at_ns).spans.append(span)
        self._count += 1
        while self._count > self._max_spans:
            self._give(self._traces.popitem(last=False)[1])

    def begun(self, trace_id: str, *, at_ns: int) -> None:
        """Note that a call began, of which the span is still to come."""
        self._touch(trace_id, at_ns).open_count += 1

    def ended(self, trace_id: str, *, at_ns: int) -> None:
        """Note that a call ended."""
        self._touch(trace_id, at_ns).open_count -= 1

    def flush(self) -> None:
        """Take all traces as complete."""
        while self._traces:
            self._give(self._traces.popitem(last=False)[1])

    def flush_quiet(self, *, since_ns: int, at_last_ns: int) -> None:
        """Take as complete what is quiet since then, and is not open; at last, what is open too."""
        for trace_id, trace in list(self._traces.items()):
            if trace.touched_ns >= since_ns:
                return  # All after it are younger.
            if trace.open_count <= 0 or trace.touched_ns < at_last_ns:
                self._give(self._traces.pop(trace_id))

    def _touch(self, trace_id: str, at_ns: int) -> _Trace:
        trace = self._traces.setdefault(trace_id, _Trace())
        trace.touched_ns = at_ns
        self._traces.move_to_end(trace_id)
        return trace

    def _give(self, trace: _Trace) -> None:
        self._count -= len(trace.spans)
        for call in calls_of(trace.spans):
            self._take(call)

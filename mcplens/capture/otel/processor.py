"""Recording a process by the spans it makes anyway: a span processor for its TracerProvider.

On the path of a span there is an append. The recorder's thread reads what was appended, waits until
a trace is quiet and none of its calls is open, and makes events of it as an import does. So what
spans do not tell stays unknown here too; `mcplens.record` sees more.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.imports.intake import Intake
from mcplens.capture.otel.pool import SpanPool
from mcplens.capture.otel.spans import METHOD, Kind, Span, Status
from mcplens.capture.recorders import OF_THIS_PROCESS, SharedRecorder, Wanted
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.privacy import Keep
    from mcplens.capture.recorder import Recorder

MAX_WAITING: Final = 20_000
"""Spans that may wait to be read; what comes beyond is dropped and counted."""

QUIET_NS: Final = 1_000_000_000
"""How long nothing must have come of a trace before it is taken as complete."""

GIVEN_UP_NS: Final = 600_000_000_000
"""How long a call may be open without a sign of life."""

_BITE: Final = 200
_KINDS: Final[dict[str, Kind]] = {"CLIENT": "client", "SERVER": "server"}
_STATUSES: Final[dict[str, Status]] = {"OK": "ok", "ERROR": "error"}
_TRACE_DIGITS: Final = "032x"
_SPAN_DIGITS: Final = "016x"


def span_processor(
    *,
    store: str | Path | None = None,
    label: str | None = None,
    keep: Keep | None = None,
    server_name: str | None = None,
    recorder: Recorder | None = None,
) -> Any:
    """Make a span processor that records calls of MCP: `provider.add_span_processor(…)`.

    Args:
        store: Where to record; found as the commands find it unless given.
        label: The run's name.
        keep: What of contents to keep.
        server_name: What to call the server, instead of what the spans call it.
        recorder: Record into this run, instead of one that the process shares.

    Raises:
        UsageError: the OpenTelemetry SDK is not installed.
    """
    try:
        from opentelemetry.sdk.trace import SpanProcessor
    except ImportError:
        raise UsageError(
            "a span processor needs the OpenTelemetry SDK: pip install 'mcplens[otel]'"
        ) from None

    class McplensSpanProcessor(SpanProcessor):
        """Hands spans over; never blocks, never raises."""

        def __init__(self) -> None:
            self._feeds = _Feeds(
                SharedRecorder(Wanted("import", store, label, keep), recorders=OF_THIS_PROCESS)
                if recorder is None
                else lambda: recorder,
                server_name,
            )

        def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002  theirs
            self._feeds.put(span, is_start=True)

        def on_end(self, span: Any) -> None:
            self._feeds.put(span, is_start=False)

        def shutdown(self) -> None:
            self._feeds.flush(1.0)

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return self._feeds.flush(timeout_millis / 1000)

    return McplensSpanProcessor()


class _Feeds:
    """The feed of this process, and after a fork a new one."""

    def __init__(self, recorder: Callable[[], Recorder], server_name: str | None) -> None:
        self._recorder = recorder
        self._server_name = server_name
        self._feed: Feed | None = None

    def put(self, span: Any, *, is_start: bool) -> None:
        try:
            if not is_start or METHOD in (span.attributes or ()):
                self._of_now().put(span, is_start=is_start)
        except Exception:  # noqa: BLE001  watching never harms the watched
            return

    def flush(self, seconds: float) -> bool:
        try:
            return self._feed is None or self._feed.flush(seconds)
        except Exception:  # noqa: BLE001  watching never harms the watched
            return False

    def _of_now(self) -> Feed:
        recorder = self._recorder()
        if self._feed is None or self._feed.recorder is not recorder:
            self._feed = Feed(recorder, server_name=self._server_name)
            recorder.attach(self._feed)
        return self._feed


class Feed:
    """Spans on their way to one recorder, read on its thread."""

    def __init__(self, recorder: Recorder, *, server_name: str | None = None) -> None:
        self.recorder = recorder
        self._intake = Intake(recorder, server_name=server_name, is_live=True)
        self._pool = SpanPool(self._intake.take_call)
        self._waiting: deque[tuple[Any, bool]] = deque()
        self._is_asked_to_flush = False

    def put(self, span: Any, *, is_start: bool) -> None:
        """Take a span as it is; the call's own path ends here."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append((span, is_start))
        elif not is_start:
            self.recorder.count_lost(1, is_told=False)

    def flush(self, seconds: float) -> bool:
        """Wait until all that has ended is written; False when the time was too short."""
        self._is_asked_to_flush = True
        deadline = time.monotonic() + seconds
        while self._is_asked_to_flush and time.monotonic() < deadline:
            time.sleep(0.005)
        return not self._is_asked_to_flush

    def work(self) -> bool:
        """Read some of what waits, on the recorder's thread."""
        now = time.monotonic_ns()
        for _ in range(min(_BITE, len(self._waiting))):
            self._take(*self._waiting.popleft(), now=now)
        if self._waiting:
            return True
        if self._is_asked_to_flush:
            self._pool.flush()
            self._intake.end()
            self._is_asked_to_flush = False
        self._pool.flush_quiet(since_ns=now - QUIET_NS, at_last_ns=now - GIVEN_UP_NS)
        return False

    def give_up(self) -> None:
        """Read all that is left, because the run ends."""
        while self._waiting:
            self._take(*self._waiting.popleft(), now=time.monotonic_ns())
        self._pool.flush()
        self._intake.end()

    def _take(self, raw: Any, is_start: bool, *, now: int) -> None:  # noqa: FBT001  from a pair
        try:
            trace_id = format(raw.context.trace_id, _TRACE_DIGITS)
            if is_start:
                self._pool.begun(trace_id, at_ns=now)
                return
            span = span_of(raw)
            if span.method is not None or METHOD in span.attributes:
                self._pool.ended(trace_id, at_ns=now)
            span.origin = self._intake.counts
            self._pool.add(span, at_ns=now)
        except Exception:  # noqa: BLE001  one odd span must not cost the others
            self.recorder.count_lost(1, is_told=False)


def span_of(raw: Any) -> Span:
    """Read a span as the SDK hands it over."""
    scope = raw.instrumentation_scope
    exceptions = [event for event in raw.events if event.name == "exception"]
    exception = dict(exceptions[-1].attributes or {}) if exceptions else {}
    kind: Kind = _KINDS.get(raw.kind.name, "other")
    status: Status = _STATUSES.get(raw.status.status_code.name, "unset")
    return Span(
        trace_id=format(raw.context.trace_id, _TRACE_DIGITS),
        span_id=format(raw.context.span_id, _SPAN_DIGITS),
        parent_id=None if raw.parent is None else format(raw.parent.span_id, _SPAN_DIGITS),
        name=raw.name,
        kind=kind,
        started_ns=raw.start_time or 0,
        ended_ns=raw.end_time or 0,
        status=status,
        status_text=raw.status.description,
        scope="" if scope is None else scope.name,
        attributes=dict(raw.attributes or {}),
        resource=dict(raw.resource.attributes),
        exception=_text(exception.get("exception.type")),
        exception_text=_text(exception.get("exception.message")),
        clock_name="this process",
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None

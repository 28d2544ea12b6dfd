"""The span processor: what a living process's spans become, and that it is never in the way."""

import sys

import pytest

from mcplens.capture.otel.pool import SpanPool
from mcplens.capture.otel.processor import Feed, span_processor
from mcplens.capture.recorder import Recorder
from mcplens.errors import UsageError
from mcplens.events import Event
from mcplens.store.location import create
from tests import spooled

trace = pytest.importorskip("opentelemetry.sdk.trace")
api = pytest.importorskip("opentelemetry.trace")

CALL = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "search"}


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """A provider whose spans are recorded; calling it ends the run and gives the calls."""
    monkeypatch.setattr("mcplens.capture.writer.start_sealing", lambda *_, **__: None)
    store = create(tmp_path / "store")
    recorder = Recorder(store, observer="import")
    provider = trace.TracerProvider()
    processor = span_processor(recorder=recorder)
    provider.add_span_processor(processor)

    def calls():
        recorder.close()
        return spooled.calls(store.path)

    calls.tracer = provider.get_tracer("mcp-python-sdk")
    calls.processor = processor
    yield calls
    recorder.close()


def test_nested_spans_of_one_call_are_one_event(recorded):
    start = recorded.tracer.start_as_current_span
    with (
        start("tools/call search", kind=api.SpanKind.CLIENT, attributes=CALL),
        start("MCP send tools/call search", kind=api.SpanKind.CLIENT, attributes=CALL),
        start("tools/call search", kind=api.SpanKind.SERVER, attributes=CALL) as span,
    ):
        span.set_attribute("mcp.protocol.version", "2025-11-25")

    [call] = recorded()
    assert (call.target, call.outcome, call.outcome_basis) == ("search", "ok", "span_order")
    assert call.observer == "import"


def test_a_flush_writes_what_has_ended(recorded):
    recorded.tracer.start_span("tools/call search", attributes=CALL).end()

    assert recorded.processor.force_flush(5_000)

    [call] = recorded()
    assert call.outcome == "unknown"


def test_other_spans_are_no_calls(recorded):
    recorded.tracer.start_span("GET").end()
    recorded.tracer.start_span("x", attributes={"mcp.method.name": "notifications/progress"}).end()

    assert recorded() == []


def test_a_trace_is_complete_when_it_is_quiet_and_nothing_in_it_is_open():
    taken = []
    pool = SpanPool(taken.append)
    pool.begun("a" * 32, at_ns=10)
    pool.ended("b" * 32, at_ns=20)

    pool.flush_quiet(since_ns=100, at_last_ns=0)
    is_still_there = "a" * 32 in pool._traces
    pool.flush_quiet(since_ns=100, at_last_ns=50)

    assert is_still_there
    assert not pool._traces


def test_a_span_that_cannot_be_read_is_counted_and_harms_nobody():
    rows = []
    with Recorder(None, observer="import") as recorder:
        recorder.record = rows.append
        feed = Feed(recorder)
        feed.put(object(), is_start=False)
        feed.work()

        assert recorder.lost_count == 1
    assert not [row for row in rows if isinstance(row, Event)]


def test_more_spans_than_may_wait_are_dropped_and_counted(monkeypatch):
    monkeypatch.setattr("mcplens.capture.otel.processor.MAX_WAITING", 2)
    with Recorder(None, observer="import") as recorder:
        feed = Feed(recorder)
        for _ in range(5):
            feed.put(object(), is_start=False)

        assert recorder.lost_count == 3


def test_a_recorder_in_trouble_does_not_reach_the_span(recorded, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no")

    monkeypatch.setattr(Feed, "put", broken)

    recorded.tracer.start_span("tools/call search", attributes=CALL).end()

    assert recorded() == []


def test_without_the_sdk_it_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(UsageError, match=r"pip install 'mcplens\[otel\]'"):
        span_processor()

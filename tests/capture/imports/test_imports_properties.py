"""Whatever a file holds: no importer fails on it, and none makes a call of what is none."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcplens.capture.imports.importing import import_files
from mcplens.capture.imports.intake import Intake
from mcplens.capture.imports.registry import FORMATS
from mcplens.capture.imports.source import Source
from mcplens.capture.recorder import Recorder
from mcplens.errors import UsageError
from mcplens.events import Event
from tests.capture.imports.test_claude_code import answered, used
from tests.capture.imports.test_otlp import request, server_span, span
from tests.capture.imports.test_wire_logs import ANSWER, desktop_log, said, snoop_log, snooped


@dataclass(frozen=True)
class Sample:
    """A sound file of a format, and what every call in such a file has."""

    data: bytes
    bears: bytes


def lines(*records):
    texts = [one if isinstance(one, str) else json.dumps(one) for one in records]
    return "\n".join(texts).encode() + b"\n"


def proto(value):
    json_format = pytest.importorskip("google.protobuf.json_format")
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    message = service.ExportTraceServiceRequest()
    return json_format.ParseDict(value, message).SerializeToString()


LOG = {
    "ts": "2026-11-18T09:00:00Z",
    "tool": {"name": "search"},
    "status": "ok",
    "duration_ms": 1.5,
    "error": None,
    "session": "s",
}
SPANS = request(span(status={"code": 2, "message": "x"}), server_span())
SAMPLES = {
    "json": Sample(lines(LOG, {**LOG, "success": False, "error": "no"}), b"tool"),
    "otlp-json": Sample(lines(SPANS, SPANS), b"mcp.method.name"),
    "otlp-proto": Sample(proto(SPANS), b"mcp.method.name"),
    "claude-desktop": Sample(lines(*desktop_log(said("server", ANSWER, at=4))), b"method"),
    "claude-code": Sample(lines(used(), answered(), used("toolu_2")), b"mcp__"),
    "mcpsnoop": Sample(lines(*snoop_log(snooped("s2c", ANSWER, at=4))), b"method"),
}
FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def recorder():
    with Recorder(None, observer="import") as recorder:
        yield recorder


def read(recorder, path: Path, name: str, data: bytes):
    """Read bytes as a format, and give the requests that came of it."""
    path.write_bytes(data)
    intake = Intake(recorder)
    taken = []
    recorder.record = taken.append
    intake.begin(path)
    with suppress(UsageError):
        FORMATS[name].read(Source(path), intake)
    intake.end()
    events = [row for row in taken if isinstance(row, Event)]
    assert intake.counts.calls == len(events)
    return events


def test_there_is_a_sample_of_every_format():
    assert SAMPLES.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_a_sound_file_holds_calls(recorder, tmp_path, name):
    assert read(recorder, tmp_path / "f", name, SAMPLES[name].data)


@pytest.mark.parametrize("name", FORMATS)
@FUZZ
@given(data=st.binary(max_size=2000))
def test_bytes_of_no_format_are_no_calls(recorder, tmp_path, name, data):
    assert read(recorder, tmp_path / "f", name, data) == []


@pytest.mark.parametrize("name", FORMATS)
@FUZZ
@given(data=st.data())
def test_a_damaged_file_never_holds_more_calls_than_it_names(recorder, tmp_path, name, data):
    sample = SAMPLES[name]
    damaged = bytearray(sample.data)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(damaged)))
        cut = data.draw(st.sampled_from([0, 0, 1, 3, 40]))
        put = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b'"', b"{", b"\n", b"9" * 30]))
        )
        damaged[place : place + cut] = put

    events = read(recorder, tmp_path / "f", name, bytes(damaged))

    # In a key of a log only letters count, so that "t:ool" is still the tool.
    assert len(events) <= letters(damaged).count(letters(sample.bears))


def letters(data):
    return re.sub(rb"[^a-z]", b"", bytes(data).lower())


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"otlp-proto"}))
@FUZZ
@given(data=st.data())
def test_any_value_may_stand_anywhere(recorder, tmp_path, name, data):
    text = SAMPLES[name].data.decode()
    records = [json.loads(one) if one[0] == "{" else one for one in text.splitlines()]
    for _ in range(data.draw(st.integers(1, 3))):
        _put_somewhere(data, records, data.draw(ANY_JSON))

    read(recorder, tmp_path / "f", name, lines(*records))


def _put_somewhere(data, place, value):
    """Put a value in place of any other, at any depth."""
    key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
    inner = place[key]
    if isinstance(inner, dict | list) and inner and data.draw(st.booleans() | st.just(True)):
        _put_somewhere(data, inner, value)
    else:
        place[key] = value


@pytest.mark.parametrize("name", FORMATS)
def test_each_sample_is_recognised(importing, name):
    path = importing.folder / "sample"
    path.write_bytes(SAMPLES[name].data)

    [one] = import_files([path], store=importing.store).files

    assert one.format.name == name

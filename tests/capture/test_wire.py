import contextlib
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcplens.capture.wire import Line, LineReader, NotJsonError, encode_json, parse_json


def lines_of(*chunks, reader=None):
    reader = reader or LineReader()
    return [line for ns, chunk in enumerate(chunks, start=1) for line in reader.feed(chunk, ns)]


def test_a_line_has_the_time_of_the_chunk_with_its_last_byte():
    lines = lines_of(b'{"a":', b"1", b'}\n{"b":2}\n')

    assert lines == [Line(data=b'{"a":1}', ns=3, size=7), Line(data=b'{"b":2}', ns=3, size=7)]


def test_windows_line_ends_and_blank_lines_are_no_part_of_a_message():
    lines = lines_of(b"one\r\n\r\n\n  \t\ntwo\r", b"\nthree\n")

    assert lines == [
        Line(data=b"one", ns=1, size=3),
        Line(data=b"two", ns=2, size=3),
        Line(data=b"three", ns=2, size=5),
    ]


def test_half_a_line_at_the_end_is_given_as_incomplete():
    reader = LineReader()

    assert lines_of(b"one\ntw", b"o", reader=reader) == [Line(data=b"one", ns=1, size=3)]
    assert reader.finish() == [Line(data=b"two", ns=2, size=3, state="incomplete")]
    assert reader.finish() == []


def test_blanks_at_the_end_are_nothing():
    reader = LineReader()
    lines_of(b"one\n  \r", reader=reader)

    assert reader.finish() == []


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_an_oversized_line_is_counted_not_kept_and_the_next_is_read(chunk_size):
    data = b"x" * 25 + b"\nsmall\n"
    chunks = [data[at : at + chunk_size] for at in range(0, len(data), chunk_size)]
    reader = LineReader(max_bytes=20)

    lines = lines_of(*chunks, reader=reader)

    assert [(line.data, line.size, line.state) for line in lines] == [
        (b"", 25, "oversized"),
        (b"small", 5, "whole"),
    ]


def test_an_oversized_line_that_never_ends_is_told_at_the_end():
    reader = LineReader(max_bytes=20)
    lines_of(b"x" * 15, b"x" * 15, reader=reader)

    assert reader.finish() == [Line(data=b"", ns=2, size=30, state="oversized")]


def test_a_line_that_never_ends_does_not_fill_the_memory():
    reader = LineReader(max_bytes=1000)
    chunk = b"x" * 900

    for ns in range(1000):
        reader.feed(chunk, ns)

    assert len(reader._rest) == 0


def test_reading_takes_time_in_proportion_to_the_bytes():
    def seconds(size):
        reader = LineReader()
        chunk = b"x" * 512
        started = time.thread_time()
        for ns in range(size // 512):
            reader.feed(chunk, ns)
        [line] = reader.feed(b"\n", 0)
        assert line.size == size
        return time.thread_time() - started

    small = min(seconds(1_048_576) for _ in range(3))
    large = min(seconds(16_777_216) for _ in range(3))

    assert large < 16 * small * 4  # Repeated copying would make it 256 times as long.


@given(st.binary(), st.lists(st.integers(0, 200)))
def test_lines_are_the_same_wherever_the_bytes_are_cut(data, cuts):
    borders = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:stop] for start, stop in pairwise(borders)]

    def contents(chunks):
        reader = LineReader(max_bytes=20)
        return [
            (line.data, line.size, line.state)
            for line in [*lines_of(*chunks, reader=reader), *reader.finish()]
        ]

    assert contents(pieces) == contents([data] if data else [])


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a":[1,2.5,null,true,"x"]}', {"a": [1, 2.5, None, True, "x"]}),
        (b'"\\ud800"', "\ud800"),
        (b'"caf\xe9"', "caf\ufffd"),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"1e400", float("inf")),
        (b"-Infinity", float("-inf")),
        (b"1" * 5000, float("inf")),
    ],
)
def test_json_is_read_as_leniently_as_clients_read_it(data, value):
    assert parse_json(data) == value


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"{", b"{'a': 1}", b"\xff\xfe{}", b"[" * 100_000, b'{"a":1} x']
)
def test_what_is_no_json_is_told_as_such(data):
    with pytest.raises(NotJsonError):
        parse_json(data)


@given(st.binary(max_size=200))
def test_reading_any_bytes_gives_json_or_says_that_it_is_none(data):
    with contextlib.suppress(NotJsonError):
        parse_json(data)


def test_equal_values_are_written_as_equal_bytes():
    assert encode_json({"b": 1, "a": {"d": 1, "c": 2}}) == b'{"a":{"c":2,"d":1},"b":1}'
    assert encode_json({"a": {"c": 2, "d": 1}, "b": 1}) == b'{"a":{"c":2,"d":1},"b":1}'


def test_what_msgspec_cannot_write_is_written_all_the_same():
    assert encode_json({"b": "\ud800", "a": 1}) == b'{"a":1,"b":"\\ud800"}'
    assert encode_json(parse_json(b"[" * 900 + b"]" * 900)) is not None


def test_what_is_nested_too_deep_cannot_be_written():
    value = []
    for _ in range(100_000):
        value = [value]

    assert encode_json(value) is None

"""Server-sent events, cut from bytes that come in any pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcplens.capture.http.sse import EventReader


def read(*chunks, **settings):
    reader = EventReader(**settings)
    return [event for chunk in chunks for event in reader.feed(chunk)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_may_end_in_three_ways(end):
    text = end.join([b": hi", b"event: e", b"id: 1", b"data: one", b"data:two", b"retry: 5", b""])

    [event] = read(text + end)

    assert (event.type, event.data, event.has_id) == ("e", b"one\ntwo", True)


def test_a_byte_order_mark_is_skipped():
    [event] = read(b"\xef", b"\xbb", b"\xbfdata: x\n\n")

    assert event.data == b"x"


def test_a_line_end_may_be_cut_in_two():
    events = read(b"data: a\r", b"\ndata: b\r\n\r", b"\ndata: c\r\n\r\n")

    assert [event.data for event in events] == [b"a\nb", b"c"]


def test_an_event_without_data_only_says_its_id():
    [event] = read(b"id: 1\ndata\n\n", b": keep-alive\n\n", b"event: only\n\n")

    assert (event.data, event.has_id) == (b"", True)


def test_what_is_too_long_is_told_and_not_kept():
    long, short = read(b"data: " + b"x" * 90, b"x" * 9 + b"\n\ndata: y\n\n", max_bytes=60)

    assert (long.is_oversized, long.data) == (True, b"")
    assert (short.is_oversized, short.data) == (False, b"y")


def test_an_event_that_has_no_end_is_none():
    assert read(b"data: x\n") == []


LINES = st.lists(
    st.sampled_from([b"data: a", b"data", b"id: 1", b"event: e", b": c", b"", b"", b"\xff\xfe"])
)


@given(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"]), st.lists(st.integers(0, 60)))
def test_it_does_not_matter_where_the_bytes_are_cut(lines, end, cuts):
    whole = end.join([*lines, b"", b""])
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[a:b] for a, b in pairwise(places)]

    assert read(*pieces) == read(whole)


@given(st.lists(st.binary()))
def test_no_bytes_raise_and_no_event_comes_from_nothing(chunks):
    events = read(*chunks)

    assert len(events) <= b"".join(chunks).count(b"\n") + b"".join(chunks).count(b"\r")

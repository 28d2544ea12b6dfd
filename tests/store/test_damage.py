"""Bytes lost or changed anywhere in a spool part."""

from datetime import datetime

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcplens.events import TABLES, columns
from mcplens.store.location import create
from mcplens.store.seal import seal
from tests.builders import call
from tests.store.looking import event_ids_in, write_part

PART = b"".join(
    msgspec.json.encode(call(run_id="x", sequence=n, target="ä" * (n % 7))) + b"\n"
    for n in range(1, 21)
)
LINES = PART.splitlines(keepends=True)
REQUIRED = {
    "run_id": "y",
    "event_id": "y-1",
    "connection_id": "y-c1",
    "notice_id": "y-n1",
    "sample_id": "y-s1",
    "definition_hash": "00",
    "observer": "proxy",
    "direction": "to_server",
    "sequence": 1,
}
ALL_COLUMNS = sorted({column.name for table in TABLES for column in columns(table)})
TABLE_NAMES = st.sampled_from(sorted(TABLES))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Make stores whose one part has these bytes."""

    def make(content):
        store = create(tmp_path_factory.mktemp("damage") / "store")
        (store.spool / "x-00001.jsonl").write_bytes(content)
        return store

    return make


def ids_of(lines):
    return sorted(msgspec.json.decode(line)["event_id"] for line in lines)


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(PART)))
def test_every_whole_line_before_a_cut_is_kept(place, cut):
    store = place(PART[:cut])
    # A line that lacks nothing but its end is whole.
    whole = [line for n, line in enumerate(LINES) if len(b"".join(LINES[: n + 1])) - 1 <= cut]

    live = event_ids_in(store)
    report = seal(store)

    assert event_ids_in(store) == live == ids_of(whole)
    assert report.quarantined_count == 0
    assert report.torn_count == (
        0 if len(b"".join(whole)) - 1 <= cut <= len(b"".join(whole)) else 1
    )


@settings(max_examples=60, deadline=None)
@given(
    at=st.integers(0, len(PART) - 1),
    damage=st.binary(min_size=1, max_size=400),
    is_inserted=st.booleans(),
)
def test_lines_that_were_not_touched_are_kept(place, at, damage, is_inserted):
    end = at if is_inserted else min(at + len(damage), len(PART))
    store = place(PART[:at] + damage + PART[end:])
    starts = [len(b"".join(LINES[:n])) for n in range(len(LINES))]
    untouched = [
        line
        for start, line in zip(starts, LINES, strict=True)
        if start + len(line) <= at or start >= max(end, at + 1)
    ]

    seal(store)

    kept = set(event_ids_in(store))
    assert kept >= set(ids_of(untouched))
    assert len(kept) <= len(LINES)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=2000))
def test_bytes_that_never_were_rows_become_none(place, content):
    store = place(content)

    seal(store)

    assert event_ids_in(store) == []


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "\0", "ok"]),
    st.lists(st.text(max_size=3) | st.none(), max_size=3),
    st.fixed_dictionaries({"kind": st.text(max_size=3)}),
    st.lists(st.fixed_dictionaries({"kind": st.text(max_size=3)}), max_size=2),
)


@settings(max_examples=60, deadline=None)
@given(row=st.dictionaries(st.sampled_from(ALL_COLUMNS), ODD, max_size=2), table=TABLE_NAMES)
@example(row={"first_answered_at": "0001-01-01T00:00:00+14:00"}, table="connections")
def test_rows_with_odd_values_are_sealed_or_put_aside(place, row, table):
    odd = msgspec.json.encode({**REQUIRED, **row, "table": table, "schema_version": 1}) + b"\n"
    store = place(LINES[0] + odd + LINES[1])

    report = seal(store)

    assert report.row_count + report.quarantined_count == 3
    assert {"x-1", "x-2"} <= set(event_ids_in(store))


def test_a_line_of_eighty_megabytes_is_a_line(store):
    write_part(store, [call(sequence=1, arguments="x" * 80_000_000), call(sequence=2)])

    report = seal(store)

    assert report.row_count == 2
    assert event_ids_in(store) == ["run1-1", "run1-2"]

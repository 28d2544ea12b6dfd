"""Which rows are calls, and that each is seen exactly once."""

import pytest

from mcplens.metrics.connect import connect
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import call, connection, event
from tests.metrics.conftest import rows_of

OPEN = {"outcome": None, "duration_ms": None, "work_ms": None}


def test_tools_prompts_and_resources_are_calls_and_nothing_else_is(metrics_of):
    rows = [
        call(),
        call(method="prompts/get", target="greeting"),
        call(method="resources/read", target="file:///notes"),
        event(method="tools/list", target=None),
        event(method="initialize", target=None),
    ]

    calls = metrics_of(rows, "calls", order_by="sequence")

    assert [(row.method, row.target, row.tool_name) for row in calls] == [
        ("tools/call", "read_file", "read_file"),
        ("prompts/get", "greeting", None),
        ("resources/read", "file:///notes", None),
    ]


def test_only_the_last_round_of_a_call_is_the_call(metrics_of):
    rows = [
        call(call_id="a", round=1, is_final=False, outcome="input_required"),
        call(call_id="a", round=2, work_ms=70.0),
    ]

    [row] = metrics_of(rows, "calls")

    assert (row.call_id, row.round_count, row.outcome, row.work_ms) == ("a", 2, "ok", 70.0)


def test_an_open_call_is_seen_without_an_outcome(metrics_of):
    [row] = metrics_of([call(**OPEN)], "calls")

    assert (row.outcome, row.is_success, row.ended_at, row.is_caller_error) == (
        None,
        None,
        None,
        False,
    )


@pytest.mark.parametrize("sealed", [0, 1, 2])
def test_a_call_that_was_open_and_then_ended_is_one_call(store, spool, sealed):
    """Wherever its two rows lie: both in tails, the first sealed, or both sealed apart."""
    writer = Spool(store, run_id="run1")
    writer.write([call(sequence=9)])
    spool([call(sequence=1, **OPEN), call(sequence=2, **OPEN)], name="run1-00002")
    if sealed > 0:
        seal(store)
    spool([call(sequence=1, outcome="timeout", duration_ms=9000.0)], name="run1-00003")
    if sealed > 1:
        seal(store)

    rows = rows_of(connect(store.path), "from calls order by sequence")

    writer.close()
    assert [(row.sequence, row.outcome) for row in rows] == [(1, "timeout"), (2, None), (9, "ok")]


def test_calls_are_counted_once_while_they_move_from_tail_to_parquet(store, spool):
    spool([call(at=n) for n in range(3)], name="run1-00001")
    seal(store)
    spool([call(at=n) for n in range(4)], name="run1-00002")
    spool([call(at=9, **OPEN)], name="run1-00003")

    con = connect(store.path)

    assert rows_of(con, "from tool_metrics")[0].call_count == 7
    assert len(rows_of(con, "from calls")) == 8


def test_when_a_call_ended_is_when_its_answer_was_seen(metrics_of):
    [row] = metrics_of([call(at=1.0, duration_ms=250.25)], "calls")

    assert row.ended_at.isoformat() == "2026-11-20T12:00:01.250250"


def test_what_a_second_observer_saw_of_a_connection_is_not_counted_twice(metrics_of):
    rows = [
        connection(connection_id="run1-c1"),
        connection(connection_id="run1-c2", shadowed_by="run1-c1"),
        call(connection_id="run1-c1"),
        call(connection_id="run1-c2"),
    ]

    assert [row.connection_id for row in metrics_of(rows, "calls")] == ["run1-c1"]


def test_warm_ups_are_calls_that_are_marked(metrics_of):
    rows = metrics_of([call(is_warmup=True), call()], "calls", order_by="sequence")

    assert [row.is_warmup for row in rows] == [True, None]

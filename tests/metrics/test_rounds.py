"""What the views make of the rows that calls of several rounds become."""

import pytest

from mcplens.metrics.connect import connect
from mcplens.store.spool import Spool
from tests.golden import TRANSCRIPTS, play
from tests.metrics.conftest import rows_of
from tests.transcripts import call, record, server, tick


def rows_from(name):
    """Play a golden transcript, and give all that it wrote."""
    return play(TRANSCRIPTS / f"{name}.jsonl").rows


@pytest.mark.parametrize(
    ("name", "tool", "rounds", "times"),
    [
        ("new-input-required", "greet", 2, (205.0, 200.0, 5.0)),
        ("old-elicitation", "greet", 1, (225.0, 200.0, 25.0)),
        ("old-visit-required", "files", 2, (430.0, 400.0, 30.0)),
        ("new-header-mismatch", "search", 2, (40.0, 0.0, 40.0)),
        ("old-task", "build", 1, (350.0, 200.0, 150.0)),
    ],
)
def test_a_call_is_one_row_however_many_requests_it_took(metrics_of, name, tool, rounds, times):
    [row] = metrics_of(rows_from(name), "calls")

    assert (row.tool_name, row.round_count, row.outcome, row.attempt) == (tool, rounds, "ok", 1)
    assert (row.duration_ms, row.wait_ms, row.work_ms) == times
    assert (row.ended_at - row.started_at).total_seconds() * 1000 == pytest.approx(times[0])


def test_a_tool_and_a_session_count_the_call_and_not_its_rounds(store, metrics_of):
    [tool] = metrics_of(rows_from("new-header-mismatch"), "tool_metrics")
    [session] = rows_of(connect(store.path), "from session_metrics")

    assert (tool.call_count, tool.failure_count, tool.success_rate, tool.p50_ms) == (
        1,
        0,
        1.0,
        40.0,
    )
    assert (session.call_count, session.failure_count, session.retry_count) == (1, 0, 0)
    assert session.terminal_state == "completed"


def test_an_abandoned_round_is_a_cancelled_call_and_no_failure(metrics_of):
    [tool] = metrics_of(rows_from("new-input-abandoned"), "tool_metrics")

    assert (tool.call_count, tool.cancelled_count, tool.failure_count) == (2, 1, 0)
    assert tool.success_rate == 1.0


def test_a_recorder_killed_while_a_person_is_asked_leaves_the_call_unanswered(store):
    asked = {"resultType": "input_required", "requestState": "s1"}
    rows = record(
        call("greet", id=1, at=0),
        server(id=1, at=10, result=asked),
        tick(at=1500),
    ).rows
    spool = Spool(store, run_id="run1")

    spool.write(rows)
    spool.close()

    [row] = rows_of(connect(store.path), "from calls")
    assert (row.tool_name, row.outcome, row.outcome_basis) == (
        "greet",
        "unanswered",
        "recorder_died",
    )

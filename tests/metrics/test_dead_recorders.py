"""What a recorder left open is open for as long as it lives, whoever looks."""

from mcplens.metrics.connect import connect, refresh
from mcplens.store.spool import Spool
from tests.builders import call, connection, run

OPEN = [run(), connection(ended_at=None, end_reason=None), call(), call(at=1, outcome=None)]


def seen_in(con):
    [state] = con.sql("select terminal_state from session_metrics").fetchall()
    [end] = con.sql("select end_reason from connections").fetchall()
    [(still_open,)] = con.sql("select count(*) from stg_open_events").fetchall()
    outcomes = con.sql("select outcome, outcome_basis from stg_events order by sequence").fetchall()
    return state[0], end[0], still_open, outcomes[1:]


def test_a_session_runs_while_its_recorder_lives_and_ends_with_it(store):
    spool = Spool(store, run_id="run1")
    spool.write(OPEN)
    con = connect(store.path)
    alive = seen_in(con)

    spool.close()
    refresh(con)

    assert alive == ("running", None, 1, [])
    assert seen_in(con) == ("interrupted", "recorder_died", 0, [("unanswered", "recorder_died")])


def test_a_writer_that_goes_on_in_its_next_part_is_alive(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write(OPEN)
    spool.write([call(at=2)])

    assert len(list(store.spool.glob("run1-*.jsonl"))) > 1
    assert seen_in(connect(store.path))[:3] == ("running", None, 1)

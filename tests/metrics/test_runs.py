from tests.builders import NOON, call, connection, event, notice, run

OPEN = {"outcome": None, "duration_ms": None, "work_ms": None}


def test_a_run_says_what_it_holds(metrics_of):
    rows = [
        run(),
        connection(connection_id="c1"),
        connection(connection_id="c2"),
        event(method="initialize", target=None),
        call(),
        call(is_warmup=True),
        call(at=7, **OPEN),
    ]

    [row] = metrics_of(rows, "runs")

    assert (row.label, row.observer, row.keep) == ("main@1a2b3c4", "proxy", "shape")
    assert (row.connection_count, row.request_count, row.call_count, row.open_count) == (2, 4, 3, 1)
    assert row.last_request_at.second == 7


def test_the_newest_row_of_a_run_counts(metrics_of):
    ended = run(lost_count=0, event_count=5, recorder_cpu_ms=12.5, ended_at=NOON)
    # Rows of one batch are stamped alike: the one that knows more is the later one.
    rows = [ended, run()]

    [row] = metrics_of(rows, "runs")

    assert (row.ended_at, row.recorder_cpu_ms) == (NOON, 12.5)


def test_a_run_whose_own_row_is_gone_is_known_by_its_requests(metrics_of):
    [row] = metrics_of([call(at=1), call(at=2)], "runs")

    assert (row.run_id, row.label, row.call_count) == ("run1", None, 2)
    assert (row.started_at.second, row.last_request_at.second) == (1, 2)


def test_what_was_lost_is_what_the_recorder_said_at_its_end(metrics_of):
    rows = [run(at=0), run(at=9, lost_count=7), notice(kind="lost", lost_count=4)]

    [row] = metrics_of(rows, "runs")

    assert row.lost_count == 7


def test_what_was_lost_is_what_it_noticed_if_it_died(metrics_of):
    rows = [run(), notice(kind="lost", lost_count=4), notice(kind="lost", lost_count=2)]

    [row] = metrics_of(rows, "runs")

    assert row.lost_count == 6


def test_the_overview_adds_everything_up(metrics_of):
    rows = [
        run(run_id="run1", recorder_cpu_ms=2.5),
        run(run_id="run2", recorder_cpu_ms=1.5, lost_count=3),
        connection(connection_id="run1-c1"),
        connection(connection_id="run1-c2", shadowed_by="run1-c1"),
        notice(),
        event(at=-5, method="initialize", target=None),
        call(),
        call(target="write", outcome="tool_error", error_class="invalid_arguments"),
        call(outcome="cancelled"),
        call(is_warmup=True),
        call(method="prompts/get", target="greeting"),
        call(at=30, run_id="run2", server_name="git", session_id="another"),
        call(at=60, run_id="run2", server_name="git", **OPEN),
    ]

    [row] = metrics_of(rows, "overview")

    assert (row.run_count, row.connection_count, row.session_count) == (2, 1, 3)
    assert (row.server_count, row.tool_count) == (2, 3)
    assert (row.call_count, row.success_count, row.failure_count) == (4, 2, 1)
    assert (row.cancelled_count, row.caller_error_count) == (1, 1)
    assert (row.success_rate, row.failure_rate) == (2 / 3, 1 / 3)
    assert (row.open_count, row.warmup_count, row.other_call_count) == (1, 1, 1)
    assert (row.request_count, row.notice_count, row.lost_count) == (8, 1, 3)
    assert row.recorder_cpu_ms == 4.0
    assert (row.first_at.second, row.last_at.minute) == (55, 1)

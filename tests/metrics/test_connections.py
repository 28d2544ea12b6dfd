from datetime import timedelta

from tests.builders import NOON, connection, notice


def test_the_newest_row_of_a_connection_counts(metrics_of):
    rows = [
        connection(at=0, server_name="python", server_basis="command"),
        connection(server_basis="handshake", recorded_at=NOON + timedelta(seconds=2)),
    ]

    [row] = metrics_of(rows, "connections")

    assert (row.server_name, row.server_basis) == ("files", "handshake")


def test_of_rows_written_in_one_moment_the_one_that_knows_more_counts(metrics_of):
    started = connection(at=0)
    known = connection(at=0, first_answered_at=NOON, server_version="1.2")
    ended = connection(
        at=0, first_answered_at=NOON, server_version="1.2", ended_at=NOON, end_reason="signal"
    )

    [row] = metrics_of([ended, started, known], "connections")

    assert (row.end_reason, row.server_version) == ("signal", "1.2")


def test_start_up_is_from_spawning_to_the_first_answer(metrics_of):
    rows = [
        connection(
            first_answered_at=NOON + timedelta(milliseconds=812.5),
            ended_at=NOON + timedelta(seconds=90),
        )
    ]

    [row] = metrics_of(rows, "connections")

    assert (row.startup_ms, row.duration_ms) == (812.5, 90_000.0)


def test_of_a_connection_that_never_answered_no_start_up_is_known(metrics_of):
    [row] = metrics_of([connection()], "connections")

    assert (row.startup_ms, row.duration_ms) == (None, None)


def test_a_notice_knows_its_server(metrics_of):
    rows = [connection(), notice(kind="late_answer"), notice(connection_id=None, at=1)]

    seen = metrics_of(rows, "notices", order_by="noticed_at")

    assert [(row.kind, row.server_name) for row in seen] == [
        ("late_answer", "files"),
        ("not_json", None),
    ]

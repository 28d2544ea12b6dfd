from datetime import timedelta

from mcplens.events import SCHEMA_VERSION, Connection
from tests.builders import NOON, call


def connection(connection_id, **overrides):
    values = {
        "connection_id": connection_id,
        "run_id": "run1",
        "observer": "proxy",
        "server_name": "files",
        "spawned_at": NOON,
        "schema_version": SCHEMA_VERSION,
    }
    return Connection(**{**values, **overrides})


def test_a_server_counts_the_calls_of_all_its_tools(metrics_of):
    rows = [
        connection("run1-c1"),
        call(target="read", work_ms=10.0),
        call(target="read", outcome="tool_error", error_class="tool_failure", work_ms=20.0),
        call(target="write", outcome="cancelled"),
        call(target="write", at=60.0, work_ms=30.0),
        call(server_name="git", target="log"),
    ]

    [files, git] = metrics_of(rows, "server_metrics", order_by="server_name")

    assert (files.connection_count, files.tool_count, files.call_count) == (1, 2, 4)
    assert (files.success_count, files.failure_count, files.cancelled_count) == (2, 1, 1)
    assert files.failure_rate == 1 / 3
    assert files.p50_ms == 20.0
    assert files.p95_ms == 29.0
    assert files.last_at == NOON + timedelta(seconds=60)
    assert (git.connection_count, git.call_count) == (0, 1)


def test_a_server_that_was_never_called_is_seen(metrics_of):
    [idle] = metrics_of([connection("run1-c1", server_name=None)], "server_metrics")

    assert (idle.server_name, idle.connection_count, idle.call_count) == (None, 1, 0)
    assert idle.failure_rate is None
    assert idle.p95_ms is None
    assert idle.last_at == NOON


def test_a_connection_seen_twice_counts_once(metrics_of):
    rows = [connection("run1-c1"), connection("run1-c2", shadowed_by="run1-c1")]

    [files] = metrics_of(rows, "server_metrics")

    assert files.connection_count == 1

from datetime import timedelta

from mcplens.events import SCHEMA_VERSION, Sample
from tests.builders import NOON, connection


def sample(number, *, at, connection_id="run1-c1", **used):
    return Sample(
        sample_id=f"{connection_id}-s{number}",
        run_id="run1",
        connection_id=connection_id,
        sampled_at=NOON + timedelta(seconds=at),
        schema_version=SCHEMA_VERSION,
        **used,
    )


def test_a_server_is_summed_up_over_its_connections(metrics_of):
    rows = [
        connection(),
        connection(connection_id="run1-c2", at=100),
        sample(1, at=5, cpu_ms=100.0, memory_bytes=700, disk_write_bytes=10),
        sample(2, at=10, cpu_ms=500.0, peak_memory_bytes=900, disk_write_bytes=30),
        sample(1, at=130, connection_id="run1-c2", cpu_ms=1500.0, memory_bytes=400),
    ]

    [files] = metrics_of(rows, "server_usage")

    assert files.server_name == "files"
    assert (files.connection_count, files.sample_count) == (2, 3)
    assert files.measured_ms == 40_000.0
    assert (files.cpu_ms, files.cpu_share) == (2000.0, 0.05)
    assert files.peak_memory_bytes == 900
    assert (files.disk_read_bytes, files.disk_write_bytes) == (None, 30)
    assert files.last_at == NOON + timedelta(seconds=130)


def test_what_was_not_told_is_unknown(metrics_of):
    [files] = metrics_of([connection(), sample(1, at=5)], "server_usage")

    assert (files.cpu_ms, files.measured_ms, files.cpu_share) == (None, None, None)
    assert files.peak_memory_bytes is None


def test_a_server_that_was_never_looked_at_is_not_there(metrics_of):
    assert metrics_of([connection()], "server_usage") == []

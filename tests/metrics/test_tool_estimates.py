import pytest

from mcplens.metrics.connect import connect
from mcplens.store.seal import seal
from tests.builders import call
from tests.metrics.conftest import rows_of


def test_times_are_within_one_percent_of_what_they_are(metrics_of):
    rows = [call(work_ms=float(ms)) for ms in range(1, 1001)]

    [row] = metrics_of(rows, "tool_estimates")

    assert (row.server_name, row.tool_name, row.measured_count) == ("files", "read_file", 1000)
    times = (row.p50_ms, row.p90_ms, row.p95_ms, row.p99_ms)
    assert times == pytest.approx((500, 900, 950, 990), rel=0.01)


def test_only_times_that_count_are_estimated(metrics_of):
    rows = [
        call(work_ms=10.0),
        call(work_ms=10.0, outcome="timeout"),
        call(work_ms=900.0, outcome="cancelled"),
        call(work_ms=900.0, outcome="disconnected"),
        call(work_ms=900.0, is_warmup=True),
    ]

    [row] = metrics_of(rows, "tool_estimates")

    assert (row.measured_count, row.p99_ms) == (2, pytest.approx(10, rel=0.01))


def test_sealing_changes_no_estimate(store, metrics_of):
    rows = [call(sequence=number, work_ms=1.7**number) for number in range(1, 25)]
    [before] = metrics_of(rows, "tool_estimates")

    seal(store)

    [after] = rows_of(connect(store.path), "from tool_estimates")
    assert vars(after) == vars(before)

from tests.builders import call


def test_a_timeout_counts_as_a_failure(metrics_of):
    calls = [call(outcome="ok"), call(outcome="timeout")]

    [row] = metrics_of(calls, "tool_metrics")

    assert row.success_rate == 0.5

import pytest

from tests.builders import call

# "How a call ends" in the design: what counts as a success, a failure, and for the quantiles.
ENDINGS = {
    "ok": (1, 0, 0, 30.0),
    "tool_error": (0, 1, 0, 30.0),
    "protocol_error": (0, 1, 0, 30.0),
    "timeout": (0, 1, 0, 30.0),
    "disconnected": (0, 1, 0, None),
    "cancelled": (0, 0, 1, None),
    "unanswered": (0, 1, 0, None),
}


@pytest.mark.parametrize("outcome", ENDINGS)
def test_each_way_a_call_ends_counts_as_the_design_says(metrics_of, outcome):
    [row] = metrics_of([call(outcome=outcome, work_ms=30.0)], "tool_metrics")

    seen = (row.success_count, row.failure_count, row.cancelled_count, row.p95_ms)
    assert seen == ENDINGS[outcome]
    assert row.call_count == 1


@pytest.mark.parametrize("error_class", ["schema_violation", "malformed_result", "soft_error"])
def test_an_answer_with_an_error_class_is_no_success(metrics_of, error_class):
    [row] = metrics_of([call(outcome="ok", error_class=error_class)], "tool_metrics")

    assert (row.success_count, row.failure_count) == (0, 1)


@pytest.mark.parametrize("error_class", ["invalid_arguments", "unknown_tool"])
def test_a_fault_of_the_caller_is_a_failure_and_counted_apart(metrics_of, error_class):
    calls = [
        call(outcome="tool_error", error_class=error_class),
        call(outcome="tool_error", error_class="tool_failure"),
    ]

    [row] = metrics_of(calls, "tool_metrics")

    assert (row.failure_count, row.caller_error_count) == (2, 1)


def test_a_timeout_counts_as_a_failure(metrics_of):
    calls = [call(outcome="ok"), call(outcome="timeout")]

    [row] = metrics_of(calls, "tool_metrics")

    assert row.success_rate == 0.5


def test_a_cancelled_call_leaves_the_success_rate_alone(metrics_of):
    calls = [call(outcome="ok"), call(outcome="cancelled"), call(outcome="cancelled")]

    [row] = metrics_of(calls, "tool_metrics")

    assert (row.call_count, row.cancelled_count, row.success_rate) == (3, 2, 1.0)


def test_nothing_is_said_of_a_tool_that_was_only_cancelled(metrics_of):
    [row] = metrics_of([call(outcome="cancelled")], "tool_metrics")

    assert (row.success_rate, row.success_low, row.success_high, row.p50_ms) == (None,) * 4


def test_quantiles_are_interpolated(metrics_of):
    calls = [call(work_ms=1.0), call(work_ms=100.0)]

    [row] = metrics_of(calls, "tool_metrics")

    assert (row.p50_ms, row.p90_ms, row.p95_ms, row.p99_ms) == (50.5, 90.1, 95.05, 99.01)
    assert (row.avg_ms, row.max_ms) == (50.5, 100.0)


def test_quantiles_are_of_the_time_spent_on_work(metrics_of):
    asked_a_person = call(duration_ms=60_010.0, wait_ms=60_000.0, work_ms=10.0)

    [row] = metrics_of([asked_a_person], "tool_metrics")

    assert row.max_ms == 10.0


def test_a_fast_error_makes_the_tool_fast_but_not_its_successes(metrics_of):
    calls = [
        call(work_ms=100.0),
        call(work_ms=300.0),
        call(outcome="tool_error", work_ms=2.0),
        call(outcome="timeout", work_ms=5000.0),
    ]

    [row] = metrics_of(calls, "tool_metrics")

    assert row.p50_ms == 200.0
    assert (row.ok_p50_ms, row.ok_p95_ms) == (200.0, 290.0)
    assert row.max_ms == 5000.0


def test_the_interval_of_the_success_rate_is_wilsons(metrics_of):
    calls = [*(call() for _ in range(9)), call(outcome="tool_error")]

    [row] = metrics_of(calls, "tool_metrics")

    # (9 + 1.96²/2 ± 1.96 √(9·1/10 + 1.96²/4)) / (10 + 1.96²)
    assert row.success_low == pytest.approx(0.5958, abs=5e-5)
    assert row.success_high == pytest.approx(0.9821, abs=5e-5)


@pytest.mark.parametrize(
    ("outcome", "low", "high"), [("ok", 0.7225, 1.0), ("tool_error", 0.0, 0.2775)]
)
def test_of_all_or_none_the_interval_ends_exactly(metrics_of, outcome, low, high):
    [row] = metrics_of([call(outcome=outcome) for _ in range(10)], "tool_metrics")

    assert row.success_low == pytest.approx(low, abs=5e-5)
    assert row.success_high == pytest.approx(high, abs=5e-5)
    assert 0.0 in (row.success_low, 1 - row.success_high)


def test_the_same_tool_of_two_servers_is_two_tools(metrics_of):
    calls = [call(server_name="files"), call(server_name="git"), call(server_name="git")]

    rows = metrics_of(calls, "tool_metrics", order_by="server_name")

    assert [(row.server_name, row.tool_name, row.call_count) for row in rows] == [
        ("files", "read_file", 1),
        ("git", "read_file", 2),
    ]


def test_a_server_without_a_name_still_has_its_tools(metrics_of):
    [row] = metrics_of([call(server_name=None)], "tool_metrics")

    assert (row.server_name, row.call_count) == (None, 1)


def test_what_is_open_or_a_warm_up_or_no_tool_is_left_out(metrics_of):
    calls = [
        call(),
        call(outcome=None, duration_ms=None, work_ms=None),
        call(is_warmup=True),
        call(method="prompts/get", target="greeting"),
        call(method="resources/read", target="file:///notes"),
        call(outcome="input_required", is_final=False),
    ]

    [row] = metrics_of(calls, "tool_metrics")

    assert row.call_count == 1


def test_the_columns_are_those_the_design_promises_in_that_order(metrics_of):
    [row] = metrics_of([call()], "tool_metrics")

    assert " ".join(list(vars(row))[:18]) == (
        "server_name tool_name call_count success_count failure_count cancelled_count"
        " caller_error_count success_rate success_low success_high avg_ms p50_ms p90_ms p95_ms"
        " p99_ms max_ms ok_p50_ms ok_p95_ms"
    )

from mcplens.metrics.budget_rows import BudgetRow, set_budgets
from mcplens.metrics.connect import connect
from tests.builders import call
from tests.metrics.conftest import rows_of


def test_the_failures_of_a_tool_add_up_to_its_failure_rate(metrics_of):
    calls = [
        call(outcome="ok"),
        call(outcome="ok"),
        call(outcome="tool_error", error_class="rate_limited"),
        call(outcome="timeout"),
        call(outcome="cancelled"),
    ]

    endings = metrics_of(calls, "outcomes_by_tool", order_by="ending")
    [tool] = metrics_of([], "tool_metrics")
    [overview] = metrics_of([], "overview")

    assert [(row.ending, row.is_failure, row.failure_rate) for row in endings] == [
        ("cancelled", False, None),
        ("ok", False, None),
        ("rate_limited", True, 0.25),
        ("timeout", True, 0.25),
    ]
    assert tool.failure_rate == overview.failure_rate == 0.5


def test_an_answer_that_is_wrong_is_called_by_its_error_class(metrics_of):
    [row] = metrics_of([call(outcome="ok", error_class="schema_violation")], "outcomes_by_tool")

    assert (row.ending, row.is_failure, row.failure_rate) == ("schema_violation", True, 1.0)


def test_one_way_of_failing_is_one_row_however_the_peer_said_it(metrics_of):
    calls = [
        call(outcome="tool_error", error_class="invalid_arguments"),
        call(outcome="protocol_error", error_class="invalid_arguments"),
        call(),
    ]

    rows = metrics_of(calls, "outcomes_by_tool", order_by="ending")

    assert [(row.ending, row.call_count) for row in rows] == [("invalid_arguments", 2), ("ok", 1)]


def test_only_cancelled_calls_have_no_failure_rate(metrics_of):
    [tool] = metrics_of([call(outcome="cancelled")], "tool_metrics")

    assert tool.failure_rate is None


def test_a_budget_says_how_many_times_over_it_is(store, spool):
    spool([call(work_ms=300.0), call(work_ms=300.0)])
    con = connect(store.path)
    set_budgets(con, [BudgetRow(budget_id="b", quantile=0.95, limit_ms=200.0)])

    [row] = rows_of(con, "from budget_counts")

    assert row.budget_ratio == 1.5


def test_a_call_that_ended_nobody_knows_how_is_neither_success_nor_failure(metrics_of):
    calls = [
        call(outcome="ok"),
        call(outcome="timeout", at=1),
        call(outcome="unknown", at=2, work_ms=30.0),
    ]

    endings = metrics_of(calls, "outcomes_by_tool", order_by="ending")
    [tool] = metrics_of([], "tool_metrics")
    [overview] = metrics_of([], "overview")
    [server] = metrics_of([], "server_metrics")
    [session] = metrics_of([], "session_metrics")

    assert (tool.call_count, tool.success_count, tool.failure_count) == (3, 1, 1)
    assert tool.unknown_count == overview.unknown_count == 1
    # One may be the only success, or one of very many failures.
    assert tool.success_rate is tool.success_low is tool.success_high is tool.failure_rate is None
    assert overview.failure_rate is server.failure_rate is None
    assert [row.failure_rate for row in endings] == [None, None, None]
    assert tool.max_ms == 30.0
    assert session.terminal_state == "unknown"


def test_no_budget_is_judged_by_a_call_that_ended_nobody_knows_how(store, spool):
    spool([call(work_ms=10.0), call(outcome="unknown", work_ms=900.0)])
    con = connect(store.path)
    set_budgets(con, [BudgetRow(budget_id="b", quantile=0.95, limit_ms=200.0)])

    [row] = rows_of(con, "from budget_counts")

    assert (row.call_count, row.success_count, row.over_count) == (0, 0, 0)
    # Its only times are of calls that are not judged: they put nothing over the budget.
    assert (row.is_over, row.observed_ms, row.budget_ratio, row.slowest_ms) == (False, *[None] * 3)

import pytest

from mcplens.budgets.budget import QUANTILES
from mcplens.metrics.budget_rows import BudgetRow, set_budgets
from mcplens.metrics.connect import connect
from tests.builders import call
from tests.metrics.conftest import rows_of


@pytest.fixture
def counts_of(store, spool):
    """Count calls for budgets."""

    def count(calls, *budgets):
        spool(calls)
        con = connect(store.path)
        set_budgets(con, budgets)
        return rows_of(con, "from budget_counts order by budget_id, server_name, tool_name")

    return count


def p95(limit_ms, tool="*", budget_id="b"):
    return BudgetRow(budget_id=budget_id, tool=tool, quantile=0.95, limit_ms=limit_ms)


# "How a call ends" in the design, the latency column, for calls of 30 ms.
OVER = {
    "ok": (1, 0),
    "tool_error": (1, 0),
    "protocol_error": (1, 0),
    "timeout": (1, 1),
    "disconnected": (1, 1),
    "cancelled": (0, 0),
    "unanswered": (1, 1),
}


@pytest.mark.parametrize("outcome", OVER)
def test_each_way_a_call_ends_counts_as_the_design_says(counts_of, outcome):
    [row] = counts_of([call(outcome=outcome, work_ms=30.0)], p95(50.0))

    assert (row.call_count, row.over_count) == OVER[outcome]


@pytest.mark.parametrize("outcome", ["ok", "tool_error", "protocol_error"])
def test_an_answer_is_over_by_its_time(counts_of, outcome):
    calls = [call(outcome=outcome, work_ms=time_ms) for time_ms in (49.9, 50.0, 50.1)]

    [row] = counts_of(calls, p95(50.0))

    assert (row.call_count, row.over_count) == (3, 1)


def test_calls_without_an_answer_are_counted_among_those_over(counts_of):
    outcomes = ["ok", "tool_error", "cancelled", "timeout", "disconnected", "unanswered"]

    [row] = counts_of([call(outcome=outcome, work_ms=30.0) for outcome in outcomes], p95(50.0))

    assert (row.call_count, row.over_count, row.without_answer_count) == (5, 3, 3)


def test_a_budget_without_a_limit_counts_successes_alone(counts_of):
    calls = [call(), call(outcome="tool_error"), call(outcome="cancelled")]

    [row] = counts_of(calls, BudgetRow(budget_id="success"))

    assert (row.call_count, row.success_count, row.failure_count) == (2, 1, 1)
    assert (row.over_count, row.observed_ms) == (None, None)


def test_warm_ups_and_open_calls_are_left_out(counts_of):
    calls = [call(), call(is_warmup=True), call(outcome=None, duration_ms=None, work_ms=None)]

    [row] = counts_of(calls, p95(50.0))

    assert row.call_count == 1


@pytest.mark.parametrize("tool", ["read_file", "read_*", "files:read_file", "f*:read_?ile", "*"])
def test_a_budget_finds_its_tools_by_name_or_pattern(counts_of, tool):
    rows = counts_of([call(), call(target="write")], p95(50.0, tool=tool))

    assert "read_file" in [row.tool_name for row in rows]
    assert len(rows) == (2 if tool == "*" else 1)


@pytest.mark.parametrize("tool", ["read_file", "f*", "*s:r*", "[r]ead*", "w[x]", "[z-a]", "[!]"])
def test_a_budget_finds_the_tools_that_a_filter_finds(store, spool, tool):
    spool([call(), call(target="w[x]"), call(target="f:s:r")])
    con = connect(store.path)

    set_budgets(con, [p95(50.0, tool=tool)])

    counted = rows_of(con, "from budget_counts order by tool_name")
    filtered = rows_of(connect(store.path, tool=tool), "from tool_metrics order by tool_name")
    assert [row.tool_name for row in counted] == [row.tool_name for row in filtered]


def test_a_pattern_for_tools_says_nothing_of_servers(counts_of):
    rows = counts_of([call(target="find"), call(target="read")], p95(50.0, tool="f*"))

    assert [(row.server_name, row.tool_name) for row in rows] == [("files", "find")]


def test_each_budget_counts_for_itself(counts_of):
    rows = counts_of([call(work_ms=70.0)], p95(50.0, budget_id="a"), p95(100.0, budget_id="b"))

    assert [(row.budget_id, row.limit_ms, row.over_count) for row in rows] == [
        ("a", 50.0, 1),
        ("b", 100.0, 0),
    ]


def test_the_slowest_call_is_named(counts_of):
    slow = call(work_ms=911.0, session_id="7f3a")

    [row] = counts_of([call(), slow, call(outcome="unanswered", work_ms=None)], p95(50.0))

    assert (row.slowest_ms, row.slowest_call_id, row.slowest_session_id) == (
        911.0,
        slow.call_id,
        "7f3a",
    )


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
def test_the_observed_quantile_is_the_one_of_tool_metrics(store, spool, count):
    spool([call(work_ms=1.7**number / 3) for number in range(count)])
    con = connect(store.path)
    names = {0.5: "p50_ms", 0.9: "p90_ms", 0.95: "p95_ms", 0.99: "p99_ms"}
    set_budgets(
        con,
        [BudgetRow(budget_id=name, quantile=share, limit_ms=1.0) for share, name in names.items()],
    )

    observed = {row.budget_id: row.observed_ms for row in rows_of(con, "from budget_counts")}

    [tool] = rows_of(con, "from tool_metrics")
    assert observed == {name: getattr(tool, name) for name in names.values()}


def test_every_quantile_that_a_budget_can_name_is_observed(counts_of):
    budgets = [
        BudgetRow(budget_id=name, quantile=share, limit_ms=1.0) for name, share in QUANTILES.items()
    ]

    rows = counts_of([call(work_ms=30.0)], *budgets)

    assert {row.budget_id: row.observed_ms for row in rows} == dict.fromkeys(QUANTILES, 30.0)


@pytest.mark.parametrize(
    ("in_time", "late", "lost", "is_over"),
    [(95, 5, 0, False), (94, 6, 0, True), (95, 0, 5, False), (94, 0, 6, True), (0, 0, 1, True)],
)
def test_a_budget_is_missed_by_late_calls_and_by_lost_ones(counts_of, in_time, late, lost, is_over):
    calls = [
        *(call(work_ms=30.0) for _ in range(in_time)),
        *(call(work_ms=51.0) for _ in range(late)),
        *(call(outcome="disconnected", work_ms=None) for _ in range(lost)),
    ]

    [row] = counts_of(calls, p95(50.0))

    assert row.is_over == is_over


def test_of_no_calls_that_count_no_budget_is_missed(counts_of):
    [row] = counts_of([call(outcome="cancelled")], p95(50.0))

    assert row.is_over is False


def test_new_budgets_replace_the_old(store, spool):
    spool([call()])
    con = connect(store.path)

    set_budgets(con, [p95(50.0, budget_id="old")])
    set_budgets(con, [p95(50.0, budget_id="new")])

    assert [row.budget_id for row in rows_of(con, "from budget_counts")] == ["new"]

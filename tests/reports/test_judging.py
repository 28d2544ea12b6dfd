"""Budgets against a store: which calls count for which budget, and the table of it."""

import msgspec
import pytest

from mcplens.budgets.budget import Budget, parse_budget
from mcplens.metrics.connect import connect
from mcplens.reports.judging import judge_recorded
from mcplens.reports.screen import Screen
from mcplens.reports.verdict_table import verdict_table
from mcplens.store.location import create
from tests.builders import call


@pytest.fixture
def judged(tmp_path):
    """Record calls, and judge them by budgets."""

    def judge(calls, *budgets, **options):
        store = create(tmp_path / "store")
        lines = b"".join(msgspec.json.encode(row) + b"\n" for row in calls)
        (store.spool / "run1-00001.jsonl").write_bytes(lines)
        with connect(store.path) as con:
            return judge_recorded(con, budgets, **options)

    return judge


def calls(tool, count, *, ms=10.0, outcome="ok", **more):
    return [
        call(target=tool, outcome=outcome, duration_ms=ms, work_ms=ms, **more) for _ in range(count)
    ]


def statuses(judgement):
    return {
        tool.row["tool_name"]: [verdict.status for verdict in tool.verdicts]
        for tool in judgement.tools
    }


def test_every_tool_that_was_called_is_judged_by_every_budget_that_covers_it(judged):
    judgement = judged(
        [*calls("read", 59), *calls("write", 59, ms=900.0)],
        Budget(share=0.95, limit_ms=200.0),
        Budget(tool="write", share=0.95),
    )

    assert statuses(judgement) == {"read": ["pass"], "write": ["fail", "pass"]}
    assert judgement.status == "fail"


def test_the_most_specific_budget_of_a_quantity_is_the_one_that_counts(judged):
    judgement = judged(
        calls("write", 59, ms=900.0),
        *parse_budget("files:wr*:p95=2s"),
        *parse_budget("p95=200ms"),
    )

    assert statuses(judgement) == {"write": ["pass"]}
    assert judgement.unmatched == ()


def test_the_last_of_equally_specific_budgets_counts_even_where_it_stood_before(judged):
    strict, lax = Budget(share=0.95, limit_ms=200.0), Budget(share=0.95, limit_ms=2000.0)

    judgement = judged(calls("write", 59, ms=900.0), strict, lax, strict)

    assert [verdict.budget for verdict in judgement.verdicts] == [strict]


def test_a_call_without_an_answer_is_over_every_limit(judged):
    judgement = judged(
        [*calls("read", 40), *calls("read", 20, ms=None, outcome="disconnected")],
        Budget(share=0.95, limit_ms=200.0),
    )

    [verdict] = judgement.verdicts
    assert (verdict.status, verdict.bad_count) == ("fail", 20)


def test_a_cancelled_call_counts_for_nothing(judged):
    judgement = judged(
        [*calls("read", 59), *calls("read", 30, outcome="cancelled")],
        Budget(share=0.95, limit_ms=200.0),
        Budget(share=0.95),
    )

    assert [verdict.counts.call_count for verdict in judgement.verdicts] == [59, 59]
    assert judgement.status == "pass"


def test_the_quantile_that_is_shown_is_the_one_of_tool_metrics(judged):
    judgement = judged(
        [row for ms in range(1, 101) for row in calls("read", 1, ms=float(ms))],
        Budget(share=0.95, limit_ms=200.0),
    )

    [tool] = judgement.tools
    # Between the 95th and the 96th of 1, 2, ... 100.
    assert tool.row["p95_ms"] == tool.verdicts[0].counts.observed_ms == pytest.approx(95.05)


def test_a_budget_that_covers_no_call_is_inconclusive(judged):
    budget = Budget(tool="wriet", share=0.95)

    judgement = judged(calls("write", 59), budget)

    assert judgement.unmatched == (budget,)
    assert judgement.status == "inconclusive"


def test_without_calls_nothing_is_judged(judged):
    judgement = judged([], Budget(share=0.95))

    assert judgement.tools == ()
    assert judgement.status == "inconclusive"


def test_without_budgets_nothing_can_be_broken(judged):
    judgement = judged(calls("write", 3, outcome="tool_error"))

    assert statuses(judgement) == {"write": []}
    assert judgement.status == "pass"


def table(judgement, **screen):
    return [line.plain for line in verdict_table(judgement.tools, Screen(**screen))]


@pytest.fixture
def three_kinds(judged):
    return judged(
        [*calls("list", 5), *calls("read", 60), *calls("write", 60, ms=900.0)],
        Budget(share=0.95, limit_ms=200.0),
        Budget(tool="read", share=0.95),
        Budget(tool="write", share=0.5, limit_ms=2000.0),
    )


TABLE = """\
?  files:list    5 calls  p95 10 ms / 200 ms                     success 100%
✓  files:read   60 calls  p95 10 ms / 200 ms                     success 100% / 95%  proven 95.1%
✗  files:write  60 calls  p95 900 ms / 200 ms  p50 900 ms / 2 s  success 100%
"""


def test_the_table_sets_what_was_seen_beside_what_was_asked(three_kinds):
    assert table(three_kinds, width=100) == TABLE.splitlines()


def test_what_is_not_quite_proven_does_not_read_as_proven(judged):
    judgement = judged(calls("read", 58), Budget(share=0.95))

    assert statuses(judgement) == {"read": ["inconclusive"]}
    assert "proven 94.97%" in table(judgement, width=100)[0]


def test_without_signs_the_table_has_words(three_kinds):
    assert [line.split()[0] for line in table(three_kinds, width=120, is_ascii=True)] == [
        "inconclusive",
        "pass",
        "fail",
    ]


def test_a_narrow_table_gives_up_what_is_proven_first(three_kinds):
    assert not any("proven" in line for line in table(three_kinds, width=90))

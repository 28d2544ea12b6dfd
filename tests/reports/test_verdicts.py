"""The words of every kind of verdict."""

import pytest

from mcplens.budgets.budget import Budget
from mcplens.budgets.judge import Counts, judge, judge_all
from mcplens.reports.verdicts import explain, explain_unmatched, next_step, promise, worst

P95 = Budget(share=0.95, limit_ms=250.0)
SUCCESS = Budget(share=0.95)


def seen(calls, *, over=0, failed=0, observed_ms=412.0, **more):
    return Counts(
        server_name="web",
        tool_name="search",
        call_count=calls,
        over_count=over,
        success_count=calls - failed,
        observed_ms=observed_ms,
        **more,
    )


def test_a_broken_latency_budget_gives_both_numbers_and_the_sample():
    assert explain(judge(P95, seen(120, over=14))) == (
        "web:search: p95 is 412 ms, budget 250 ms (14 of 120 calls over; at most 1 would pass)"
    )


def test_a_broken_success_rate_gives_both_numbers_and_the_sample():
    assert explain(judge(SUCCESS, seen(60, failed=15))) == (
        "web:search: success rate is 75%, budget 95% (15 of 60 calls failed; at most 0 would pass)"
    )


def test_a_broken_budget_with_too_few_calls_to_pass_at_all_does_not_say_how_many_would():
    assert explain(judge(P95, seen(22, over=22))) == (
        "web:search: p95 is 412 ms, budget 250 ms (22 of 22 calls over)"
    )


def test_clean_calls_that_are_too_few_say_how_many_more_it_takes():
    assert explain(judge(P95, seen(12))) == (
        "web:search: 12 calls, none over, cannot prove p95 250 ms yet; 47 more would"
    )
    assert explain(judge(SUCCESS, seen(1))) == (
        "web:search: 1 call, none failed, cannot prove success 95% yet; 58 more would"
    )


def test_calls_between_pass_and_fail_say_how_many_good_ones_would_settle_it():
    assert explain(judge(P95, seen(60, over=1, observed_ms=240.0))) == (
        "web:search: p95 is 240 ms, budget 250 ms (1 of 60 calls over) "
        "proves neither pass nor fail; 33 more good calls would pass"
    )


def test_a_tool_that_never_answered_has_no_quantile():
    assert explain(judge(P95, seen(20, over=20, observed_ms=None))) == (
        "web:search: p95 is unknown, as no call was answered, budget 250 ms (20 of 20 calls over)"
    )


def test_bad_calls_that_are_too_few_for_a_fail_ask_for_no_good_ones():
    assert explain(judge(SUCCESS, seen(19, failed=19))) == (
        "web:search: success rate is 0%, budget 95% (19 of 19 calls failed); "
        "a fail is said from 20 calls on, 1 more call decides"
    )
    assert explain(judge(SUCCESS, seen(5, failed=1))).endswith(
        "(1 of 5 calls failed) proves neither pass nor fail"
    )


def test_calls_without_an_answer_are_told_apart_from_slow_ones():
    timed_out = seen(20, over=20, observed_ms=51.3, without_answer_count=19)

    assert explain(judge(P95, timed_out)) == (
        "web:search: p95 is 51.3 ms, budget 250 ms (20 of 20 calls over, 19 without an answer)"
    )


def test_calls_made_in_parallel_are_told_to_run_alone():
    [verdict] = judge_all([(P95, seen(120, over=14))], in_parallel=True)

    assert explain(verdict) == (
        "web:search: p95 is 412 ms, budget 250 ms (14 of 120 calls over); "
        "not failed, as calls made in parallel slow each other down: run it alone"
    )


def test_one_miss_among_many_budgets_may_be_chance():
    doubtful, *_ = judge_all([(P95, seen(30, over=6)), *[(P95, seen(300))] * 4])

    assert explain(doubtful).endswith(
        "(6 of 30 calls over); among so many budgets, one such miss may be chance: run it again"
    )


def test_a_broken_latency_budget_leads_to_its_slowest_call():
    slow = seen(120, over=14, slowest_ms=911.0, slowest_session_id="7f3a")

    assert next_step(judge(P95, slow), ".mcplens") == (
        "  slowest 911 ms, session 7f3a    see: mcplens session 7f3a --store .mcplens"
    )
    assert next_step(judge(P95, seen(300, slowest_ms=9.0)), ".mcplens") is None
    assert next_step(judge(SUCCESS, seen(60, failed=15)), ".mcplens") is None


def test_a_budget_for_nothing_says_so_and_what_may_have_been_meant():
    budget = Budget(tool="serach", share=0.95, limit_ms=200.0)

    assert explain_unmatched(budget, ["search", "fetch"]) == (
        'p95 200 ms is not judged: no call to "serach" was made. Did you mean "search"?'
    )
    assert explain_unmatched(budget, ["fetch"]) == (
        'p95 200 ms is not judged: no call to "serach" was made'
    )
    assert explain_unmatched(budget, []) == "p95 200 ms is not judged: no tool was called"


def test_a_name_cannot_move_the_cursor():
    counts = Counts(tool_name="sea\x1b[2Jrch", call_count=1)

    assert "\x1b" not in explain(judge(P95, counts))


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(share=0.999, limit_ms=1500.0), "p99.9 1.5 s"),
        (Budget(share=0.5, limit_ms=0.4), "p50 400 µs"),
        (Budget(share=0.99), "success 99%"),
    ],
)
def test_a_promise_is_named_by_what_and_how_much(budget, words):
    assert promise(budget) == words


def test_one_fail_fails_all_and_all_must_pass():
    passed = judge(P95, seen(59))
    failed = judge(P95, seen(59, over=59))
    unsure = judge(P95, seen(5))

    assert worst([passed, passed]) == "pass"
    assert worst([passed, unsure]) == "inconclusive"
    assert worst([unsure, failed, passed]) == "fail"

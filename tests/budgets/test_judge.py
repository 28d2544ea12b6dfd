"""The three-valued rule, against numbers worked out by hand and by simulation."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from mcplens.budgets.budget import Budget
from mcplens.budgets.judge import Counts, judge, judge_all

P95 = Budget(share=0.95, limit_ms=200.0)
SUCCESS = Budget(share=0.95)


def seen(calls, *, over=0, failed=0):
    return Counts(
        tool_name="search", call_count=calls, over_count=over, success_count=calls - failed
    )


@pytest.mark.parametrize(
    ("share", "calls", "over"),
    [(0.5, 5, 0), (0.9, 29, 0), (0.95, 59, 0), (0.95, 93, 1), (0.95, 124, 2), (0.99, 299, 0)],
)
def test_the_fewest_calls_that_pass(share, calls, over):
    budget = Budget(share=share, limit_ms=200.0)

    enough = judge(budget, seen(calls, over=over))
    one_too_few = judge(budget, seen(calls - 1, over=over))

    assert (enough.status, enough.calls_needed) == ("pass", 0)
    assert (one_too_few.status, one_too_few.calls_needed) == ("inconclusive", 1)


def test_no_calls_are_inconclusive_and_say_how_many_it_takes():
    verdict = judge(P95, seen(0))

    assert (verdict.status, verdict.reason, verdict.calls_needed) == (
        "inconclusive",
        "few_calls",
        59,
    )
    assert (verdict.low, verdict.high) == (0.0, 1.0)


def test_a_success_rate_is_decided_by_what_is_proven_not_by_what_was_seen():
    verdict = judge(Budget(share=0.9), seen(20))

    assert verdict.status == "inconclusive"
    assert verdict.low == pytest.approx(0.861, abs=0.0005)
    assert verdict.calls_needed == 9


def test_the_interval_shown_is_the_one_sided_interval_of_clopper_and_pearson():
    verdict = judge(SUCCESS, seen(100, failed=7))

    low = binomtest(93, 100, alternative="greater").proportion_ci(0.95, "exact").low
    high = binomtest(93, 100, alternative="less").proportion_ci(0.99, "exact").high
    assert verdict.low == pytest.approx(low)
    assert verdict.high == pytest.approx(high)


def test_a_broken_budget_says_how_many_bad_calls_would_have_passed():
    verdict = judge(P95, seen(120, over=14))

    assert (verdict.status, verdict.bad_count, verdict.bad_allowed) == ("fail", 14, 1)


def test_fewer_than_twenty_calls_never_fail():
    assert judge(P95, seen(19, over=19)).status == "inconclusive"
    assert judge(P95, seen(19, over=19)).reason == "few_to_fail"
    assert judge(P95, seen(20, over=20)).status == "fail"


def test_one_doubtful_fail_among_many_budgets_is_inconclusive():
    # At p95, chance alone makes 6 of 30 calls slow once in 304 runs, and 8 once in 11,813.
    doubtful = (P95, seen(30, over=6))
    clear = (P95, seen(30, over=8))
    good = (P95, seen(300))

    alone = judge_all([doubtful])
    among_others = judge_all([doubtful, good, good, good, clear])

    assert [v.status for v in alone] == ["fail"]
    assert [v.status for v in among_others] == ["inconclusive", "pass", "pass", "pass", "fail"]
    assert among_others[0].reason == "among_many"


def test_a_pass_does_not_depend_on_how_many_budgets_are_judged():
    verdicts = judge_all([(P95, seen(59))] * 20)

    assert {v.status for v in verdicts} == {"pass"}


def test_calls_made_in_parallel_cannot_break_a_latency_budget_but_a_success_rate():
    slow, failing = judge_all(
        [(P95, seen(100, over=50)), (SUCCESS, seen(100, failed=50))], in_parallel=True
    )

    assert (slow.status, slow.reason) == ("inconclusive", "parallel")
    assert failing.status == "fail"


def test_more_confidence_asks_for_more_calls():
    assert judge(P95, seen(0), confidence=0.99).calls_needed == 90


shares = st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999])
samples = st.integers(0, 400).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@given(share=shares, sample=samples)
def test_the_verdict_is_the_binomial_rule(share, sample):
    calls, over = sample
    passes = binom.cdf(over, calls, 1 - share) <= 0.05
    fails = binom.sf(over - 1, calls, 1 - share) <= 0.01 and calls >= 20

    verdict = judge(Budget(share=share, limit_ms=200.0), seen(calls, over=over))

    assert not (passes and fails)
    assert verdict.status == ("pass" if passes else "fail" if fails else "inconclusive")


@given(share=shares, sample=samples)
def test_one_more_bad_call_never_helps(share, sample):
    calls, over = sample
    better = judge(Budget(share=share), seen(calls, failed=max(0, over - 1)))
    worse = judge(Budget(share=share), seen(calls, failed=over))

    order = ["pass", "inconclusive", "fail"]
    assert order.index(better.status) <= order.index(worse.status)
    assert better.low >= worse.low
    assert better.calls_needed <= worse.calls_needed


@given(share=shares, sample=samples)
def test_the_calls_still_needed_are_enough_and_one_fewer_is_not(share, sample):
    calls, over = sample
    verdict = judge(Budget(share=share, limit_ms=200.0), seen(calls, over=over))
    needed = verdict.calls_needed

    def status(more):
        return judge(verdict.budget, seen(calls + more, over=over)).status

    assert status(needed) == "pass"
    assert needed == 0 or status(needed - 1) != "pass"


@given(share=shares, sample=samples)
def test_the_bad_calls_allowed_are_the_most_that_pass(share, sample):
    calls, _ = sample
    verdict = judge(Budget(share=share), seen(calls))

    def passes(failed):
        return judge(verdict.budget, seen(calls, failed=failed)).status == "pass"

    if verdict.bad_allowed is None:
        assert not passes(0)
    else:
        assert passes(verdict.bad_allowed)
        assert not passes(verdict.bad_allowed + 1)


@pytest.mark.parametrize("calls", [59, 100, 300])
def test_a_server_that_just_misses_its_budget_passes_at_most_once_in_twenty(calls):
    dice = random.Random(20261120)
    trials = 4000

    passed = 0
    for _ in range(trials):
        over = sum(dice.random() < 0.05 for _ in range(calls))
        passed += judge(P95, seen(calls, over=over)).status == "pass"

    # Three standard errors over 5 % of 4000.
    assert passed <= 200 + 3 * 13.8


def test_a_server_that_just_keeps_its_budget_fails_at_most_once_in_a_hundred():
    dice = random.Random(20261120)

    failed = 0
    for _ in range(2000):
        over = sum(dice.random() < 0.05 for _ in range(100))
        failed += judge(P95, seen(100, over=over)).status == "fail"

    # Three standard errors over 1 % of 2000.
    assert failed <= 20 + 3 * 4.5

"""Pass, fail, or not enough calls to tell.

A budget says that a share of all calls turns out well. The calls seen are a sample, so the verdict
asks how likely they are: it passes when so few bad calls would be unlikely (5 %) from a server that
just misses the budget, and fails when so many would be very unlikely (1 %) from one that just keeps
it. Between the two lies the honest answer, with the number of calls that would settle it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from mcplens.budgets import binomial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcplens.budgets.budget import Budget

Status = Literal["pass", "fail", "inconclusive"]
Reason = Literal["few_calls", "few_to_fail", "undecided", "among_many", "parallel"]

CONFIDENCE: Final = 0.95
"""How sure a pass is."""

FAIL_CONFIDENCE: Final = 0.99
"""How sure a fail is: a wrong alarm costs more than another run."""

FEWEST_CALLS_TO_FAIL: Final = 20
"""A handful of calls says more about the machine's start than about the tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one tool's finished calls came to under one budget, as in the view `budget_counts`."""

    tool_name: str | None
    server_name: str | None = None
    call_count: int
    over_count: int = 0
    """Calls that took longer than the budget's limit, or that never ended."""
    without_answer_count: int = 0
    """Calls that no answer came to; each of them is over every limit."""
    success_count: int = 0
    observed_ms: float | None = None
    """The quantile that the budget names, in milliseconds."""
    slowest_ms: float | None = None
    """The slowest of the calls, in milliseconds."""
    slowest_session_id: str | None = None
    """Where that call can be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a tool keeps a budget, with the evidence."""

    budget: Budget
    counts: Counts
    status: Status
    reason: Reason | None = None
    """Why it is inconclusive."""
    bad_count: int
    """Calls that were too slow, or that failed."""
    bad_allowed: int | None
    """How many of these calls could have been bad in a pass; None if there are too few calls."""
    calls_needed: int
    """How many more calls would make it a pass if all of them are good; 0 in a pass."""
    observed: float | None
    """The share of these calls that were good."""
    low: float
    """The share of good calls that is proven."""
    high: float
    """The share of good calls that is not ruled out."""


def judge(budget: Budget, counts: Counts, *, confidence: float = CONFIDENCE) -> Verdict:
    """Judge one budget alone."""
    [verdict] = judge_all([(budget, counts)], confidence=confidence)
    return verdict


def judge_all(
    cases: Sequence[tuple[Budget, Counts]],
    *,
    confidence: float = CONFIDENCE,
    in_parallel: bool = False,
) -> list[Verdict]:
    """Judge several budgets together, in their order.

    The more budgets, the likelier one of them looks broken by chance: fails are corrected for that
    (Holm's way). Passes need no correction, since all must pass. Calls made `in_parallel` with
    others slow each other down, so their durations never fail a budget.
    """
    alpha = 1 - confidence
    alpha_fail = min(1 - FAIL_CONFIDENCE, alpha)
    chances = {
        index: binomial.chance_of_at_least(_bad(*case), case[1].call_count, case[0].share)
        for index, case in enumerate(cases)
        if case[1].call_count >= FEWEST_CALLS_TO_FAIL
    }
    broken = _holm(chances, alpha_fail)
    verdicts = []
    for index, (budget, counts) in enumerate(cases):
        calls, bad = counts.call_count, _bad(budget, counts)
        needed = binomial.calls_that_pass(bad, budget.share, alpha)
        status: Status = "inconclusive"
        reason: Reason | None = None
        if needed <= calls:
            status = "pass"
        elif index in broken and not (in_parallel and budget.is_latency):
            status = "fail"
        elif index in broken:
            reason = "parallel"
        elif chances.get(index, 1.0) <= alpha_fail:
            reason = "among_many"
        else:
            reason = "few_calls" if calls < FEWEST_CALLS_TO_FAIL else "undecided"
            # So many bad ones that the calls up to the minimum cannot make up for them.
            least = binomial.chance_of_at_least(bad, FEWEST_CALLS_TO_FAIL, budget.share)
            is_slowed = in_parallel and budget.is_latency
            if reason == "few_calls" and least <= alpha_fail / len(cases) and not is_slowed:
                reason = "few_to_fail"
        verdicts.append(
            Verdict(
                budget=budget,
                counts=counts,
                status=status,
                reason=reason,
                bad_count=bad,
                bad_allowed=binomial.bad_calls_that_pass(calls, budget.share, alpha),
                calls_needed=max(0, needed - calls),
                observed=(calls - bad) / calls if calls else None,
                low=binomial.lowest_share(bad, calls, alpha),
                high=binomial.highest_share(bad, calls, alpha_fail),
            )
        )
    return verdicts


def _bad(budget: Budget, counts: Counts) -> int:
    return counts.over_count if budget.is_latency else counts.call_count - counts.success_count


def _holm(chances: dict[int, float], alpha: float) -> set[int]:
    broken: set[int] = set()
    for index in sorted(chances, key=chances.__getitem__):
        if chances[index] > alpha / (len(chances) - len(broken)):
            break
        broken.add(index)
    return broken

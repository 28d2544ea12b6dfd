"""What a sample of calls can prove: tails and intervals of the binomial distribution.

Of n calls, `bad` turned out badly. Whatever the durations look like, that count is binomial, so
nothing here assumes a shape. scipy is imported when the first verdict is asked for.
"""

from __future__ import annotations


def chance_of_at_most(bad: int, calls: int, share: float) -> float:
    """How likely so few bad calls are if only just `share` of all calls turn out well."""
    from scipy.special import bdtr

    return float(bdtr(bad, calls, 1 - share))


def chance_of_at_least(bad: int, calls: int, share: float) -> float:
    """How likely so many bad calls are if a full `share` of all calls turns out well."""
    from scipy.special import bdtrc

    return float(bdtrc(bad - 1, calls, 1 - share))


def lowest_share(bad: int, calls: int, alpha: float) -> float:
    """The share of good calls that is proven: Clopper and Pearson's lower end, one-sided."""
    from scipy.special import betaincinv

    good = calls - bad
    return float(betaincinv(good, bad + 1, alpha)) if good else 0.0


def highest_share(bad: int, calls: int, alpha: float) -> float:
    """The share of good calls that is not ruled out: their upper end, one-sided."""
    from scipy.special import betaincinv

    return float(betaincinv(calls - bad + 1, bad, 1 - alpha)) if bad else 1.0


def calls_that_pass(bad: int, share: float, alpha: float) -> int:
    """How many calls it takes to prove the share when `bad` of them turn out badly."""
    enough = bad + 1
    while chance_of_at_most(bad, enough, share) > alpha:
        enough *= 2
    too_few = max(bad, enough // 2)
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if chance_of_at_most(bad, middle, share) > alpha:
            too_few = middle
        else:
            enough = middle
    return enough


def bad_calls_that_pass(calls: int, share: float, alpha: float) -> int | None:
    """How many of the calls may turn out badly and still prove the share; None if not even 0."""
    if chance_of_at_most(0, calls, share) > alpha:
        return None
    passes, too_many = 0, calls
    while too_many - passes > 1:
        middle = (passes + too_many) // 2
        if chance_of_at_most(middle, calls, share) > alpha:
            too_many = middle
        else:
            passes = middle
    return passes

"""What cannot be estimated, by groups of any size, and why."""

from __future__ import annotations

from typing import NoReturn

from polyest.errors import ArgumentError

__all__ = ["majority_vote", "quantile"]


def quantile(q: float, group_size: int | None = None) -> NoReturn:
    """Raises the reason why there is no such objective.

    A quantile weighs thresholds by a step function of S(t), and a polynomial of any degree is half the step away from
    it somewhere: no table of any group size estimates it.
    """
    raise ArgumentError(
        f"`quantile` of the policy's rewards cannot be estimated (q = {q}), by groups of any size: polynomials stay "
        "half a step away from a step; use an order statistic of n draws: median_of(n), best_of(n) or l_statistic"
    )


def majority_vote(group_size: int | None = None) -> NoReturn:
    """Raises the reason why there is no such objective.

    Which answer wins a vote depends on the counts of all answers, which are not independent of each other given one of
    them; with a verifier, `polyest.success.majority_at` is exact.
    """
    raise ArgumentError(
        "`majority_vote` without a verifier cannot be estimated: which answer wins depends on the counts of all, which "
        "are not independent of each other; with a verifier, use polyest.success.majority_at"
    )

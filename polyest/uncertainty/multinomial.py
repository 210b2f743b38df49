"""The variance that a group's value would have if its answers were drawn from a law that fits the group.

The law: an answer that came n times has probability (1 − u)·n/K; answers not seen share u = f₁/(K+1), f₁ the number of
answers seen once (Good and Turing's estimate of what is unseen, with K+1 so that something of what was seen remains),
and there are as many of them as Chao's lower bound says, (1 − 1/K)·f₁²/(2f₂), or (1 − 1/K)·f₁(f₁−1)/2 if f₂ = 0,
rounded up. In a group whose answers are all equal u = 1/(K+1), as if the next one would have been the first to differ:
otherwise its error would be 0, and intervals would miss the truth in most groups of a nearly collapsed policy.
"""

from __future__ import annotations

import math

import numpy as np

from polyest.polynomials.bernstein import target_values
from polyest.problems.targets import get_target
from polyest.uncertainty.moments import kinds_moments
from polyest.uncertainty.pay import ErrorOfValue, Pay, statistic
from polyest.uncertainty.profile import Cell, Profile

__all__ = ["error_of", "plausible_law"]


def error_of(profile: Profile, pay: Pay) -> ErrorOfValue:
    """Exact variance and bias of the value under the law that fits the profile; no bias of an unknown custom target."""
    cells, probabilities = plausible_law(profile)
    p, many = np.array(probabilities), np.array([cell.many for cell in cells], np.float64)
    f = statistic(cells, pay.coefficients, pay.no_answer)
    moments = kinds_moments(p, many, f)
    if not get_target(pay.problem.target).is_known:
        return ErrorOfValue(moments.variance, math.nan)
    true_rewards = target_values(pay.problem.target, p) - np.array([cell.offset for cell in cells])
    truth = np.where([cell.is_missing for cell in cells], f[:, 1] * profile.size, true_rewards)
    return ErrorOfValue(moments.variance, moments.mean - float(many @ (p * truth)))


def plausible_law(profile: Profile) -> tuple[list[Cell], list[float]]:
    """Kinds of answers, the unseen ones last with a count of 0, and the probability of each answer of a kind.

    >>> from polyest.uncertainty.profile import Cell, Profile
    >>> kinds, p = plausible_law(Profile(3, (Cell(1, 0.0, False, 1), Cell(2, 0.0, False, 1))))
    >>> [(kind.count, kind.many) for kind in kinds], p
    ([(1, 1), (2, 1), (0, 1)], [0.25, 0.5, 0.25])
    """
    K, seen = profile.size, list(profile.cells)
    once, twice = (sum(cell.many for cell in seen if cell.count == n) for n in (1, 2))
    unseen_mass = max(once, seen[0].count == K) / (K + 1)
    if not unseen_mass:
        return seen, [cell.count / K for cell in seen]
    pairs = once**2 / twice if twice else once * (once - 1)
    unseen = max(1, math.ceil((1 - 1 / K) * pairs / 2))
    like = [cell for cell in seen if cell.count == seen[0].count]
    offset = math.fsum(cell.offset * cell.many for cell in like) / sum(cell.many for cell in like)
    seen_mass = [(1 - unseen_mass) * cell.count / K for cell in seen]
    return [*seen, Cell(0, offset, False, unseen)], [*seen_mass, unseen_mass / unseen]

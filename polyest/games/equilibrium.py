"""The maximiser of a separable concave objective on the simplex, by its one-dimensional dual."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from polyest.games.penalties import Penalty, TargetPenalty
from polyest.games.rootfinding import increasing_root

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["water_filling"]

TOLERANCE = 1e-13  # the masses are scaled to add up to 1 afterwards
LEAST = 1e-30


def water_filling(payoffs: Array, penalty: Penalty) -> Array:
    """The ν that maximises Σ_z ν(z)·payoff(z) − H(ν) on the simplex.

    By convex duality ν(z) = h^{−1}(payoff(z) − μ), 0 where payoff(z) − μ ≤ h(0), with the one μ at which the masses add
    up to 1.

    >>> water_filling(np.array([1.0, 0.5, -9.0]), TargetPenalty("power(1)", 1.0)).round(12).tolist()
    [0.75, 0.25, 0.0]
    """
    if isinstance(penalty, TargetPenalty):
        if penalty.total_weight == 0:
            best = payoffs == payoffs.max()
            return np.asarray(best / best.sum())
        if penalty.is_logarithmic:
            masses = np.exp((payoffs - payoffs.max()) / penalty.total_weight)
            return np.asarray(masses / masses.sum())
    if len(payoffs) == 1:
        return np.ones(1)
    return _by_multiplier(payoffs, penalty)


def _by_multiplier(payoffs: Array, penalty: Penalty) -> Array:
    n = len(payoffs)
    at_one, at_share = penalty.slope(np.array([1.0, 1 / n]))
    low, high = payoffs.max() - at_one, payoffs.max() - at_share  # the best answer has mass 1, and 1/n or less

    def missing(multiplier: float) -> float:
        return -math.log(max(float(penalty.inverse(payoffs - multiplier).sum()), LEAST))

    masses = penalty.inverse(payoffs - increasing_root(missing, float(low), float(high), TOLERANCE))
    if not masses.sum() > 0:
        return np.asarray((payoffs == payoffs.max()) / (payoffs == payoffs.max()).sum())
    return np.asarray(masses / masses.sum())

"""The exchange of constraint points in multi-precision, for budgets so close to E*_K that float64 cannot settle it.

Each round solves the program with one-sided constraints at finitely many points; active points stay, and wherever the
bias peaks above β that peak joins them. F grows from round to round, so that no active set returns, and the solution is
the limit (Hettich & Kortanek 1993, doi:10.1137/1035089, §7.1). Near the solution this is slower than local reduction
(linear, unless about K points are active), but it gets there from anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from polyest.errors import SolveError
from polyest.offline.linear import column, gram, least_norm, number
from polyest.offline.program import Program
from polyest.offline.reduction import PER_GAP, Optimum, peaks_of

__all__ = ["solve"]

ROUNDS = 60


def solve(program: Program, points: Any, signs: Any, multipliers: Any, beta: Any, slack: float) -> Optimum:
    """The solution of the program but for an excess of the bias over β, relative, of `slack`.

    Args:
        program: in multi-precision.
        points, signs: constraints s_j e(p_j) ≤ β to begin with, in multi-precision; those of the minimax table will do.
        beta: the bias budget, a number of the program's arithmetic.

    Raises:
        SolveError: β is below the least bias, or the exchange did not settle.
    """
    for _ in range(ROUNDS):
        here = _on(program, points, signs, multipliers, beta)
        peaks = peaks_of(program, here, beta, PER_GAP, slack)
        high = (peaks.bias * peaks.signs > beta * (1 + slack)) & ~np.isin(peaks.points, here.points)
        if not high.any():
            return here
        old = ~np.isin(here.points, peaks.points)
        points = np.append(peaks.points, here.points[old])
        multipliers = np.append(peaks.multipliers, 0 * here.multipliers[old])
        signs = np.append(peaks.signs, np.sign(here.multipliers[old].astype(float)).astype(int))
    raise SolveError(f"the exchange of points at β = {float(beta):.3e} did not settle in multi-precision")


def _on(program: Program, points: Any, signs: Any, start: Any, beta: Any) -> Optimum:
    """The solution with constraints at these points only, its active points in order."""
    phi, half = program.rows(points).value, 1 / (2 * program.weights)
    bayes = phi @ program.means - program.weighted_target(points).value
    guess = np.flatnonzero(start * signs > 0)
    found = least_norm(gram(phi * half**0.5), column(bayes), signs.tolist(), number(beta), guess)
    multipliers = program.convert(found.entries())
    coefficients, order = program.means - half * (multipliers @ phi), np.argsort(points)
    return Optimum(coefficients, points[order], multipliers[order]).active()

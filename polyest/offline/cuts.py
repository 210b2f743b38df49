"""The exchange of constraint points in multi-precision, for budgets so close to E*_K that float64 cannot settle it.

Each round solves the program with one-sided constraints at finitely many points; active points stay, and wherever the
bias peaks above β that peak joins them. F grows from round to round, so that no active set returns, and the solution is
the limit (Hettich & Kortanek 1993, doi:10.1137/1035089, §7.1). Near the solution this is slower than local reduction
(linear, unless about K points are active), but it gets there from anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb_mat

from polyest.errors import SolveError
from polyest.offline.linear import Floating, block, column, gram, joined, least_norm, number
from polyest.offline.program import Program
from polyest.offline.reduction import PER_GAP, Optimum, peaks_of

__all__ = ["solve"]

ROUNDS = 60


def solve(program: Program, points: Any, signs: Any, multipliers: Any, beta: Floating, slack: float) -> Optimum:
    """The solution of the program but for an excess of the bias over β, relative, of `slack`.

    Args:
        program: in multi-precision.
        points, signs: constraints s_j e(p_j) ≤ β to begin with, in multi-precision; those of the minimax table will do.
        multipliers: a guess of theirs, of which only the signs count.
        beta: the bias budget, a number of the program's arithmetic.

    Raises:
        SolveError: β is below the least bias, or the exchange did not settle.
    """
    constraints = _Constraints.at(program, points, signs)
    for _ in range(ROUNDS):
        multipliers, here = constraints.solved(program, multipliers, beta)
        peaks = peaks_of(program, here, beta, PER_GAP, slack)
        high = (peaks.bias * peaks.signs > beta * (1 + slack)) & ~np.isin(peaks.points, here.points)
        if not high.any():
            return here
        old = np.flatnonzero((multipliers != 0) & ~np.isin(constraints.points, peaks.points))
        constraints = _Constraints.at(program, peaks.points, peaks.signs).joined(constraints.only(old))
        multipliers = np.append(peaks.multipliers, 0 * multipliers[old])
    raise SolveError(f"the exchange of points at β = {float(beta):.3e} did not settle in multi-precision")


@dataclass(frozen=True)
class _Constraints:
    """s_j e(p_j) ≤ β.

    Attributes:
        rows, gram: the program's scaled rows and their products.
        bayes: e of the Bayes table.
    """

    points: Any
    signs: Any
    rows: arb_mat
    gram: arb_mat
    bayes: arb_mat

    @classmethod
    def at(cls, program: Program, points: Any, signs: Any) -> _Constraints:
        rows, _ = program.scaled_rows(points)
        return cls(points, signs, rows, gram(rows), column(program.bias(program.means).values(points)))

    def only(self, index: Any) -> _Constraints:
        everywhere = range(self.rows.ncols())
        rows, products = block(self.rows, index, everywhere), block(self.gram, index, index)
        return _Constraints(self.points[index], self.signs[index], rows, products, block(self.bayes, index, [0]))

    def joined(self, other: _Constraints) -> _Constraints:
        cross = (self.rows * other.rows.transpose()).mid()
        return _Constraints(
            np.append(self.points, other.points),
            np.append(self.signs, other.signs),
            joined([[self.rows], [other.rows]]),
            joined([[self.gram, cross], [cross.transpose(), other.gram]]),
            joined([[self.bayes], [other.bayes]]),
        )

    def solved(self, program: Program, guess: Any, beta: Floating) -> tuple[Any, Optimum]:
        """The multipliers, and the solution with its active points in order."""
        active = np.flatnonzero(guess * self.signs > 0)
        found = least_norm(self.gram, self.bayes, self.signs.tolist(), number(beta), active)
        multipliers, c = program.convert(found.entries()), program.unscaled(-self.rows.transpose() * found)
        order = np.argsort(self.points)
        return multipliers, Optimum(c, self.points[order], multipliers[order]).active()

"""Quadratic programs with finitely many constraints: the least norm that meets them, in two arithmetics.

Both solve the dual, by active sets, and both are kept: scipy's least squares take a third to a tenth of the time, but
know float64 alone. `polyest.offline.specification.least_norm` is the slow twin of the first, in cvxpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from flint import arb, arb_mat, ctx
from scipy.optimize import nnls

from polyest.errors import SolveError
from polyest.numbers.conversion import Floats
from polyest.offline.linear import block, solve_system

__all__ = ["by_active_set", "by_least_squares"]


def by_least_squares(rows: Floats, offset: Floats, norm: float) -> tuple[Floats, Floats]:
    """In float64, minimise ‖y‖ subject to |offset + rows·y| ≤ 1: y and the multipliers λ, y = −rowsᵀλ/2.

    By non-negative least squares (Lawson & Hanson 1974, ch. 23), scaled by `norm`, which is about ‖y‖, to an order of
    magnitude.

    Raises:
        SolveError: the constraints contradict each other, or rounding makes them appear to.
    """
    if len(rows) == 0:  # scipy's would end the process
        return np.zeros(rows.shape[1]), np.zeros(0)
    bounds, image = np.concatenate([offset - 1, -1 - offset]), np.zeros(rows.shape[1] + 1)
    image[-1] = 1.0
    try:
        u, _ = nnls(np.vstack([norm * np.vstack([-rows, rows]).T, bounds]), image, maxiter=50 * len(bounds))
    except RuntimeError as error:
        raise SolveError(f"non-negative least squares failed: {error}") from None
    scale = 1 - bounds @ u
    if scale <= 0:
        raise SolveError("the bias budget is below the least bias: no table meets it")
    upper, lower = np.split(2 * norm**2 * u / scale, 2)
    return rows.T @ (lower - upper) / 2, upper - lower


def by_active_set(gram: arb_mat, free: arb_mat, signs: Sequence[int], beta: arb, active: Iterable[int]) -> arb_mat:
    """In FLINT's numbers, λ with s_j λ_j ≥ 0 and s_j (free − gram·λ)_j ≤ β, and equality where λ_j ≠ 0.

    The dual of: minimise ½‖x‖² subject to s_j (free_j + a_j·x) ≤ β, gram = a·aᵀ; by the dual active set method
    (Goldfarb & Idnani 1983, doi:10.1007/BF02591962), which copes with rows that depend on the active ones.

    At the j in `active` λ_j ≠ 0 is guessed.

    Raises:
        SolveError: no x meets the constraints, the rows of the guess are dependent, or the method cycles.

    >>> from polyest.offline.linear import column
    >>> by_active_set(arb_mat(2, 2, 1), column(np.array([3.0, -1.5])), [1, -1], arb(1), [])
    [  2.00000000000000]
    [-0.500000000000000]
    """
    n = len(signs)
    folded = arb_mat(n, n, [s * t * gram[i, j] for i, s in enumerate(signs) for j, t in enumerate(signs)])
    excess = arb_mat(n, 1, [s * free[i, 0] - beta for i, s in enumerate(signs)]).mid()
    found = _ActiveSet(folded, excess, [int(j) for j in active])
    for _ in range(50 * n + 1):
        violations = found.violations()
        worst = max(range(n), key=violations.__getitem__, default=None)
        if worst is None or violations[worst] <= beta * _negligible():
            return arb_mat(n, 1, [s * u for s, u in zip(signs, found.multipliers().entries(), strict=True)])
        found.satisfy(worst, violations[worst])
    raise SolveError("the active set of a quadratic program did not settle; raise `digits`")


def _negligible() -> arb:
    """Relative size of what rounding may have left."""
    return arb((1, -(ctx.prec // 3)))


class _ActiveSet:
    """Rows with multipliers u > 0 such that (excess − gram·u)_j = 0 there: minimise ½‖x‖², excess + a·x ≤ 0."""

    def __init__(self, gram: arb_mat, excess: arb_mat, rows: list[int]) -> None:
        self.gram, self.excess, self.rows = gram, excess, rows
        self.values = self._solved(excess, 0)
        while self.rows and min(self.values) <= 0:
            del self.rows[self.values.index(min(self.values))]
            self.values = self._solved(excess, 0)

    def _solved(self, right: arb_mat, j: int) -> list[arb]:
        """u with gram·u = column j of `right` at the rows."""
        return solve_system(block(self.gram, self.rows, self.rows), block(right, self.rows, [j])).entries()

    def multipliers(self) -> arb_mat:
        """Those of all rows, a column."""
        found = arb_mat(self.gram.nrows(), 1)
        for row, value in zip(self.rows, self.values, strict=True):
            found[row, 0] = value
        return found

    def violations(self) -> list[arb]:
        """By how much each constraint is violated."""
        violations = (self.excess - self.gram * self.multipliers()).mid().entries()
        for row in self.rows:
            violations[row] = arb(0)
        return violations

    def satisfy(self, row: int, excess: arb) -> None:
        """Raise the multiplier of a violated row until it is met; rows whose multipliers reach 0 on the way leave."""
        multiplier, corner = arb(0), self.gram[row, row]
        for _ in range(len(self.rows) + 1):
            falls = self._solved(self.gram, row)
            rest = sum((-self.gram[k, row] * fall for k, fall in zip(self.rows, falls, strict=True)), corner).mid()
            pairs = list(zip(self.values, falls, strict=True))
            steps = {k: (u / fall).mid() for k, (u, fall) in enumerate(pairs) if fall > 0}
            if rest > corner * _negligible():
                steps[len(self.rows)] = (excess / rest).mid()
            if not steps:
                raise SolveError("the bias budget is below the least bias: no table meets it")
            first = min(steps, key=steps.__getitem__)
            step = steps[first]
            self.values = [(u - step * fall).mid() for u, fall in pairs]
            multiplier, excess = (multiplier + step).mid(), (excess - step * rest).mid()
            if first == len(self.rows):
                self.rows.append(row)
                self.values.append(multiplier)
                return
            del self.rows[first], self.values[first]
        raise SolveError("the active set of a quadratic program did not settle; raise `digits`")

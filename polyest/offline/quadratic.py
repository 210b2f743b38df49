"""Quadratic programs with finitely many constraints: the least norm that meets them, in two arithmetics.

Both solve the dual, by active sets, and both are kept: scipy's least squares take a third to a tenth of the time, but
know float64 alone. `polyest.offline.specification.least_norm` is the slow twin of the first, in cvxpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from flint import arb, arb_mat, ctx

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
    from scipy.optimize import nnls  # half of what the solvers take to be loaded, and minimax needs none of it

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
    found = _multipliers(folded, excess, [int(j) for j in active], beta)
    return arb_mat(n, 1, [s * u for s, u in zip(signs, found, strict=True)])


def _multipliers(gram: arb_mat, excess: arb_mat, rows: list[int], bound: arb) -> list[arb]:
    """u ≥ 0 with excess − gram·u ≤ 0, and equality at its support `rows`, of which a guess is given.

    Rows enter one at a time, the one that exceeds most: its u is raised until it is met; rows whose u reaches 0 leave.
    """
    u, negligible = _guessed(gram, excess, rows), arb((1, -(ctx.prec // 3)))  # what rounding leaves, relative
    entering: int | None = None
    for _ in range(100 * len(u) + 1):
        if entering is None:
            violations = (excess - gram * arb_mat(len(u), 1, u)).mid().entries()
            entering = max((j for j in range(len(u)) if j not in rows), key=violations.__getitem__, default=None)
            if entering is None or violations[entering] <= bound * negligible:
                return u
            left, corner = violations[entering], gram[entering, entering]
        falls = solve_system(block(gram, rows, rows), block(gram, rows, [entering])).entries()
        rest = sum((-gram[k, entering] * fall for k, fall in zip(rows, falls, strict=True)), corner).mid()
        steps = {k: (u[k] / fall).mid() for k, fall in zip(rows, falls, strict=True) if fall > 0}
        if rest > corner * negligible:
            steps[entering] = (left / rest).mid()
        if not steps:
            raise SolveError("the bias budget is below the least bias: no table meets it")
        first = min(steps, key=steps.__getitem__)
        for k, fall in zip([entering, *rows], [arb(-1), *falls], strict=True):
            u[k] = (u[k] - steps[first] * fall).mid()
        left = (left - steps[first] * rest).mid()
        if first == entering:
            rows.append(entering)
            entering = None
        else:
            rows.remove(first)
            u[first] = arb(0)
    raise SolveError("the active set of a quadratic program did not settle; raise `digits`")


def _guessed(gram: arb_mat, excess: arb_mat, rows: list[int]) -> list[arb]:
    """u > 0 with excess − gram·u = 0 at the `rows`, without those that would need less."""
    u = [arb(0)] * gram.nrows()
    while rows:
        values = solve_system(block(gram, rows, rows), block(excess, rows, [0])).entries()
        if min(values) > 0:
            for row, value in zip(rows, values, strict=True):
                u[row] = value
            break
        del rows[values.index(min(values))]
    return u

"""Linear systems and quadratic programs with symmetric positive definite matrices, in FLINT's numbers.

They are the midpoints of its balls: no enclosures, but many times as fast as arrays of multi-precision numbers. Their
precision is that of `flint.ctx`, set by the `precision()` of a context of `polyest.offline.numbers`.
"""

from __future__ import annotations

import math
from typing import Any

import gmpy2
import numpy as np
from flint import arb, arb_mat, ctx, fmpz_mat

from polyest.errors import SolveError

__all__ = ["block", "column", "diagonal", "gram", "identity", "least_norm", "number", "solve"]


def matrix(values: Any) -> Any:
    """An array of numbers of any kind in fixed point: errors are relative to the largest entry."""
    if values.size == 0:
        return arb_mat(*values.shape)
    if values.dtype != object:
        high = values.astype(float)
        return (arb_mat(high.tolist()) + arb_mat((values - high).astype(float).tolist())).mid()
    _, exponent = math.frexp(float(abs(values).max()))
    bits = ctx.prec - exponent
    return (arb_mat(fmpz_mat(_to_integers(values * gmpy2.exp2(bits)).tolist())) * arb((1, -bits))).mid()


def column(values: Any) -> Any:
    """A vector of numbers of any kind, exactly.

    >>> column(np.array([0.5, -2.0]))
    [0.500000000000000]
    [-2.00000000000000]
    """
    return arb_mat(len(values), 1, [number(value) for value in values])


def diagonal(values: Any) -> Any:
    """The matrix with these numbers on its diagonal."""
    found = arb_mat(len(values), len(values))
    for i, value in enumerate(values):
        found[i, i] = number(value)
    return found


def number(value: Any) -> Any:
    """One of any kind, exactly."""
    if isinstance(value, gmpy2.mpfr):
        mantissa, exponent = value.as_mantissa_exp()
        return arb((int(mantissa), int(exponent)))
    return arb(float(value)) + arb(float(value - float(value)))


_to_integers = np.frompyfunc(int, 1, 1)


def gram(rows: Any) -> Any:
    """rows·rowsᵀ.

    >>> gram(np.array([[1.0, 2.0], [0.0, 0.5]]))
    [5.00000000000000,  1.00000000000000]
    [1.00000000000000, 0.250000000000000]
    """
    factor = matrix(rows)
    return (factor * factor.transpose()).mid()


def identity(n: int) -> Any:
    """The matrix of ones on the diagonal."""
    return diagonal(np.ones(n))


def block(whole: Any, rows: Any, columns: Any) -> Any:
    """The entries of a matrix in these rows and columns.

    >>> block(identity(3), [0, 2], [2])
    [               0]
    [1.00000000000000]
    """
    return _joined([[whole[i, j] for j in columns] for i in rows], len(columns))


def _joined(rows: list[list[Any]], columns: int) -> Any:
    return arb_mat(len(rows), columns, [number for row in rows for number in row])


def solve(left: Any, right: Any) -> Any:
    """x with left·x = right.

    Raises:
        SolveError: the matrix is singular.

    >>> solve(matrix(np.array([[4.0, 2.0], [2.0, 3.0]])), column(np.array([8.0, 8.0])))
    [1.00000000000000]
    [2.00000000000000]
    """
    if 0 in (right.nrows(), right.ncols()):
        return right
    try:
        return left.solve(right, algorithm="approx").mid()
    except ZeroDivisionError:
        raise SolveError("a matrix is singular at the working precision; raise `digits`") from None


def least_norm(gram: Any, free: Any, signs: Any, beta: Any, active: Any) -> Any:
    """λ with s_j λ_j ≥ 0 and s_j (free − gram·λ)_j ≤ β, and equality where λ_j ≠ 0.

    The dual of: minimise ½‖x‖² subject to s_j (free_j + a_j·x) ≤ β, gram = a·aᵀ; by the dual active set method
    (Goldfarb & Idnani 1983, doi:10.1007/BF02591962), which copes with rows that depend on the active ones.

    Args:
        gram: shape (N, N).
        free: a column.
        signs: N times ±1.
        beta: a number > 0.
        active: the j at which λ_j ≠ 0 is guessed.

    Raises:
        SolveError: no x meets the constraints, the rows of the guess are dependent, or the method cycles.

    >>> least_norm(identity(2), column(np.array([3.0, -1.5])), [1, -1], arb(1), [])
    [  2.00000000000000]
    [-0.500000000000000]
    """
    n = len(signs)
    folded = _joined([[s * t * gram[i, j] for j, t in enumerate(signs)] for i, s in enumerate(signs)], n)
    excess = arb_mat(n, 1, [s * free[i, 0] - beta for i, s in enumerate(signs)]).mid()
    tableau = _Tableau(folded, excess, [int(j) for j in active])
    for _ in range(50 * n + 1):
        worst = tableau.worst()
        if worst is None or tableau.values[worst] <= beta * _negligible():
            return arb_mat(n, 1, [s * u for s, u in zip(signs, tableau.multipliers(), strict=True)])
        tableau.satisfy(worst)
    raise SolveError("the active set of a quadratic program did not settle; raise `digits`")


def _negligible() -> Any:
    """Relative size of what rounding may have left."""
    return arb((1, -(ctx.prec // 3)))


class _Tableau:
    """Minimise ½‖x‖² subject to excess + a·x ≤ 0 with a set of active rows, by principal pivoting.

    Attributes:
        rows: the constraints in the order of what follows.
        is_active: whether the row is active.
        values: the multiplier of an active row, by how much an inactive one is violated.
        table: with G = a·aᵀ, A the active rows and N the others: −G_AA⁻¹, G_AA⁻¹G_AN and G_NN − G_NA G_AA⁻¹G_AN.
    """

    def __init__(self, gram: Any, excess: Any, active: list[int]) -> None:
        others = [j for j in range(gram.nrows()) if j not in set(active)]
        self.rows, self.is_active = active + others, [True] * len(active) + [False] * len(others)
        inner, outer, one = block(gram, active, active), block(gram, active, others), identity(len(active))
        inverse = solve(inner, one)
        cross, u = (inverse * outer).mid(), (inverse * block(excess, active, [0])).mid()
        rest = (block(gram, others, others) - outer.transpose() * cross).mid()
        violated = (block(excess, others, [0]) - outer.transpose() * u).mid()
        upper = [a + b for a, b in zip((-inverse).tolist(), cross.tolist(), strict=True)]
        lower = [a + b for a, b in zip(cross.transpose().tolist(), rest.tolist(), strict=True)]
        self.table, self.values = _joined(upper + lower, len(self.rows)), u.entries() + violated.entries()
        self.corners = [gram[j, j] for j in self.rows]
        while (worst := min(self._active(), key=self.values.__getitem__, default=None)) is not None:
            if self.values[worst] > 0:
                break
            self._pivot(worst)

    def worst(self) -> int | None:
        """The inactive row that is violated most."""
        inactive = (k for k, is_active in enumerate(self.is_active) if not is_active)
        return max(inactive, key=self.values.__getitem__, default=None)

    def multipliers(self) -> list[Any]:
        """In the order of the constraints."""
        found = [arb(0)] * len(self.rows)
        for k in self._active():
            found[self.rows[k]] = self.values[k]
        return found

    def satisfy(self, row: int) -> None:
        """Raise the multiplier of a violated row until it is met; rows whose multipliers reach 0 on the way leave."""
        multiplier = arb(0)
        for _ in range(len(self.rows) + 1):
            column = self._column(row)
            steps = {k: self.values[k] / column[k] for k in self._active() if column[k] > 0}
            if column[row] > self.corners[row] * _negligible():
                steps[row] = self.values[row] / column[row]
            if not steps:
                raise SolveError("the bias budget is below the least bias: no table meets it")
            first = min(steps, key=lambda k: steps[k].mid())
            step = steps[first].mid()
            self.values = [(value - step * fall).mid() for value, fall in zip(self.values, column, strict=True)]
            multiplier = (multiplier + step).mid()
            self.values[first] = arb(0)
            self._pivot(first)
            if first == row:
                self.values[row] = multiplier
                return
        raise SolveError("the active set of a quadratic program did not settle; raise `digits`")

    def _active(self) -> list[int]:
        return [k for k, is_active in enumerate(self.is_active) if is_active]

    def _column(self, k: int) -> list[Any]:
        return [self.table[i, k] for i in range(len(self.rows))]

    def _pivot(self, k: int) -> None:
        """An inactive row enters, or an active one leaves."""
        column, n, sign = self._column(k), len(self.rows), -1 if self.is_active[k] else 1
        scaled = [(c / column[k]).mid() for c in column]
        step = (self.values[k] / column[k]).mid()
        self.values = [(value - step * c).mid() for value, c in zip(self.values, column, strict=True)]
        self.table = (self.table - arb_mat(n, 1, column) * arb_mat(1, n, scaled)).mid()
        for i, c in enumerate(scaled):
            self.table[i, k] = self.table[k, i] = sign * c
        self.table[k, k], self.values[k] = (-1 / column[k]).mid(), sign * step
        self.is_active[k] = not self.is_active[k]

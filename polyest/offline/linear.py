"""Linear systems and quadratic programs with symmetric positive definite matrices, in FLINT's numbers.

They are the midpoints of its balls: no enclosures, but many times as fast as arrays of multi-precision numbers. Their
precision is that of `flint.ctx`, set by the `precision()` of a context of `polyest.numbers`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import gmpy2
import numpy as np
from flint import arb, arb_mat, arb_poly, ctx

from polyest.errors import SolveError
from polyest.numbers.conversion import Array
from polyest.numbers.mpfr import mpfr

__all__ = [
    "Floating",
    "block",
    "column",
    "diagonal",
    "gram",
    "identity",
    "joined",
    "least_norm",
    "number",
    "power_series",
    "solve",
]

Floating: TypeAlias = float | np.floating | gmpy2.mpfr


def column(values: Sequence[Floating] | Array) -> arb_mat:
    """A vector of floats or of gmpy2 numbers, exactly.

    >>> column(np.array([0.5, -2.0]))
    [0.500000000000000]
    [-2.00000000000000]
    """
    return arb_mat(len(values), 1, [number(value) for value in values])


def diagonal(values: Sequence[Floating] | Array) -> arb_mat:
    """The matrix with these numbers on its diagonal."""
    found = arb_mat(len(values), len(values))
    for i, value in enumerate(values):
        found[i, i] = number(value)
    return found


def number(value: Floating) -> arb:
    """A float of any width or a gmpy2 number, exactly."""
    if isinstance(value, gmpy2.mpfr):
        mantissa, exponent = value.as_mantissa_exp()
        return arb((int(mantissa), int(exponent)))
    return arb(float(value)) + arb(float(value - float(value)))


def power_series(terms: Iterable[Floating]) -> np.ufunc:
    """x ↦ Σ_m terms[m]·x^m on arrays of gmpy2 numbers; FLINT takes half the time of numpy."""
    polynomial = arb_poly([number(term) for term in terms])
    series: np.ufunc = np.frompyfunc(lambda x: mpfr(polynomial(number(x)).mid()), 1, 1)
    return series


def gram(rows: arb_mat) -> arb_mat:
    """rows·rowsᵀ.

    >>> gram(arb_mat([[1, 2], [0, 0.5]]))
    [5.00000000000000,  1.00000000000000]
    [1.00000000000000, 0.250000000000000]
    """
    return (rows * rows.transpose()).mid()


def identity(n: int) -> arb_mat:
    """The matrix of ones on the diagonal."""
    return diagonal(np.ones(n))


def block(whole: arb_mat, rows: Sequence[int], columns: Sequence[int]) -> arb_mat:
    """The entries of a matrix in these rows and columns.

    >>> block(identity(3), [0, 2], [2])
    [               0]
    [1.00000000000000]
    """
    return arb_mat(len(rows), len(columns), [whole[i, j] for i in rows for j in columns])


def joined(blocks: list[list[arb_mat]]) -> arb_mat:
    """The matrix of these blocks.

    >>> joined([[identity(1), column(np.array([2.0]))]])
    [1.00000000000000, 2.00000000000000]
    """
    rows = [itertools.chain(*parts) for beside in blocks for parts in zip(*(b.tolist() for b in beside), strict=True)]
    return arb_mat(len(rows), sum(b.ncols() for b in blocks[0]), list(itertools.chain(*rows)))


def solve(left: arb_mat, right: arb_mat) -> arb_mat:
    """x with left·x = right.

    Raises:
        SolveError: the matrix is singular.

    >>> solve(arb_mat([[4, 2], [2, 3]]), arb_mat([[8], [8]]))
    [1.00000000000000]
    [2.00000000000000]
    """
    if 0 in (right.nrows(), right.ncols()):
        return right
    try:
        return left.solve(right, algorithm="approx").mid()
    except ZeroDivisionError:
        raise SolveError("a matrix is singular at the working precision; raise `digits`") from None


def least_norm(gram: arb_mat, free: arb_mat, signs: Sequence[int], beta: arb, active: Iterable[int]) -> arb_mat:
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
        self.inverse = solve(block(gram, rows, rows), identity(len(rows)))
        self.values = self._balanced()
        while self.rows and min(self.values) <= 0:
            self._leave(self.values.index(min(self.values)))
            self.values = self._balanced()

    def _balanced(self) -> list[arb]:
        return (self.inverse * block(self.excess, self.rows, [0])).mid().entries()

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
            column = block(self.gram, self.rows, [row])
            falls = (self.inverse * column).mid()
            rest = (corner - (column.transpose() * falls)[0, 0]).mid() if self.rows else corner
            steps = {k: (u / fall).mid() for k, (u, fall) in enumerate(self._falling(falls)) if fall > 0}
            if rest > corner * _negligible():
                steps[len(self.rows)] = (excess / rest).mid()
            if not steps:
                raise SolveError("the bias budget is below the least bias: no table meets it")
            first = min(steps, key=steps.__getitem__)
            step = steps[first]
            self.values = [(u - step * fall).mid() for u, fall in self._falling(falls)]
            multiplier, excess = (multiplier + step).mid(), (excess - step * rest).mid()
            if first == len(self.rows):
                return self._enter(row, falls, rest, multiplier)
            self._leave(first)
        raise SolveError("the active set of a quadratic program did not settle; raise `digits`")

    def _falling(self, falls: arb_mat) -> Iterable[tuple[arb, arb]]:
        return zip(self.values, falls.entries(), strict=True)

    def _enter(self, row: int, falls: arb_mat, rest: arb, multiplier: arb) -> None:
        """The inverse of a matrix that gets one more row and column."""
        scaled = (falls * (-1 / rest)).mid()
        inner, corner = (self.inverse - falls * scaled.transpose()).mid(), arb_mat(1, 1, [(1 / rest).mid()])
        self.inverse = joined([[inner, scaled], [scaled.transpose(), corner]])
        self.rows.append(row)
        self.values.append(multiplier)

    def _leave(self, index: int) -> None:
        """The inverse of a matrix that loses a row and a column."""
        kept = [k for k in range(len(self.rows)) if k != index]
        column = block(self.inverse, kept, [index])
        scaled = column * (1 / self.inverse[index, index])
        self.inverse = (block(self.inverse, kept, kept) - scaled * column.transpose()).mid()
        del self.rows[index], self.values[index]

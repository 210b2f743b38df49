"""Linear systems and quadratic programs with a symmetric positive definite matrix of multi-precision numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gmpy2
import numpy as np
from flint import fmpz_mat

from polyest.errors import SolveError

__all__ = ["cholesky", "gram", "least_norm", "product"]

NEGLIGIBLE, IN_FLOATS = 1e-30, 1e-13  # of the bound, relative: excess in multi-precision and in floats
GUARD_BITS = 64


def cholesky(matrix: Any) -> Callable[[Any], Any]:
    """A function that solves matrix·x = r for x; one factorisation L·D·Lᵀ serves every r, of shape (N,) or (N, R).

    Args:
        matrix: symmetric and positive definite, shape (N, N), numpy's object arrays included.

    Raises:
        SolveError: a pivot is not positive.

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 3.0]]))(np.array([8.0, 8.0])).tolist()
    [1.0, 2.0]
    """
    lower, n = matrix.copy(), len(matrix)
    for i in range(n):
        if not lower[i, i] > 0:
            raise SolveError(f"the matrix is not positive definite at the working precision (pivot {i} of {n})")
        column = lower[i + 1 :, i].copy()
        lower[i + 1 :, i] = column / lower[i, i]
        for j in range(len(column)):
            lower[i + 1 + j, i + 1 : i + 2 + j] -= lower[i + 1 + j, i] * column[: j + 1]

    def solve(r: Any) -> Any:
        x = r.copy()
        for i in range(n):
            x[i + 1 :] -= np.multiply.outer(lower[i + 1 :, i], x[i])
        x = (x.T / np.diag(lower)).T
        for i in range(n - 1, -1, -1):
            x[:i] -= np.multiply.outer(lower[i, :i], x[i])
        return x

    return solve


def gram(rows: Any) -> Any:
    """rows·rowsᵀ; see `product`.

    >>> gram(np.array([[gmpy2.mpfr(1), gmpy2.mpfr(2)], [gmpy2.mpfr(0), gmpy2.mpfr(0.5)]])).astype(float).tolist()
    [[5.0, 1.0], [1.0, 0.25]]
    """
    if rows.dtype != object:
        return rows @ rows.T
    integers, scale = _integers(rows)
    return _numbers(integers * integers.transpose(), scale**2)


def product(a: Any, b: Any) -> Any:
    """a·b of gmpy2 numbers in fixed point, as products of integers: many times as fast.

    The error is relative to the largest entries of a and of b. Arrays of floats are multiplied as they are.
    """
    if a.dtype != object or 0 in (*a.shape, *b.shape):
        return a @ b
    (left, left_scale), (right, right_scale) = _integers(a), _integers(b)
    return _numbers(left * right, left_scale * right_scale)


def _integers(numbers: Any) -> tuple[Any, Any]:
    """The numbers times a power of two, rounded, and that power."""
    _, exponent = math.frexp(float(abs(numbers).max()))
    scale = gmpy2.mpfr(2) ** (gmpy2.get_context().precision + GUARD_BITS - exponent)
    return fmpz_mat(_to_integers(numbers * scale).tolist()), scale


def _numbers(integers: Any, scale: Any) -> Any:
    return _from_integers(np.array(integers.tolist(), dtype=object).reshape(integers.nrows(), -1)) / scale


_to_integers = np.frompyfunc(int, 1, 1)
_from_integers = np.frompyfunc(lambda x: gmpy2.mpfr(int(x)), 1, 1)


def least_norm(gram: Any, free: Any, signs: Any, beta: Any, start: Any) -> Any:
    """λ with s_j λ_j ≥ 0 and s_j (free − gram·λ)_j ≤ β, and equality where λ_j ≠ 0.

    The dual of: minimise ½‖x‖² subject to s_j (free_j + a_j·x) ≤ β, gram = a·aᵀ; by the dual active set method
    (Goldfarb & Idnani 1983, doi:10.1007/BF02591962), which copes with rows that depend on the active ones.

    Args:
        gram: shape (N, N), numpy's object arrays included.
        free, signs: shape (N,).
        beta: a number > 0.
        start: a guess of λ, shape (N,).

    Raises:
        SolveError: no x meets the constraints, the active points of the guess are dependent, or the method cycles.

    >>> least_norm(np.eye(2), np.array([3.0, -1.5]), np.array([1.0, -1.0]), 1.0, np.zeros(2)).tolist()
    [2.0, -0.5]
    """
    negligible = beta * (NEGLIGIBLE if gram.dtype == object else IN_FLOATS)
    active = _ActiveSet(gram * signs * signs[:, None], free * signs - beta, np.flatnonzero(start * signs > 0))
    for _ in range(50 * len(signs) + 1):
        excess = active.excess()
        worst = int(np.argmax(excess)) if len(excess) else -1
        if worst < 0 or excess[worst] <= negligible:
            multipliers = 0 * start
            multipliers[active.rows] = active.values
            return multipliers * signs
        active.satisfy(worst, excess[worst])
    raise SolveError("the active set of a quadratic program did not settle; raise `digits`")


class _ActiveSet:
    """Rows with multipliers u > 0 such that (free − gram·u)_j = 0 there: minimise ½‖x‖² subject to free + a·x ≤ 0."""

    def __init__(self, gram: Any, free: Any, rows: Any) -> None:
        self.gram, self.free, self.rows = gram, free, [int(i) for i in rows]
        identity = np.eye(len(rows), dtype=int) + 0 * gram[:1, :1]
        self.inverse = cholesky(gram[np.ix_(self.rows, self.rows)])(identity)
        self.values = self.inverse @ free[self.rows]
        while self.rows and min(self.values) <= 0:
            self._leave(int(np.argmin(self.values)))
            self.values = self.inverse @ free[self.rows]

    def excess(self) -> Any:
        """By how much each constraint is violated."""
        excess = self.free - self.gram[:, self.rows] @ self.values
        excess[self.rows] *= 0
        return excess

    def satisfy(self, row: int, excess: Any) -> None:
        """Raise the multiplier of a violated row until it is met; rows whose multipliers reach 0 on the way leave."""
        multiplier, corner = 0 * excess, self.gram[row, row]
        for _ in range(len(self.rows) + 1):
            column = self.gram[self.rows, row]
            falls = self.inverse @ column
            rest = corner - column @ falls
            full = excess / rest if rest > corner * NEGLIGIBLE else np.inf
            first, step = min(
                ((k, self.values[k] / fall) for k, fall in enumerate(falls) if fall > 0),
                key=lambda pair: pair[1],
                default=(-1, np.inf),
            )
            step = min(step, full)
            if step == np.inf:
                raise SolveError("the bias budget is below the least bias: no table meets it")
            self.values, multiplier, excess = self.values - step * falls, multiplier + step, excess - step * rest
            if step == full:
                return self._enter(row, column, corner, multiplier)
            self._leave(first)
        raise SolveError("the active set of a quadratic program did not settle; raise `digits`")

    def _enter(self, row: int, column: Any, corner: Any, multiplier: Any) -> None:
        self.inverse = _with(self.inverse, column, corner)
        self.values = np.append(self.values, multiplier)
        self.rows.append(row)

    def _leave(self, index: int) -> None:
        self.inverse, self.values = _without(self.inverse, index), np.delete(self.values, index)
        del self.rows[index]


def _with(inverse: Any, column: Any, corner: Any) -> Any:
    """The inverse of a matrix that gets one more row and column, from its inverse."""
    u = inverse @ column
    rest = corner - column @ u
    u = u / rest
    return np.block([[inverse + np.multiply.outer(u, u) * rest, -u[:, None]], [-u[None, :], np.array([[1 / rest]])]])


def _without(inverse: Any, index: int) -> Any:
    """The inverse of a matrix that loses a row and a column."""
    column = np.delete(inverse[:, index], index)
    smaller = np.delete(np.delete(inverse, index, axis=0), index, axis=1)
    return smaller - np.multiply.outer(column, column / inverse[index, index])

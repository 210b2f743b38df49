"""Rows of the bias e(p) = p·(Q_c(p) − r(p)): p·B_{m,K−1}(p) in numbers of any kind, and scaled in FLINT's.

The basis in FLINT's numbers is all that the solvers take from the proofs (`polyest.numbers`).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from flint import arb, arb_mat
from numpy.typing import ArrayLike, DTypeLike

from polyest.numbers.conversion import Array
from polyest.polynomials import bernstein
from polyest.polynomials.basis import bernstein_basis

__all__ = ["binomials", "rows", "scaled_rows", "scales"]


def rows(points: ArrayLike, group_size: int) -> Array:
    """φ_m(p) = p·B_{m,K−1}(p), m = 0..K−1, at `points`, shape (P, K), in their arithmetic."""
    p: Array = np.asarray(points)
    n = group_size - 1
    return p[:, None] * (bernstein.basis(n, p) if p.dtype == np.float64 else _basis(n, p))


def _basis(n: int, p: Array) -> Array:
    return (binomials(n, p.dtype) * _powers(p, n) * _powers(1 - p, n)[::-1]).T


@lru_cache(maxsize=64)
def binomials(n: int, dtype: DTypeLike = object) -> Array:
    """C(n, m), m = 0..n, as a column: integers, or floats of a kind that holds them."""
    column: Array = np.array([[np.dtype(dtype).type(math.comb(n, m))] for m in range(n + 1)], dtype)
    return column


def _powers(x: Array, n: int) -> Array:
    powers: Array = np.repeat(x[None, :] ** 0, n + 1, axis=0)
    for m in range(n):
        powers[m + 1] = powers[m] * x
    return powers


def scales(group_size: int) -> list[arb]:
    """s_m = 1/√(2w_m) = K/√(2(m+1)), m = 0..K−1: what the program minimises is ½ Σ x_m², c_m = μ_m + s_m x_m."""
    return [(arb(group_size) / arb(2 * m).sqrt()).mid() for m in range(1, group_size + 1)]


def scaled_rows(points: list[arb], group_size: int) -> tuple[arb_mat, arb_mat]:
    """s_m φ_m and s_m φ'_m at the points, matrices of shape (P, K).

    φ_m = ((m+1)/K) B_{m+1,K}, so φ'_m = (m+1)(B_m − B_{m+1}), B_m = B_{m,K−1}. In fixed point: what is far below the
    largest counts as 0, which products of matrices are several times as fast for.
    """
    K, s = group_size, scales(group_size)
    steep = [(m * x).mid() for m, x in enumerate(s, start=1)]
    values, slopes = [], []
    for p in points:
        b = bernstein_basis(K - 1, p)
        values.append([p * x * y for x, y in zip(s, b, strict=True)])
        slopes.append([x * (y - z) for x, y, z in zip(steep, b, [*b[1:], arb(0)], strict=True)])
    if not points:
        return arb_mat(0, K), arb_mat(0, K)
    return _fixed(arb_mat(values), arb(K)), _fixed(arb_mat(slopes), arb(K) ** 2)


def _fixed(matrix: arb_mat, largest: arb) -> arb_mat:
    """The matrix, rounded to as many digits behind the point as numbers of this size have."""
    shift = arb_mat(matrix.nrows(), matrix.ncols(), [largest] * (matrix.nrows() * matrix.ncols()))
    return ((matrix + shift).mid() - shift).mid()

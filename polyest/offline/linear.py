"""Linear algebra in FLINT's numbers.

They are the midpoints of its balls: no enclosures, but many times as fast as arrays of multi-precision numbers. Their
precision is that of `flint.ctx`, set by the `precision()` of a context of `polyest.numbers`.
"""

from __future__ import annotations

from collections.abc import Sequence

import gmpy2
import numpy as np
from flint import arb, arb_mat, arb_poly

from polyest.errors import SolveError
from polyest.numbers.conversion import Array, Floating
from polyest.numbers.mpfr import mpfr

__all__ = ["block", "column", "gram", "number", "power_series", "solve_system"]


def column(values: Sequence[Floating] | Array) -> arb_mat:
    """A vector of floats or of gmpy2 numbers, exactly.

    >>> column(np.array([0.5, -2.0]))
    [0.500000000000000]
    [-2.00000000000000]
    """
    return arb_mat(len(values), 1, [number(value) for value in values])


def number(value: Floating) -> arb:
    """A float or a gmpy2 number, exactly."""
    if isinstance(value, gmpy2.mpfr):
        mantissa, exponent = value.as_mantissa_exp()
        return arb((int(mantissa), int(exponent)))
    return arb(float(value))


def power_series(terms: Array, points: Array) -> Array:
    """Σ_m terms[m]·x^m at points, gmpy2's numbers; FLINT takes half the time of numpy."""
    polynomial = arb_poly([number(term) for term in terms])
    return np.array([mpfr(polynomial(number(x)).mid()) for x in points], object)


def gram(rows: arb_mat) -> arb_mat:
    """rows·rowsᵀ."""
    return (rows * rows.transpose()).mid()


def block(whole: arb_mat, rows: Sequence[int], columns: Sequence[int]) -> arb_mat:
    """The entries of a matrix in these rows and columns.

    >>> block(arb_mat(3, 3, 1), [0, 2], [2])
    [               0]
    [1.00000000000000]
    """
    return arb_mat(len(rows), len(columns), [whole[i, j] for i in rows for j in columns])


def solve_system(left: arb_mat, right: arb_mat) -> arb_mat:
    """x with left·x = right.

    Raises:
        SolveError: the matrix is singular.

    >>> solve_system(arb_mat([[4, 2], [2, 3]]), arb_mat([[8], [8]]))
    [1.00000000000000]
    [2.00000000000000]
    """
    if 0 in (right.nrows(), right.ncols()):
        return right
    try:
        return left.solve(right, algorithm="approx").mid()
    except ZeroDivisionError:
        raise SolveError("a matrix is singular at the working precision; raise `digits`") from None

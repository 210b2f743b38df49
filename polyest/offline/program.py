"""The variance-optimal program of one (target, K): its data, and the bias of any table (theory.md §3).

It minimises F = Σ w_m (c_m − μ_m)² subject to |e(p)| ≤ β on (0, 1], where e = p·(Q_c − r). At its solution finitely
many points are active; with multipliers λ_j the coefficients are c_m = μ_m − Σ_j λ_j φ_m(p_j)/(2 w_m), where
φ_m(p) = p·B_m(p). `polyest.offline.specification` states it for a convex solver.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import TypeAlias

import numpy as np
from flint import arb, arb_mat
from numpy.polynomial.polynomial import polyval
from numpy.typing import DTypeLike

from polyest.numbers.conversion import Array, Floating, Scalar
from polyest.numbers.float64 import FLOAT64, Double
from polyest.numbers.jets import Jet, weighted_formula
from polyest.numbers.mpfr import Mpfr
from polyest.offline.bayes import bayes_means
from polyest.offline.linear import column, number, power_series
from polyest.polynomials import bernstein
from polyest.polynomials.basis import bernstein_basis
from polyest.problems.objective import mean_slope
from polyest.problems.targets import Target

__all__ = ["Bias", "Context", "GradedProgram", "Optimum", "Program"]

Context: TypeAlias = Double | Mpfr


@dataclass(frozen=True)
class Optimum:
    """A table, the points where its bias reaches the budget, and their multipliers."""

    coefficients: Array
    points: Array
    multipliers: Array

    def active(self) -> Optimum:
        """Without the points whose multiplier is 0."""
        index = np.flatnonzero(self.multipliers)
        return Optimum(self.coefficients, self.points[index], self.multipliers[index])


@dataclass(frozen=True)
class Program:
    """The data of the program for one (target, K), in the numbers of a context."""

    target: Target
    group_size: int
    ctx: Context = FLOAT64

    @cached_property
    def means(self) -> Array:
        """μ_m, the Bayes table."""
        return self.convert(bayes_means(self.target, self.group_size, self.ctx.digits))

    @property
    def unconstrained(self) -> Optimum:
        """The Bayes table: no point is active."""
        return Optimum(self.means, self.means[:0], self.means[:0])

    @cached_property
    def weights(self) -> Array:
        """w_m = (m+1)/K²."""
        return self.convert(Fraction(m, self.group_size**2) for m in range(1, self.group_size + 1))

    def objective(self, coefficients: Array) -> Floating:
        """F of a table; that of the solutions decreases in the budget."""
        return self.weights @ (coefficients - self.means) ** 2

    def rows(self, points: Array) -> Array:
        """φ_m at the points, shape (P, K)."""
        n = self.group_size - 1
        if points.dtype == np.float64:
            return points[:, None] * bernstein.basis(n, points)
        products = (p * b for p in map(number, points) for b in bernstein_basis(n, p))
        return self.convert(x.mid() for x in products).reshape(-1, n + 1)

    @cached_property
    def scales(self) -> list[arb]:
        """s_m = 1/√(2w_m): what is minimised is ½ Σ x_m², where c_m = μ_m + s_m x_m."""
        return [(arb(self.group_size) / arb(2 * m).sqrt()).mid() for m in range(1, self.group_size + 1)]

    def scaled_rows(self, points: Array) -> tuple[arb_mat, arb_mat]:
        """s_m φ_m and s_m φ'_m at the points, in FLINT's numbers.

        φ_m = ((m+1)/K) B_{m+1,K}, so φ'_m = (m+1)(B_m − B_{m+1}), B_m = B_{m,K−1}. In fixed point: what is far below
        the largest counts as 0, which products of matrices are several times as fast for.
        """
        K, s = self.group_size, self.scales
        steep = [(m * x).mid() for m, x in enumerate(s, start=1)]
        values, slopes = arb_mat(0, K), arb_mat(0, K)
        bases = [(p, bernstein_basis(K - 1, p)) for p in map(number, points)]
        if bases:
            values = arb_mat([[p * x * y for x, y in zip(s, b, strict=True)] for p, b in bases])
            slopes = arb_mat(
                [[x * (y - z) for x, y, z in zip(steep, b, [*b[1:], arb(0)], strict=True)] for _, b in bases]
            )
        return _fixed(values, K), _fixed(slopes, K**2)

    def scaled(self, coefficients: Array) -> arb_mat:
        """x of a table c."""
        distance = (column(coefficients) - column(self.means)).entries()
        return arb_mat(len(distance), 1, [d / s for d, s in zip(distance, self.scales, strict=True)]).mid()

    def unscaled(self, x: arb_mat) -> Array:
        """The table c of x, in this program's arithmetic."""
        terms = zip(column(self.means).entries(), self.scales, x.entries(), strict=True)
        return self.convert((mean + s * d).mid() for mean, s, d in terms)

    def weighted_target(self, points: Array) -> Jet[Array]:
        """p·r(p) with two derivatives."""
        return weighted_formula(self.target.formula, points, self.ctx)

    def convert(self, values: Iterable[Scalar]) -> Array:
        """Numbers of any kind as an array of this program's arithmetic."""
        return self.ctx.array(values)

    def converted(self, start: Optimum) -> Optimum:
        """The same in this program's arithmetic."""
        return Optimum(*map(self.convert, (start.coefficients, start.points, start.multipliers)))

    def bias(self, coefficients: Array) -> Bias:
        """e of a table, to be evaluated at points."""
        return Bias(self, coefficients)


@dataclass(frozen=True)
class GradedProgram(Program):
    """That of graded rewards beyond exact tables: least noise within a bias of the objective (docs/graded.md §7).

    It minimises F subject to |∫_0^p (Q_c − r)| ≤ β on (0, 1] and Σ_m c_m = K·∫_0^1 r, r a polynomial: a constant added
    to all rewards then adds the same to the objective. Σ_m μ_m is that already.

    In the running means c̃ of a table the first constraint is aqp's own, |p·(Q_c̃ − r̃)| ≤ β, and in x the second is
    Σ_m s_m x_m = 0: the rows are projected on that plane, so that all that is combined from them lies in it. What
    solves the one program therefore solves the other.
    """

    @cached_property
    def of_means(self) -> Program:
        """aqp's program for r̃, in the running means of the table."""
        return Program(mean_slope(self.target), self.group_size, self.ctx)

    def rows(self, points: Array) -> Array:
        """∫_0^p B_{m,K−1} at the points, shape (P, K)."""
        shares = self.of_means.rows(points) / np.arange(1, self.group_size + 1)
        return np.cumsum(shares[:, ::-1], axis=1)[:, ::-1]

    def scaled_rows(self, points: Array) -> tuple[arb_mat, arb_mat]:
        """Those rows and their derivatives, divided by √(2w_m) and projected, in FLINT's numbers."""
        values, slopes = self.of_means.scaled_rows(points)
        return (values * self._projected_means).mid(), (slopes * self._projected_means).mid()

    def weighted_target(self, points: Array) -> Jet[Array]:
        """∫_0^p r with two derivatives."""
        return self.of_means.weighted_target(points)

    def bias(self, coefficients: Array) -> Bias:
        """∫_0^p (Q_c − r) of a table c, to be evaluated at points."""
        sums = self.convert(accumulate(coefficients))
        return self.of_means.bias(sums / np.arange(1, self.group_size + 1))

    @cached_property
    def _projected_means(self) -> arb_mat:
        """x ↦ x̃, the running means in scaled unknowns, after the projection."""
        s, K = self.scales, self.group_size
        means = arb_mat([[s[j] / (s[m] * (m + 1)) if j <= m else arb(0) for j in range(K)] for m in range(K)])
        normal = arb_mat(K, 1, s)
        onto = arb_mat(K, K, 1) - normal * normal.transpose() * (1 / (normal.transpose() * normal)[0, 0])
        return (means * onto).mid()


class Bias:
    """e(p) = p·(Q_c(p) − r(p)) of a table c."""

    def __init__(self, program: Program, coefficients: Array) -> None:
        self.program, self.coefficients = program, coefficients

    def values(self, points: Array) -> Array:
        """e at the points."""
        return points * self._derivatives[0](points) - self.program.weighted_target(points).value

    def jet(self, points: Array) -> Jet[Array]:
        """e, e' and e'' at the points."""
        q, dq, d2q = (derivative(points) for derivative in self._derivatives)
        return Jet(points * q, q + points * dq, 2 * dq + points * d2q) - self.program.weighted_target(points)

    @cached_property
    def _derivatives(self) -> tuple[_Polynomial, _Polynomial, _Polynomial]:
        """Q_c and its first two derivatives."""
        c, n = self.coefficients, len(self.coefficients) - 1
        slope = n * np.diff(c) if n > 0 else 0 * c[:1]
        bend = n * (n - 1) * np.diff(c, 2) if n > 1 else 0 * c[:1]
        return _Polynomial(c), _Polynomial(slope), _Polynomial(bend)


class _Polynomial:
    """Σ_m c_m B_{m,n}(p), as a polynomial in p/(1−p), or in its inverse where p > ½."""

    def __init__(self, coefficients: Array) -> None:
        self.degree = len(coefficients) - 1
        self.terms = coefficients * _binomials(self.degree, coefficients.dtype)

    def __call__(self, points: Array) -> Array:
        low, values = points <= 0.5, np.empty_like(points)
        for side, terms, p in ((low, self.terms, points[low]), (~low, self.terms[::-1], 1 - points[~low])):
            series = power_series(terms, p / (1 - p)) if terms.dtype == object else polyval(p / (1 - p), terms)
            values[side] = series * (1 - p) ** self.degree
        return values


@lru_cache(maxsize=64)
def _binomials(n: int, dtype: DTypeLike) -> Array:
    """C(n, m), m = 0..n: integers, or floats of a kind that holds them."""
    return np.array([np.dtype(dtype).type(math.comb(n, m)) for m in range(n + 1)], dtype)


def _fixed(matrix: arb_mat, largest: int) -> arb_mat:
    """The matrix, rounded to as many digits behind the point as numbers of this size have."""
    shift = arb_mat(matrix.nrows(), matrix.ncols(), [largest] * (matrix.nrows() * matrix.ncols()))
    return ((matrix + shift).mid() - shift).mid()

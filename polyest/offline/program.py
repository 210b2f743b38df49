"""The variance-optimal program of one (target, K): its data, and the bias of any table (theory.md §3).

It minimises F = Σ w_m (c_m − μ_m)² subject to |e(p)| ≤ β on (0, 1], where e = p·(Q_c − r). At its solution finitely
many points are active; with multipliers λ_j the coefficients are c_m = μ_m − Σ_j λ_j φ_m(p_j)/(2 w_m), where
φ_m(p) = p·B_m(p). `polyest.offline.specification` states it for a convex solver.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Generic, TypeVar, cast

import numpy as np
from flint import arb_mat
from numpy.typing import NDArray

from polyest.numbers.conversion import Array, Floating, Scalar
from polyest.numbers.float64 import FLOAT64, Double
from polyest.numbers.jets import Jet, weighted_formula
from polyest.numbers.long_double import Extended
from polyest.numbers.mpfr import Mpfr
from polyest.offline.bayes import bayes_means
from polyest.offline.linear import column, number, power_series
from polyest.offline.rows import binomials, rows, scaled_rows, scales
from polyest.problems.targets import Target

__all__ = ["Bias", "Optimum", "Program"]

A = TypeVar("A", bound=Array, covariant=True)


@dataclass(frozen=True)
class Optimum(Generic[A]):
    """A table, the points where its bias reaches the budget, and their multipliers."""

    coefficients: A
    points: A
    multipliers: A

    def active(self) -> Optimum[A]:
        """Without the points whose multiplier is 0."""
        index = np.flatnonzero(self.multipliers)
        return Optimum(self.coefficients, cast("A", self.points[index]), cast("A", self.multipliers[index]))

    @property
    def signs(self) -> NDArray[np.int_]:
        """Those of the multipliers, and so of the bias at the points."""
        return np.asarray(np.sign(self.multipliers.astype(float)), int)


@dataclass(frozen=True)
class Program:
    """The data of the program for one (target, K), in the numbers of a context."""

    target: Target
    group_size: int
    ctx: Double | Extended | Mpfr = FLOAT64

    @cached_property
    def means(self) -> Array:
        """μ_m, the Bayes table."""
        return self.convert(bayes_means(self.target, self.group_size, self.ctx.digits))

    @cached_property
    def weights(self) -> Array:
        """w_m = (m+1)/K²."""
        return self.convert(Fraction(m, self.group_size**2) for m in range(1, self.group_size + 1))

    def objective(self, coefficients: Array) -> Floating:
        """F of a table; that of the solutions decreases in the budget."""
        return self.weights @ (coefficients - self.means) ** 2

    def rows(self, points: Array) -> Array:
        """φ_m at the points, shape (P, K)."""
        return rows(points, self.group_size)

    def scaled_rows(self, points: Array) -> tuple[arb_mat, arb_mat]:
        """φ_m and φ'_m, divided by √(2w_m), at the points, in FLINT's numbers."""
        return scaled_rows([number(p) for p in points], self.group_size)

    def scaled(self, coefficients: Array) -> arb_mat:
        """x_m = √(2w_m)(c_m − μ_m), in FLINT's numbers: what is minimised is ½ Σ x_m²."""
        distance = (column(coefficients) - column(self.means)).entries()
        return arb_mat(len(distance), 1, [d / s for d, s in zip(distance, scales(self.group_size), strict=True)]).mid()

    def unscaled(self, x: arb_mat) -> Array:
        """The table c of x, in this program's arithmetic."""
        means = column(self.means).entries()
        return self.convert(
            [(m + s * d).mid() for m, s, d in zip(means, scales(self.group_size), x.entries(), strict=True)]
        )

    def weighted_target(self, points: Array) -> Jet[Array]:
        """p·r(p) with two derivatives."""
        return weighted_formula(self.target.formula, points, self.ctx)

    def convert(self, values: Iterable[Scalar]) -> Array:
        """Numbers of any kind as an array of this program's arithmetic."""
        return self.ctx.array(values)

    def converted(self, start: Optimum[Array]) -> Optimum[Array]:
        """The same in this program's arithmetic."""
        return Optimum(*map(self.convert, (start.coefficients, start.points, start.multipliers)))

    def bias(self, coefficients: Array) -> Bias:
        """e of a table, to be evaluated at points."""
        return Bias(self, coefficients)


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
        scaled = coefficients * binomials(self.degree, coefficients.dtype)[:, 0]
        self.rising, self.falling = (
            power_series(terms) if terms.dtype == object else partial(_horner, terms)
            for terms in (scaled, scaled[::-1])
        )

    def __call__(self, points: Array) -> Array:
        low, values = points <= 0.5, np.empty_like(points)
        for side, series, p in ((low, self.rising, points[low]), (~low, self.falling, 1 - points[~low])):
            values[side] = series(p / (1 - p)) * (1 - p) ** self.degree
        return values


def _horner(terms: Array, x: Array) -> Array:
    """Σ_m terms[m]·x^m."""
    total = 0 * x
    for term in terms[::-1]:
        total = total * x + term
    return total

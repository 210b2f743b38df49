"""The variance-optimal program of one (target, K): its data, and the bias of any table (theory.md §3).

It minimises Σ w_m (c_m − μ_m)² subject to |e(p)| ≤ β on (0, 1], where e = p·(Q_c − r). At its solution finitely many
points are active; with multipliers λ_j the coefficients are c_m = μ_m − Σ_j λ_j φ_m(p_j)/(2 w_m), φ_m(p) = p·B_m(p).
`polyest.offline.specification` states it for a convex solver.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from flint import arb_mat

from polyest.numbers.float64 import NumpyContext
from polyest.numbers.jets import Jet, weighted_formula
from polyest.numbers.long_double import Extended
from polyest.numbers.mpfr import Mpfr
from polyest.offline.bernstein import binomials, rows, scaled_rows, scales
from polyest.offline.linear import column, number, power_series
from polyest.offline.means import bayes_means
from polyest.problems.targets import Target

__all__ = ["Bias", "Program"]


@dataclass(frozen=True)
class Program:
    """The data of the program for one (target, K), in float64 (`ctx` None) or the numbers of a context."""

    target: Target
    group_size: int
    ctx: Extended | Mpfr | None = None

    @cached_property
    def means(self) -> Any:
        """μ_m, the Bayes table."""
        return bayes_means(self.target, self.group_size, self.ctx)

    @cached_property
    def weights(self) -> Any:
        """w_m = (m+1)/K²."""
        m = np.arange(1, self.group_size + 1)
        return m / self.group_size**2 if self.ctx is None else m * (self.ctx.rational(1) / self.group_size**2)

    def rows(self, points: Any) -> Any:
        """φ_m at the points, shape (P, K)."""
        return rows(points, self.group_size, self.ctx)

    def scaled_rows(self, points: Any) -> tuple[Any, Any]:
        """φ_m and φ'_m, divided by √(2w_m), at the points, in FLINT's numbers."""
        return scaled_rows([number(p) for p in points], self.group_size)

    def scaled(self, coefficients: Any) -> Any:
        """x_m = √(2w_m)(c_m − μ_m), in FLINT's numbers: what is minimised is ½ Σ x_m²."""
        distance = (column(coefficients) - column(self.means)).entries()
        return arb_mat(len(distance), 1, [d / s for d, s in zip(distance, scales(self.group_size), strict=True)]).mid()

    def unscaled(self, x: Any) -> Any:
        """The table c of x, in this program's arithmetic."""
        means = column(self.means).entries()
        return self.convert(
            [(m + s * d).mid() for m, s, d in zip(means, scales(self.group_size), x.entries(), strict=True)]
        )

    def weighted_target(self, points: Any) -> Jet[Any]:
        """p·r(p) with two derivatives."""
        return weighted_formula(self.target.formula, points, self.ctx or NumpyContext)

    def convert(self, values: Any) -> Any:
        """Numbers of any kind as an array of this program's arithmetic."""
        return np.array([float(v) for v in values]) if self.ctx is None else self.ctx.array(values)

    def bias(self, coefficients: Any) -> Bias:
        """e of a table, to be evaluated at points."""
        return Bias(self, coefficients)


class Bias:
    """e(p) = p·(Q_c(p) − r(p)) of a table c."""

    def __init__(self, program: Program, coefficients: Any) -> None:
        self.program, self.coefficients = program, coefficients

    def values(self, points: Any) -> Any:
        """e at the points."""
        return points * self._mean(points) - self.program.weighted_target(points).value

    def jet(self, points: Any) -> Jet[Any]:
        """e, e' and e'' at the points."""
        q, dq, d2q = self._mean(points), self._slope(points), self._bend(points)
        return Jet(points * q, q + points * dq, 2 * dq + points * d2q) - self.program.weighted_target(points)

    @cached_property
    def _mean(self) -> _Polynomial:
        return _Polynomial(self.coefficients)

    @cached_property
    def _slope(self) -> _Polynomial:
        n = len(self.coefficients) - 1
        return _Polynomial(n * np.diff(self.coefficients) if n > 0 else 0 * self.coefficients[:1])

    @cached_property
    def _bend(self) -> _Polynomial:
        n = len(self.coefficients) - 1
        return _Polynomial(n * (n - 1) * np.diff(self.coefficients, 2) if n > 1 else 0 * self.coefficients[:1])


class _Polynomial:
    """Σ_m c_m B_{m,n}(p), as a polynomial in p/(1−p), or in its inverse where p > ½."""

    def __init__(self, coefficients: Any) -> None:
        self.degree = len(coefficients) - 1
        scaled = coefficients * binomials(self.degree, coefficients.dtype)[:, 0]
        self.rising, self.falling = (
            power_series(terms) if terms.dtype == object else partial(_horner, terms)
            for terms in (scaled, scaled[::-1])
        )

    def __call__(self, points: Any) -> Any:
        low, values = points <= 0.5, np.empty_like(points)
        for side, series, p in ((low, self.rising, points[low]), (~low, self.falling, 1 - points[~low])):
            values[side] = series(p / (1 - p)) * (1 - p) ** self.degree
        return values


def _horner(terms: Any, x: Any) -> Any:
    """Σ_m terms[m]·x^m."""
    total = 0 * x
    for term in terms[::-1]:
        total = total * x + term
    return total

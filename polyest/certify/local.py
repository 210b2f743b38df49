"""Local polynomials: what a function is on a cell, in t ∈ [−1, 1], with everything that is left out in the balls.

A local polynomial P of f says: for every t there is a choice of coefficients from their balls with f(p(t)) = P(t).
Sums and products of local polynomials are local polynomials; derivatives are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import arb, arb_mat, arb_poly, arb_series, fmpz_mat

from polyest.certify.balls import BallContext, exact, zero_plus_minus
from polyest.certify.cells import TERMS, Cell
from polyest.targets import Target

__all__ = ["BernsteinForm", "expand", "fold", "halves", "weighted_powers"]


@dataclass(frozen=True)
class BernsteinForm:
    """The polynomial Σ_m (numerators[m]/denominator)·B_{m,n}(p), exactly."""

    numerators: tuple[int, ...]
    denominator: int

    @classmethod
    def of(cls, coefficients: list[Fraction]) -> BernsteinForm:
        denominator = math.lcm(*(c.denominator for c in coefficients))
        return cls(tuple(int(c * denominator) for c in coefficients), denominator)

    @property
    def degree(self) -> int:
        return len(self.numerators) - 1

    @property
    def largest(self) -> Fraction:
        return Fraction(max(map(abs, self.numerators)), self.denominator)

    def is_zero(self) -> bool:
        return not any(self.numerators)


def fold(polynomial: Any) -> Any:
    """The same on [−1, 1] with `TERMS` terms: |t^j| ≤ 1, so what is cut off goes into the ball of the constant."""
    if polynomial.length() <= TERMS:
        return polynomial
    cut = polynomial.coeffs()[TERMS:]
    return polynomial.truncate(TERMS) + zero_plus_minus(sum((abs(a) for a in cut), arb(0)))


def halves(polynomial: Any) -> tuple[Any, Any]:
    """A local polynomial on the two halves of its cell."""
    half = arb(1) / 2
    return polynomial(arb_poly([-half, half])), polynomial(arb_poly([half, half]))


def expand(forms: tuple[BernsteinForm, ...], cells: list[Cell]) -> list[list[Any]]:
    """Local polynomials of polynomials of one degree n, for every cell.

    With D = Δ^j c the forward differences, the Taylor coefficients are

        Q^(j)(p)/j! = C(n,j) Σ_m D_m B_{m,n−j}(p) = (1−p)^{−j}/j! · Σ_m D_m (n−m)(n−m−1)…(n−m−j+1) B_{m,n}(p),

    one product of matrices for all cells; where p > ½, the same from the other end. Nothing cancels but what cancels
    in Q itself. The rest, from j = J on: |B_{m,n}| sums up to (|z| + |1−z|)^n ≤ (1 + R²/(p(1−p)))^{n/2} on the circle of
    radius R around p, so by Cauchy |rest| ≤ max|c| (1 + R²/(p(1−p)))^{n/2} (h/R)^J / (1 − h/R), h the cell's radius.
    """
    found: dict[Cell, list[Any]] = {}
    for mirrored in (False, True):
        side = [cell for cell in cells if (cell.low + cell.high > 1) == mirrored]
        if side:
            found.update(zip(side, _expand_side(forms, side, mirrored), strict=True))
    return [found[cell] for cell in cells]


def _expand_side(forms: tuple[BernsteinForm, ...], cells: list[Cell], mirrored: bool) -> list[list[Any]]:
    n = forms[0].degree
    distances = [1 - cell.centre if mirrored else cell.centre for cell in cells]
    columns = [_basis(n, p) for p in distances]
    product = _differences(forms, mirrored) * arb_mat([list(row) for row in zip(*columns, strict=True)])
    terms, expanded = min(TERMS, n + 1), []
    for k, (cell, p) in enumerate(zip(cells, distances, strict=True)):
        scales = _scales(cell.radius / (p - 1 if mirrored else 1 - p), terms)
        rest = _rest(n, p, cell.radius)
        expanded.append(
            [
                arb_poly([product[i * terms + j, k] * scale / form.denominator for j, scale in enumerate(scales)])
                + zero_plus_minus(rest * exact(form.largest))
                for i, form in enumerate(forms)
            ]
        )
    return expanded


@lru_cache(maxsize=4)
def _differences(forms: tuple[BernsteinForm, ...], mirrored: bool) -> Any:
    """Rows j = 0 … TERMS − 1 for every form: (Δ^j c)_m (n−m)(n−m−1)…(n−m−j+1), m = 0 … n."""
    n, rows = forms[0].degree, []
    for form in forms:
        c, falling = list(form.numerators[::-1] if mirrored else form.numerators), [1] * (n + 1)
        for j in range(min(TERMS, n + 1)):
            rows.append([x * f for x, f in zip(c, falling, strict=False)] + [0] * j)
            c = [b - a for a, b in zip(c, c[1:], strict=False)]
            falling = [f * (n - m - j) for m, f in enumerate(falling)]
    return arb_mat(fmpz_mat(rows))


def _basis(n: int, p: Any) -> list[Any]:
    """B_{0,n}(p) … B_{n,n}(p)."""
    up, down, q = [arb(1)], [arb(1)], 1 - p
    for _ in range(n):
        up.append(up[-1] * p)
        down.append(down[-1] * q)
    return [c * u * d for c, u, d in zip(_binomials(n), up, reversed(down), strict=True)]


@lru_cache(maxsize=16)
def _binomials(n: int) -> list[int]:
    return [math.comb(n, m) for m in range(n + 1)]


def _scales(x: Any, terms: int) -> list[Any]:
    """x^j/j!, j = 0 … terms − 1."""
    scales = [arb(1)]
    for j in range(1, terms):
        scales.append(scales[-1] * x / j)
    return scales


def _rest(n: int, p: Any, h: Any) -> Any:
    """A bound, per max|c|, on what `TERMS` terms leave out; the best R is √(p(1−p)J/(n−J))."""
    if n < TERMS:
        return arb(0)
    spread = p * (1 - p)
    R = max((spread * TERMS / max(n - TERMS, 1)).sqrt().mid(), (2 * h).mid())
    return (1 + R**2 / spread) ** (exact(Fraction(n, 2))) * (h / R) ** TERMS / (1 - h / R)


def weighted_powers(target: Target, cell: Cell, count: int) -> list[Any]:
    """Local polynomials of p·r^i, i = 0 … count − 1: Taylor's with Lagrange's remainder."""
    centre, radius = cell.centre, cell.radius
    exactly = _powers(target, arb_series([centre, radius], prec=TERMS), count)
    around = _powers(target, arb_series([arb(centre, radius), radius], prec=TERMS + 1), count)
    return [arb_poly([centre, radius])] + [
        arb_poly(w.coeffs()) + zero_plus_minus(v[TERMS]) for w, v in zip(exactly[1:], around[1:], strict=True)
    ]


def _powers(target: Target, x: Any, count: int) -> list[Any]:
    """p·r^i; for r = ±p^a as one power, so that p·r² = 1 at a = −½ without cancellation."""
    a = target.exponent
    if a is not None:
        sign = 1 if a > 0 else -1
        return [sign**i * BallContext.power(x, 1 + i * a) for i in range(count)]
    r, powers = target.formula(x, BallContext) if count > 1 else None, [x]
    while len(powers) < count:
        powers.append(powers[-1] * r)
    return powers

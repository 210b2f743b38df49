"""Local polynomials: what a function is on a cell, in t ∈ [−1, 1], with everything that is left out in the balls.

A local polynomial P of f says: for every t there is a choice of coefficients from their balls with f(p(t)) = P(t).
Sums and products of local polynomials are local polynomials; derivatives are not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial

from flint import arb, arb_mat, arb_poly, arb_series, ctx, fmpz, fmpz_mat

from polyest.certify.cells import TERMS, Cell
from polyest.numbers.balls import SERIES, BallContext, ball, zero_plus_minus
from polyest.polynomials.basis import bernstein_basis
from polyest.problems.targets import Target

__all__ = ["BernsteinForm", "expand", "fold", "halves", "taylor", "weighted_powers"]


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


def fold(polynomial: arb_poly) -> arb_poly:
    """The same on [−1, 1] with `TERMS` terms: what is cut off goes into the ball of the constant."""
    if polynomial.length() <= TERMS:
        return polynomial
    return polynomial.truncate(TERMS) + zero_plus_minus(polynomial.right_shift(TERMS)(arb(0, 1)))


def halves(polynomial: arb_poly) -> tuple[arb_poly, arb_poly]:
    """A local polynomial on the two halves of its cell."""
    half = arb(1) / 2
    return polynomial(arb_poly([-half, half])), polynomial(arb_poly([half, half]))


def expand(forms: tuple[BernsteinForm, ...], cells: list[Cell]) -> list[list[arb_poly]]:
    """Local polynomials of polynomials of one degree n, for every cell.

    With D = Δ^j c the forward differences, the Taylor coefficients are

        Q^(j)(p)/j! = C(n,j) Σ_m D_m B_{m,n−j}(p) = (1−p)^{−j}/j! · Σ_m D_m (n−m)(n−m−1)…(n−m−j+1) B_{m,n}(p),

    one product of matrices for all cells; where p > ½, the same from the other end. Nothing cancels but what cancels
    in Q itself. The rest, from j = J on: Σ_m |B_{m,n}(z)| = (|z| + |1−z|)^n ≤ (1 + R²/(p(1−p)))^{n/2} on the circle
    of radius R around p, so by Cauchy |rest| ≤ max|c| (1 + R²/(p(1−p)))^{n/2} (h/R)^J / (1 − h/R), h the cell's radius.
    """
    expanded: list[list[arb_poly]] = []
    for mirrored, side in itertools.groupby(cells, lambda cell: cell.low + cell.high > 1):
        expanded += _expand_side(forms, list(side), mirrored)
    return expanded


def _expand_side(forms: tuple[BernsteinForm, ...], cells: list[Cell], mirrored: bool) -> list[list[arb_poly]]:
    n = forms[0].degree
    distances = [1 - cell.centre if mirrored else cell.centre for cell in cells]
    columns = [bernstein_basis(n, p) for p in distances]
    product = _differences(forms, mirrored, ctx.prec) * arb_mat([list(row) for row in zip(*columns, strict=True)])
    terms, expanded = min(TERMS, n + 1), []
    for k, (cell, p) in enumerate(zip(cells, distances, strict=True)):
        scales = _scales(cell.radius / (p - 1 if mirrored else 1 - p), terms)
        rest = _rest(n, p, cell.radius)
        expanded.append(
            [
                arb_poly([product[i * terms + j, k] * scale / form.denominator for j, scale in enumerate(scales)])
                + zero_plus_minus(rest * ball(form.largest))
                for i, form in enumerate(forms)
            ]
        )
    return expanded


@lru_cache(maxsize=4)
def _differences(forms: tuple[BernsteinForm, ...], mirrored: bool, bits: int) -> arb_mat:
    """Rows j = 0 … TERMS − 1 for every form: (Δ^j c)_m (n−m)(n−m−1)…(n−m−j+1), m = 0 … n."""
    n, rows = forms[0].degree, []
    for form in forms:
        c = [fmpz(x) for x in (reversed(form.numerators) if mirrored else form.numerators)]
        for j, weights in enumerate(_falling(n)):
            rows.append([x * f for x, f in zip(c, weights, strict=False)] + [fmpz(0)] * j)
            c = [b - a for a, b in itertools.pairwise(c)]
    return arb_mat(fmpz_mat(rows)) * arb(1)


@lru_cache(maxsize=4)
def _falling(n: int) -> list[list[fmpz]]:
    """(n−m)(n−m−1)…(n−m−j+1), m = 0 … n, for j = 0 … TERMS − 1."""
    rows = [[fmpz(1)] * (n + 1)]
    for j in range(1, min(TERMS, n + 1)):
        rows.append([f * (n - m - j + 1) for m, f in enumerate(rows[-1])])
    return rows


def _scales(x: arb, terms: int) -> list[arb]:
    """x^j/j!, j = 0 … terms − 1."""
    scales = [arb(1)]
    for j in range(1, terms):
        scales.append(scales[-1] * x / j)
    return scales


def _rest(n: int, p: arb, h: arb) -> arb:
    """A bound, per max|c|, on what `TERMS` terms leave out; the best R is √(p(1−p)J/(n−J))."""
    if n < TERMS:
        return arb(0)
    spread = p * (1 - p)
    R = max((spread * TERMS / max(n - TERMS, 1)).sqrt().mid(), (2 * h).mid())
    return (1 + R**2 / spread) ** (ball(Fraction(n, 2))) * (h / R) ** TERMS / (1 - h / R)


def weighted_powers(target: Target, cell: Cell, count: int) -> list[arb_poly]:
    """Local polynomials of p·r^i, i = 0 … count − 1; for r = ±p^a as one power, so that p·r² = 1 at a = −½."""
    p, a = arb_poly([cell.centre, cell.radius]), target.exponent
    if a is not None:
        sign, exponents = 1 if a > 0 else -1, [1 + i * a for i in range(1, count)]
        return [p] + [sign**i * taylor(partial(BallContext.power, a=b), cell) for i, b in enumerate(exponents, start=1)]
    if count == 1:
        return [p]
    r = taylor(lambda x: target.formula(x, SERIES), cell)
    return list(itertools.accumulate(range(1, count), lambda power, _: fold(power * r), initial=p))


def taylor(function: Callable[[arb_series], arb_series | arb], cell: Cell) -> arb_poly:
    """A local polynomial by Taylor's series with Lagrange's remainder, the next coefficient over the whole cell.

    Not finite where the function may not be defined, nor analytic, in all of the cell.
    """
    try:
        exactly = function(arb_series([cell.centre, cell.radius], prec=TERMS))
        around = function(arb_series([arb(cell.centre, cell.radius), cell.radius], prec=TERMS + 1))
    except (ValueError, ZeroDivisionError):  # flint's, for a divisor that may be 0
        return arb_poly([arb("nan")])
    if isinstance(exactly, arb):  # a constant
        return arb_poly([exactly])
    if isinstance(around, arb) or min(exactly.prec, around.prec - 1) < TERMS:  # the function has divided terms away
        return arb_poly([arb("nan")])
    return arb_poly(exactly.coeffs()) + zero_plus_minus(around[TERMS])

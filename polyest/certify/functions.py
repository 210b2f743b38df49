"""Bias and noise as functions that ball arithmetic can enclose: f(p) = Σ_i u_i(p)·p·r(p)^i with polynomials u_i.

Nothing here, nor anywhere in `polyest.certify`, imports a solver: the coefficients are taken as exact rationals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, arb_poly

from polyest.certify.cells import Cell
from polyest.certify.fixed_point import BernsteinForm
from polyest.certify.local import fold, weighted_powers
from polyest.numbers.balls import BallContext, ball
from polyest.problems.targets import Target

__all__ = ["Curve", "bias", "from_powers", "noise"]


@dataclass(frozen=True)
class Curve:
    """f(p) = Σ_i u_i(p)·p·r(p)^i on (0, 1].

    Attributes:
        target: r.
        forms: polynomials of one degree that the u_i are made of.
        factors: ``factors(x, local)`` makes u_0, u_1, … from local polynomials of p and of the forms.
        near_zero: ``near_zero(ε)`` bounds |f| on (0, ε] from above, as a ball.
        is_zero: whether f is known to be 0 everywhere.
        signs: (1, −1) where sup |f| is asked for, (1,) for sup f.
    """

    target: Target
    forms: tuple[BernsteinForm, ...]
    factors: Callable[[arb_poly, Sequence[arb_poly]], list[arb_poly]]
    near_zero: Callable[[arb], arb]
    is_zero: bool = False
    signs: tuple[int, ...] = (1,)

    def on(self, cell: Cell) -> arb_poly:
        """The local polynomial of f, from those of its forms."""
        factors = self.factors(arb_poly([cell.centre, cell.radius]), list(map(fold, cell.local)))
        weights = weighted_powers(self.target, cell, len(factors))
        return fold(sum((u * w for u, w in zip(factors, weights, strict=True)), arb_poly([])))


def bias(target: Target, coefficients: Sequence[float | Fraction]) -> Curve:
    """e(p) = p·(Q_c(p) − r(p)), theory.md §2; sup |e| is asked for."""
    c, r, largest = [Fraction(x) for x in coefficients], target.polynomial, _largest(coefficients)
    if r is not None:
        degree = max(len(c), len(r)) - 1
        c = [a - b for a, b in zip(_elevated(c, degree), from_powers(r, degree), strict=True)]
    form = BernsteinForm.of(c)

    def near_zero(epsilon: arb) -> arb:
        return epsilon * ball(largest) + _size(target, 1, epsilon)

    def factors(x: arb_poly, local: Sequence[arb_poly]) -> list[arb_poly]:
        return list(local) if r is not None else [local[0], arb_poly([-1])]

    return Curve(target, (form,), factors, near_zero, r is not None and form.is_zero(), signs=(1, -1))


def noise(target: Target, coefficients: Sequence[float | Fraction]) -> Curve:
    """V_c(p) = p Σ_m B_m ((m+1)/K)(c_m − r)² − p²(Q_c − r)², sorted by powers of r, theory.md §2.

    Near 0: V_c ≤ p (max|c| + |r|)² Σ_m B_m (m+1)/K = (√p·max|c| + √p·|r|)² (1 + (K−1)p)/K.
    """
    K, c, largest = len(coefficients), [Fraction(x) for x in coefficients], _largest(coefficients)
    shared = [[x**k * Fraction(m + 1, K) for m, x in enumerate(c)] for k in (2, 1)]

    def near_zero(epsilon: arb) -> arb:
        size = epsilon.sqrt() * ball(largest) + _size(target, Fraction(1, 2), epsilon)
        return size**2 * (1 + (K - 1) * epsilon) / K

    def factors(x: arb_poly, local: Sequence[arb_poly]) -> list[arb_poly]:
        q, squares, products = local
        weighted = fold(x * q)
        return [squares - fold(weighted * q), 2 * (weighted - products), (1 - x) * ball(Fraction(1, K))]

    return Curve(
        target, tuple(map(BernsteinForm.of, (c, *shared))), factors, near_zero, is_zero=_is_constant(target, c)
    )


def _largest(coefficients: Sequence[float | Fraction]) -> Fraction:
    return max(abs(Fraction(x)) for x in coefficients)


def _size(target: Target, power: Fraction | int, epsilon: arb) -> arb:
    """A bound on p^power·|r(p)| for p ≤ ε."""
    C, alpha = target.growth
    return ball(C) * BallContext.power(epsilon, power - alpha)


def _is_constant(target: Target, c: list[Fraction]) -> bool:
    """Whether c_m = r(p) for all m and p, which is when the noise is 0 everywhere."""
    r = target.polynomial
    return r is not None and len(r) == 1 and all(x == r[0] for x in c)


def _elevated(c: list[Fraction], degree: int) -> list[Fraction]:
    """The Bernstein coefficients of the same polynomial for a higher degree."""
    for n in range(len(c), degree + 1):
        c = [
            Fraction(m, n) * a + Fraction(n - m, n) * b
            for m, (a, b) in enumerate(zip([Fraction(0), *c], [*c, Fraction(0)], strict=True))
        ]
    return c


def from_powers(powers: Sequence[Fraction], degree: int) -> list[Fraction]:
    """Bernstein coefficients of Σ_j a_j p^j: c_m = Σ_j a_j C(m,j)/C(n,j)."""
    return [
        sum((a * Fraction(math.comb(m, j), math.comb(degree, j)) for j, a in enumerate(powers)), Fraction(0))
        for m in range(degree + 1)
    ]

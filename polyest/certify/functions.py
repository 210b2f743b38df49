"""Bias and noise as functions that ball arithmetic can enclose: f(p) = Σ_i u_i(p)·p·r(p)^i with exact polynomials u_i.

Nothing here, nor anywhere in `polyest.certify`, imports a solver: the coefficients are taken as exact rationals.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import arb, arb_poly, arb_series, fmpq, fmpq_poly

from polyest.targets import Target

__all__ = ["BallContext", "TargetPolynomial", "bias", "noise", "rational"]


class BallContext:
    """The functions a target may use, on balls and on power series of balls."""

    @staticmethod
    def log(x: Any) -> Any:
        return x.log()

    @staticmethod
    def exp(x: Any) -> Any:
        return x.exp()

    @staticmethod
    def sqrt(x: Any) -> Any:
        return x.sqrt()

    @staticmethod
    def power(x: Any, a: Fraction) -> Any:
        return x ** int(a) if a.denominator == 1 and a >= 0 else (x.log() * arb(rational(a))).exp()

    @staticmethod
    def rational(value: Fraction | int) -> Any:
        return arb(rational(value))


def rational(value: Fraction | int | float) -> Any:
    """An exact rational, or the exact value of a float, as an fmpq."""
    exact = Fraction(value)
    return fmpq(exact.numerator, exact.denominator)


@dataclass(frozen=True)
class TargetPolynomial:
    """f(p) = Σ_i parts[i](p)·p·r(p)^i on (0, 1].

    Attributes:
        target: r.
        parts: exact polynomials u_0, u_1, …
        near_zero: ``near_zero(ε)`` bounds |f| on (0, ε] from above, as a ball.
        bits: precision at which the power basis of the parts still has digits to spare.
    """

    target: Target
    parts: tuple[Any, ...]
    near_zero: Any
    bits: int

    def __neg__(self) -> TargetPolynomial:
        return replace(self, parts=tuple(-u for u in self.parts))

    def is_zero(self) -> bool:
        """Whether f is the zero polynomial; only a polynomial target, merged into u_0, makes that possible."""
        return len(self.parts) == 1 and self.parts[0] == 0

    def in_balls(self) -> TargetPolynomial:
        """The same with its polynomials rounded to balls of the current precision, which has to be `bits` or more."""
        return replace(self, parts=tuple(map(arb_poly, self.parts)))

    def at(self, point: Any) -> Any:
        """The Taylor series of f at a point, to second order."""
        x = arb_series([point, 1], prec=3)
        return self._combine([_evaluate_series(u, x) for u in self.parts], x)

    def over(self, centre: Any, radius: Any) -> Any:
        """Enclosures of f, f' and f''/2 over centre ± radius, as the coefficients of a series."""
        x = arb_series([arb(centre, radius), 1], prec=3)
        return self._combine([_enclose_series(u, centre, radius) for u in self.parts], x)

    def _combine(self, parts: list[Any], x: Any) -> Any:
        terms = [part * weight for part, weight in zip(parts, self._weighted_powers(x), strict=True)]
        return sum(terms[1:], terms[0])

    def _weighted_powers(self, x: Any) -> list[Any]:
        """p·r^i, i = 0, 1, …; for r = ±p^a as one power, so that p·r² = 1 at a = −½ without cancellation."""
        a = self.target.exponent
        if a is not None:
            sign = 1 if a > 0 else -1
            return [sign**i * BallContext.power(x, 1 + i * a) for i in range(len(self.parts))]
        r, powers = self.target.formula(x, BallContext) if len(self.parts) > 1 else None, [x]
        while len(powers) < len(self.parts):
            powers.append(powers[-1] * r)
        return powers


def _evaluate_series(u: Any, x: Any) -> Any:
    point = x.coeffs()[0]
    d1 = u.derivative()
    return arb_series([u(point), d1(point), d1.derivative()(point) / 2], prec=3)


def _enclose_series(u: Any, centre: Any, radius: Any) -> Any:
    shifted = u(arb_poly([centre, radius]))
    unit = arb(0, 1)
    d1 = shifted.derivative()
    return arb_series([shifted(unit), d1(unit) / radius, d1.derivative()(unit) / (2 * radius**2)], prec=3)


def bias(target: Target, coefficients: Sequence[float]) -> TargetPolynomial:
    """e(p) = p·(Q_c(p) − r(p)), theory.md §2."""
    K = len(coefficients)
    bits = _bits(target, K)
    q = power_basis(coefficients)
    if target.polynomial is not None:
        parts: tuple[Any, ...] = (q - fmpq_poly([rational(a) for a in target.polynomial]),)
    else:
        parts = (q, fmpq_poly([-1]))
    C, alpha = target.growth
    largest = max(abs(c) for c in coefficients)

    def near_zero(epsilon: Any) -> Any:
        return epsilon * arb(rational(largest)) + arb(rational(C)) * BallContext.power(epsilon, 1 - alpha)

    return TargetPolynomial(target, parts, near_zero, bits)


def noise(target: Target, coefficients: Sequence[float]) -> TargetPolynomial:
    """V_c(p) = p Σ_m B_m ((m+1)/K)(c_m − r)² − p²(Q_c − r)², sorted by powers of r, theory.md §2."""
    K, p = len(coefficients), fmpq_poly([0, 1])
    bits = _bits(target, K)
    c = [Fraction(x) for x in coefficients]
    share = [Fraction(m + 1, K) for m in range(K)]
    q = power_basis(c)
    squares, products = (power_basis([s * x**k for s, x in zip(share, c, strict=True)]) for k in (2, 1))
    shares = fmpq_poly([fmpq(1, K), fmpq(K - 1, K)])
    parts: tuple[Any, ...] = (squares - p * q**2, 2 * p * q - 2 * products, shares - p)
    if target.polynomial is not None:
        r = fmpq_poly([rational(a) for a in target.polynomial])
        parts = (parts[0] + parts[1] * r + parts[2] * r**2,)
    C, alpha = target.growth
    largest = max(abs(x) for x in coefficients)

    def near_zero(epsilon: Any) -> Any:
        size = arb(rational(C)) * BallContext.power(epsilon, Fraction(1, 2) - alpha)
        own = (1 + (K - 1) * epsilon) / K
        return (
            own * size**2 + 2 * epsilon.sqrt() * size * arb(rational(largest)) + epsilon * arb(rational(largest)) ** 2
        )

    return TargetPolynomial(target, parts, near_zero, bits)


def _bits(target: Target, group_size: int) -> int:
    """Enough for the power basis; more where the noise has a finite limit at 0 that no ε makes negligible."""
    return 192 + 5 * group_size + (320 if target.growth[1] >= Fraction(1, 2) else 0)


def power_basis(coefficients: Sequence[float | Fraction]) -> Any:
    """Σ_m c_m B_{m,n}(p) in powers of p, exactly: a_j = C(n,j)·(Δ^j c)_0."""
    c = [Fraction(x) for x in coefficients]
    scale = math.lcm(*(x.denominator for x in c))
    differences = [int(x * scale) for x in c]
    n = len(c) - 1
    powers = []
    for j in range(n + 1):
        powers.append(fmpq(math.comb(n, j) * differences[0], scale))
        differences = [b - a for a, b in itertools.pairwise(differences)]
    return fmpq_poly(powers)

"""Polynomials in fixed point on [−1, 1]: whole numbers of a unit that is the caller's, and an error that is proved.

Halving expands them anew around the middles of the halves, where they have fewer terms; only whole numbers are added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpz, fmpz_poly

__all__ = ["BernsteinForm", "FixedPoint"]

LEAST_ERROR = 16  # units that it does no harm to be off by
STEPS = fmpz_poly([-1, 1]), fmpz_poly([1, 1])


@dataclass(frozen=True)
class FixedPoint:
    """A function of t ∈ [−1, 1] that is Σ_j a_j t^j up to `error`, all in units of the caller's."""

    polynomial: fmpz_poly
    error: int

    @classmethod
    def of(cls, polynomial: fmpz_poly, error: int) -> FixedPoint:
        """Without the last coefficients, as long as they add little to the error."""
        terms, dropped, most = polynomial.length(), fmpz(0), max(error, LEAST_ERROR)
        while terms > 1 and dropped + abs(polynomial[terms - 1]) <= most:
            terms -= 1
            dropped += abs(polynomial[terms])
        return cls(polynomial.truncate(terms), error + int(dropped))

    def halves(self) -> tuple[FixedPoint, FixedPoint]:
        """The same on [−1, 0] and on [0, 1], with t = (u ∓ 1)/2."""
        bits = max(self.polynomial.degree(), 0)
        scaled = fmpz_poly([a << (bits - j) for j, a in enumerate(self.polynomial.coeffs())])  # 2^bits·Σ a_j (u/2)^j
        left, right = (FixedPoint.of(scaled(step) // (1 << bits), self.error + bits + 1) for step in STEPS)
        return left, right


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

    def in_units(self, bits: int) -> FixedPoint:
        """In powers of t, p = (1 + t)/2, and units of 2^−bits.

        With g(x) = Σ_m C(n,m) c_m x^m it is 2^−n (1−t)^n g((1+t)/(1−t)), and (1+t)/(1−t) = 2/s − 1, s = 1 − t.
        """
        n = self.degree
        g = fmpz_poly([math.comb(n, m) * c for m, c in enumerate(self.numerators)])
        shifted = g(fmpz_poly([-1, 1]))
        in_s = fmpz_poly([shifted[n - k] << (n - k) for k in range(n + 1)])
        unit = self.denominator << n
        return FixedPoint.of(in_s(fmpz_poly([1, -1])) * (1 << bits) // unit, n + 1)

"""Polynomials in fixed point on [−1, 1]: whole numbers of a unit that is the caller's, and an error that is proved.

Halving expands them anew around the middles of the halves, where they have fewer terms; only whole numbers are added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpz, fmpz_poly

__all__ = ["BernsteinForm", "FixedPoint"]

LEAST_ERROR = 16  # units that it does no harm to be off by


@dataclass(frozen=True)
class FixedPoint:
    """A function of t ∈ [−1, 1] that is Σ_j a_j t^j up to `error`, all in units of the caller's."""

    coefficients: list[fmpz]
    error: int

    @classmethod
    def of(cls, coefficients: Sequence[int | fmpz], error: int) -> FixedPoint:
        """Without the last coefficients, as long as they add little to the error."""
        kept, dropped, most = list(map(fmpz, coefficients)) or [fmpz(0)], 0, max(error, LEAST_ERROR)
        while len(kept) > 1 and dropped + abs(kept[-1]) <= most:
            dropped += int(abs(kept.pop()))
        return cls(kept, error + dropped)

    def halves(self) -> tuple[FixedPoint, FixedPoint]:
        """The same on [−1, 0] and on [0, 1], with t = (u ∓ 1)/2."""
        bits = len(self.coefficients) - 1
        scaled = fmpz_poly([a << (bits - j) for j, a in enumerate(self.coefficients)])  # 2^bits·Σ a_j (u/2)^j
        left, right = (scaled(fmpz_poly([sign, 1])) for sign in (-1, 1))
        return self._rounded(left, bits), self._rounded(right, bits)

    def _rounded(self, polynomial: fmpz_poly, bits: int) -> FixedPoint:
        return FixedPoint.of([a >> bits for a in polynomial.coeffs()], self.error + bits + 1)


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
        powers = in_s(fmpz_poly([1, -1])).coeffs()
        return FixedPoint.of([(a << bits) // unit for a in powers], n + 1)

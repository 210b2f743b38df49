"""Means of targets under Beta(m+1, K−m), as exact rationals."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate

__all__ = ["harmonics", "polynomial_mean", "ratios"]


@lru_cache(maxsize=8)
def harmonics(n: int) -> list[Fraction]:
    """Σ_{j=1}^m 1/j, m = 0 … n."""
    return list(accumulate((Fraction(1, j) for j in range(1, n + 1)), initial=Fraction(0)))


@lru_cache(maxsize=8)
def ratios(a: Fraction, n: int) -> list[Fraction]:
    """Π_{j=1}^m j/(j + a), m = 0 … n."""
    return list(accumulate((j / (j + a) for j in range(1, n + 1)), operator.mul, initial=Fraction(1)))


def polynomial_mean(coefficients: Sequence[Fraction], m: int, K: int) -> Fraction:
    """E[Σ_j a_j p^j], p ~ Beta(m+1, K−m).

    >>> polynomial_mean([Fraction(0), Fraction(1)], 0, 2)
    Fraction(1, 3)
    """
    unit = math.lcm(*(a.denominator for a in coefficients))
    total, below = 0, 1  # of Horner's scheme, in whole numbers: E[p^j] = Π_{i<j} (m+1+i)/(K+1+i)
    for j, a in reversed(list(enumerate(coefficients))):
        below *= K + 1 + j
        total = a.numerator * (unit // a.denominator) * below + (m + 1 + j) * total
    return Fraction(total, unit * below)

"""mpmath's floats, of any precision: quadrature, and to check others."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import TypeVar, cast

import mpmath

from polyest.numbers.conversion import elementwise

__all__ = ["Multiprecision"]

T = TypeVar("T")


class Multiprecision:
    """The functions a target may use, on mpmath numbers of its own precision: for quadrature, and to check others.

    >>> ctx = Multiprecision(30)
    >>> str(ctx.log(ctx.rational(Fraction(1, 2))))
    '-0.693147180559945309417232121458'
    """

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.mp = mpmath.mp.clone()
        self.mp.dps = digits
        self.log, self.exp, self.sqrt = (elementwise(f) for f in (self.mp.log, self.mp.exp, self.mp.sqrt))

    def power(self, x: T, a: Fraction) -> T:
        return cast("T", elementwise(partial(pow, exp=self.rational(a)))(x))

    def rational(self, value: Fraction | int) -> mpmath.mpf:
        exact = Fraction(value)
        return self.mp.mpf(exact.numerator) / exact.denominator

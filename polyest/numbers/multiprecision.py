"""mpmath's floats, of any precision: quadrature, constants, oracles."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

import mpmath
import numpy as np

from polyest.numbers.conversion import elementwise

if TYPE_CHECKING:
    from polyest.numbers.conversion import Objects, Scalar

__all__ = ["Multiprecision"]


class Multiprecision:
    """The functions a target may use, on mpmath numbers of its own precision; accepts object arrays too.

    >>> ctx = Multiprecision(30)
    >>> str(ctx.log(ctx.rational(Fraction(1, 2))))
    '-0.693147180559945309417232121458'
    """

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.mp = mpmath.mp.clone()
        self.mp.dps = digits
        self.log, self.exp, self.sqrt = (elementwise(f) for f in (self.mp.log, self.mp.exp, self.mp.sqrt))

    def power(self, x: mpmath.mpf | Objects, a: Fraction) -> mpmath.mpf | Objects:
        exponent = self.rational(a)
        return elementwise(lambda value: self.mp.power(value, exponent))(x)

    def rational(self, value: Fraction | int) -> mpmath.mpf:
        exact = Fraction(value)
        return self.mp.mpf(exact.numerator) / exact.denominator

    def array(self, values: Iterable[Scalar]) -> Objects:
        """Floats, rationals or mpmath numbers as an object array of this precision."""
        numbers = [self.rational(v) if isinstance(v, Fraction) else self.mp.mpf(v) for v in values]
        return np.array(numbers, dtype=object)

"""The plug-in table c_m = r((m+1)/K): what everybody uses (theory.md §3)."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction

from polyest.problems.targets import Target

__all__ = ["DecimalContext", "coefficients"]

DIGITS = 60


class DecimalContext:
    """The functions a target may use, on decimals; each result is correctly rounded to `DIGITS` digits."""

    def log(self, x: Decimal) -> Decimal:
        return x.ln()

    def exp(self, x: Decimal) -> Decimal:
        return x.exp()

    def sqrt(self, x: Decimal) -> Decimal:
        return x.sqrt()

    def power(self, x: Decimal, a: Fraction) -> Decimal:
        return x ** int(a) if a.denominator == 1 else x ** self.rational(a)

    def rational(self, value: Fraction | int) -> Decimal:
        exact = Fraction(value)
        return Decimal(exact.numerator) / exact.denominator


def coefficients(target: Target, group_size: int) -> tuple[float, ...]:
    """The K plug-in coefficients, rounded once from 60 digits.

    >>> from polyest.problems.targets import get_target
    >>> coefficients(get_target("log"), 2)
    (-0.6931471805599453, 0.0)
    """
    ctx = DecimalContext()
    with decimal.localcontext(prec=DIGITS):
        values = (target.formula(ctx.rational(Fraction(m + 1, group_size)), ctx) for m in range(group_size))
        return tuple(float(value) + 0.0 for value in values)

"""Python's decimals: plug-in tables, and checks of a bound that a user gives."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

__all__ = ["DIGITS", "DecimalContext"]

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

"""Exact rationals as text."""

from __future__ import annotations

import decimal
from fractions import Fraction

__all__ = ["decimal_text", "is_decimal", "rational_text", "short_text"]


def is_decimal(value: Fraction) -> bool:
    """Whether `value` has a terminating decimal expansion."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def decimal_text(value: Fraction) -> str:
    """The shortest exact decimal text of a terminating decimal.

    >>> decimal_text(Fraction(3, 2)), decimal_text(Fraction(64))
    ('1.5', '64')
    """
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    scaled = str(abs(value.numerator) * 10**digits // value.denominator).rjust(digits + 1, "0")
    text = f"{scaled[:-digits]}.{scaled[-digits:]}" if digits else scaled
    return f"-{text}" if value < 0 else text


def rational_text(value: Fraction) -> str:
    """The exact text of a rational: a decimal where that ends, else a fraction.

    >>> rational_text(Fraction(1, 4)), rational_text(Fraction(1, 3))
    ('0.25', '1/3')
    """
    return decimal_text(value) if is_decimal(value) else f"{value.numerator}/{value.denominator}"


def short_text(value: Fraction, digits: int = 6) -> str:
    """About so many digits of a rational, of any size.

    >>> short_text(Fraction(1, 3)), short_text(Fraction(10) ** 9999)
    ('0.333333', '1e+9999')
    """
    with decimal.localcontext(prec=digits, Emin=-999_999, Emax=999_999):
        return f"{(decimal.Decimal(value.numerator) / value.denominator).normalize():g}"

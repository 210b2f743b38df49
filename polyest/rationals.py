"""Exact rationals as text."""

from __future__ import annotations

from fractions import Fraction

__all__ = ["decimal_text", "is_decimal", "rational_text"]


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

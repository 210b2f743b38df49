"""Exact rationals as text, and text as exact rationals."""

from __future__ import annotations

import decimal
import re
from fractions import Fraction

from polyest.errors import ArgumentError, shortened

__all__ = ["MOST_DIGITS", "bounded_rational", "decimal_text", "is_decimal", "rational_text", "rounded_text"]

MOST_DIGITS = 1000  # of a number written out: far below what Python refuses to print, far above what a name can hold
TEXT = re.compile(r"[+-]?(?P<number>[\d_]*(?:\.[\d_]*)?(?:/[\d_]+)?)(?:[eE](?P<exponent>[+-]?\d{1,5}))?")


def bounded_rational(value: object, argument: str, required: str = "be a finite number") -> Fraction:
    """The exact value of a number or of its text, refused before any big number is built.

    >>> bounded_rational("1e-3", "bias_budget"), bounded_rational("1/3", "target")
    (Fraction(1, 1000), Fraction(1, 3))

    Raises:
        ArgumentError: `argument` is no finite number, or has more than `MOST_DIGITS` digits written out.
    """
    try:
        number = value if isinstance(value, Fraction) else Fraction(_short_text(value))
    except (ValueError, ZeroDivisionError):  # among them integers too long to be printed
        number = None
    if number is None or max(abs(number.numerator), number.denominator) >= 10**MOST_DIGITS:
        raise ArgumentError(
            f"`{argument}` must {required} of at most {MOST_DIGITS} digits when written out; got {shortened(value)}; "
            "write it as 2, 0.5 or 1e-3"
        )
    return number


def _short_text(value: object) -> str:
    """The text of a number, if its digits and its exponent are within bounds."""
    text = str(value).strip()
    match = TEXT.fullmatch(text)
    if match is None or len(text) > 3 * MOST_DIGITS or abs(int(match["exponent"] or 0)) > MOST_DIGITS:
        raise ValueError
    return text


def is_decimal(value: Fraction) -> bool:
    """Whether `value` has a terminating decimal expansion."""
    return pow(10, value.denominator.bit_length(), value.denominator) == 0


def decimal_text(value: Fraction) -> str:
    """The shortest exact decimal text of a terminating decimal.

    >>> decimal_text(Fraction(3, 2)), decimal_text(Fraction(64))
    ('1.5', '64')
    """
    digits = _decimal_places(value.denominator)
    scaled = str(abs(value.numerator) * 10**digits // value.denominator).rjust(digits + 1, "0")
    text = f"{scaled[:-digits]}.{scaled[-digits:]}" if digits else scaled
    return f"-{text}" if value < 0 else text


def _decimal_places(denominator: int) -> int:
    """The least n with 10^n divisible by `denominator`, a product of twos and fives."""
    twos = (denominator & -denominator).bit_length() - 1
    fives, rest = 0, denominator >> twos
    while rest > 1:
        fives, rest = fives + 1, rest // 5
    return max(twos, fives)


def rational_text(value: Fraction) -> str:
    """The exact text of a rational: a decimal where that ends, else a fraction.

    >>> rational_text(Fraction(1, 4)), rational_text(Fraction(1, 3))
    ('0.25', '1/3')
    """
    return decimal_text(value) if is_decimal(value) else f"{value.numerator}/{value.denominator}"


def rounded_text(value: Fraction, digits: int = 6) -> str:
    """About so many digits of a rational, of any size.

    >>> rounded_text(Fraction(1, 3)), rounded_text(Fraction(10) ** 9999)
    ('0.333333', '1e+9999')
    """
    with decimal.localcontext(prec=digits, Emin=-999_999, Emax=999_999):
        return f"{(decimal.Decimal(value.numerator) / value.denominator).normalize():g}"

"""Coefficients and weights as a caller lists them, read as exact numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from fractions import Fraction

from polyest.errors import ArgumentError, shortened
from polyest.numbers.rationals import bounded_rational
from polyest.problems.target_names import LARGEST_PARAMETER

__all__ = ["read_coefficients"]

REMEDY = "give a list of numbers, or rescale them"


def read_coefficients(argument: str, values: object, most: int) -> tuple[Fraction, ...]:
    """Numbers in the order in which they are listed, floats by their exact value.

    Args:
        argument: the caller's name for them.
        values: what came.
        most: how many there may be.

    Raises:
        ArgumentError: what has no order, is text, or has more numbers; no finite ones, or ones beyond ±1e100, of which
            float64 might not hold the tables.

    >>> read_coefficients("weights", [0.5, "1/3", 2], 1024)
    (Fraction(1, 2), Fraction(1, 3), Fraction(2, 1))
    """
    masked = hasattr(values, "mask") and hasattr(values, "filled")
    given = values.tolist() if hasattr(values, "tolist") else values
    if masked or not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping | Set):
        came = "a masked array" if masked else shortened(values)
        raise ArgumentError(f"`{argument}` must be finite numbers, in order, got {came}; {REMEDY}")
    listed = list(given)
    if len(listed) > most:
        raise ArgumentError(
            f"`{argument}` must be at most {most}, enough for the largest groups, got {len(listed)}; leave some out"
        )
    exact = tuple(_exact(argument, value) for value in listed)
    if any(abs(number) > LARGEST_PARAMETER for number in exact):
        raise ArgumentError(f"`{argument}` must be between −1e100 and 1e100, got {shortened(listed)}; {REMEDY}")
    return exact


def _exact(argument: str, value: object) -> Fraction:
    read = getattr(value, "item", None) if getattr(value, "ndim", None) == 0 and not hasattr(value, "mask") else None
    number: object = read() if read else value
    if isinstance(number, float) and math.isfinite(number):
        number = Fraction(number)
    return bounded_rational(number, argument, "be finite numbers, each")

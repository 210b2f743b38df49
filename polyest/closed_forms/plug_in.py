"""The plug-in table c_m = r((m+1)/K): what everybody uses (theory.md §3)."""

from __future__ import annotations

import decimal
from fractions import Fraction

from polyest.numbers.decimals import DIGITS, DecimalContext
from polyest.problems.targets import Target

__all__ = ["coefficients"]


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

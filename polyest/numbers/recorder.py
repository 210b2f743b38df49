"""Floats that leave a record of what a formula takes logarithms and roots of: where it stops being analytic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from polyest.numbers.float64 import NumpyContext, Real

__all__ = ["Recorder"]


class Recorder:
    """float64, and what the functions are called with that are not analytic at 0."""

    exp, rational = staticmethod(np.exp), staticmethod(NumpyContext.rational)

    def __init__(self) -> None:
        self.calls: list[tuple[str, Real]] = []

    def log(self, x: Real) -> Real:
        self.calls.append(("log", x))
        return np.log(x)

    def sqrt(self, x: Real) -> Real:
        self.calls.append(("sqrt", x))
        return np.sqrt(x)

    def power(self, x: Real, a: Fraction) -> Real:
        if Fraction(a).denominator > 1:
            self.calls.append(("power", x))
        return NumpyContext.power(x, a)

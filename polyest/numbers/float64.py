"""Floats of 53 binary digits, and arrays of them: plots, games, the solvers' first approximation."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from numpy.typing import NDArray

    from polyest.numbers.conversion import Floats, Scalar

__all__ = ["FLOAT64", "Double", "NumpyContext", "Real"]

Real: TypeAlias = "float | NDArray[np.float64]"


class NumpyContext:
    """The functions a target may use, on float64 arrays."""

    log = staticmethod(np.log)
    exp = staticmethod(np.exp)
    sqrt = staticmethod(np.sqrt)

    @staticmethod
    def power(x: Real, a: Fraction) -> Real:
        return np.power(x, float(a))

    @staticmethod
    def rational(value: Fraction | int) -> Real:
        return float(value)


class Double(NumpyContext):
    """The same, as the solvers take it.

    >>> from fractions import Fraction
    >>> FLOAT64.array([Fraction(1, 2)])
    array([0.5])
    """

    digits = 16

    @staticmethod
    def array(values: Iterable[Scalar]) -> Floats:
        """Numbers of any kind, rounded."""
        return np.array([float(v) for v in values])


FLOAT64 = Double()

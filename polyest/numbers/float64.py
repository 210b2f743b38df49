"""Floats of 53 binary digits, and arrays of them: plots, games, the solvers' first approximation."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

__all__ = ["NumpyContext", "Real"]

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

"""From one kind of number to another, exactly, by way of a `Fraction`; loads none of their libraries."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import numpy as np

if TYPE_CHECKING:
    import flint
    import gmpy2
    import mpmath
    from numpy.typing import NDArray

__all__ = ["Array", "Floating", "Floats", "Scalar", "elementwise", "to_fraction"]

Floats: TypeAlias = "NDArray[np.float64]"
Array: TypeAlias = "NDArray[np.floating] | NDArray[np.object_]"
Floating: TypeAlias = "float | np.floating | gmpy2.mpfr"
Scalar: TypeAlias = "float | np.floating | gmpy2.mpfr | Fraction | mpmath.mpf | flint.arb"
T = TypeVar("T")


def to_fraction(value: Scalar) -> Fraction:
    """The exact value of a float of any width, an mpmath or gmpy2 number, or a ball of FLINT's without radius.

    >>> to_fraction(0.75)
    Fraction(3, 4)
    """
    if callable(getattr(value, "man_exp", None)):
        size, exponent = cast("flint.arb", value).man_exp()
    elif hasattr(value, "man_exp"):  # mpmath's, which leaves out the sign there
        sign, size, exponent, _ = cast("mpmath.mpf", value)._mpf_
        size = -size if sign else size
    else:
        return Fraction(*map(int, cast("float", value).as_integer_ratio()))
    return Fraction(int(size)) * Fraction(2) ** int(exponent)


def elementwise(function: Callable[[T], T]) -> Callable[[T], T]:
    """The function, on object arrays entry by entry."""
    over_arrays = np.frompyfunc(function, 1, 1)
    return lambda x: cast("T", over_arrays(x)) if isinstance(x, np.ndarray) else function(x)

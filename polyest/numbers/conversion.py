"""From one kind of number to another, exactly, by way of a `Fraction`; loads none of their libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar, cast

import numpy as np

if TYPE_CHECKING:
    import flint
    import gmpy2
    import mpmath
    from numpy.typing import NDArray

__all__ = ["Array", "Context", "Objects", "Scalar", "elementwise", "exact"]

Objects: TypeAlias = "NDArray[np.object_]"
Array: TypeAlias = "NDArray[np.float64] | NDArray[np.longdouble] | Objects"
Scalar: TypeAlias = "float | Fraction | np.floating | gmpy2.mpfr | mpmath.mpf | flint.arb"
X = TypeVar("X")


class Context(Protocol):
    """What solvers need of a context beside its functions."""

    digits: int

    def array(self, values: Iterable[Scalar], /) -> Array:
        """Numbers of any kind as an array of this one."""


def exact(value: Scalar) -> Fraction:
    """The exact value of a float of any width, an mpmath or gmpy2 number, or a ball of FLINT's without radius.

    >>> exact(0.75)
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


def elementwise(function: Callable[[X], X]) -> Callable[[X | Objects], X | Objects]:
    """The same function on numbers, and on object arrays of them."""
    over_arrays = np.frompyfunc(function, 1, 1)
    return lambda x: over_arrays(x) if isinstance(x, np.ndarray) else function(x)

"""The widest floats of the hardware: the solvers, while they suffice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

import flint
import numpy as np

from polyest.numbers.conversion import to_fraction
from polyest.numbers.mpfr import GUARD_BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.numbers.conversion import Scalar

__all__ = ["Extended"]


class Extended:
    """The same on the widest floats of the hardware: 64 binary digits on x86, 53 where there are no more.

    >>> float(Extended().rational(Fraction(1, 2)))
    0.5
    """

    digits = 20
    log, exp, sqrt = np.log, np.exp, np.sqrt

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Inside this context manager FLINT's numbers have some more digits."""
        with flint.ctx.workprec(64 + GUARD_BITS):
            yield

    def power(self, x: NDArray[np.longdouble], a: Fraction) -> NDArray[np.longdouble]:
        return np.power(x, self.rational(a))

    def rational(self, value: Fraction | int) -> np.longdouble:
        exact = Fraction(value)
        return np.longdouble(exact.numerator) / np.longdouble(exact.denominator)

    def array(self, values: Iterable[Scalar]) -> NDArray[np.longdouble]:
        """Floats, rationals or multi-precision numbers as an array."""
        floats = (float, np.longdouble)
        return np.array([v if isinstance(v, floats) else self.rational(to_fraction(v)) for v in values], np.longdouble)

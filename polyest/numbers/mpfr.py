"""gmpy2's floats of any precision, those of MPFR: the solvers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

import flint
import gmpy2
import numpy as np

from polyest.numbers.conversion import elementwise, to_fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.numbers.conversion import Scalar

__all__ = ["Mpfr", "mpfr"]

T = TypeVar("T")
GUARD_BITS = 64  # of FLINT's numbers: matrices are where digits are lost
ONE = gmpy2.mpfr(1)  # to multiply by it is five times as fast as to call gmpy2.mpfr


class Mpfr:
    """The functions a target may use, on gmpy2's numbers, which take the precision of the `with` they meet in.

    They are ten times as fast as mpmath's (`polyest.numbers.multiprecision`).

    >>> ctx = Mpfr(30)
    >>> with ctx.precision():
    ...     str(ctx.log(ctx.rational(Fraction(1, 2))))[:32]
    '-0.69314718055994530941723212145'
    """

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.log, self.exp, self.sqrt = (elementwise(f) for f in (gmpy2.log, gmpy2.exp, gmpy2.sqrt))

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Inside this context manager results are rounded to `digits` decimal digits, those of FLINT to some more."""
        bits = math.ceil(self.digits * math.log2(10)) + 4
        with gmpy2.context(gmpy2.get_context(), precision=bits), flint.ctx.workprec(bits + GUARD_BITS):
            yield

    def power(self, x: T, a: Fraction) -> T:
        return cast("T", elementwise(partial(pow, exp=self.rational(a)))(x))

    def rational(self, value: Fraction | int) -> gmpy2.mpfr:
        exact = Fraction(value)
        return gmpy2.mpfr(gmpy2.mpq(exact.numerator, exact.denominator))

    def array(self, values: Iterable[Scalar]) -> NDArray[np.object_]:
        """Floats, rationals or numbers of any precision as an object array."""
        return np.array([self._number(v) for v in values], dtype=object)

    def _number(self, value: Scalar) -> gmpy2.mpfr:
        if isinstance(value, gmpy2.mpfr):
            return value
        if isinstance(value, float):
            return ONE * value
        if isinstance(value, flint.arb):
            return mpfr(value)
        return self.rational(to_fraction(value))


def mpfr(value: flint.arb) -> gmpy2.mpfr:
    """A number of FLINT's, which has no radius, as one of gmpy2's."""
    mantissa, exponent = map(int, value.man_exp())
    return ONE * mantissa * (1 << exponent) if exponent >= 0 else ONE * mantissa / (1 << -exponent)

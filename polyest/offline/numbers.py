"""Numbers for the solvers: float64, wider floats and multi-precision, and jets that carry two derivatives through any
target."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Generic, TypeAlias, TypeVar, cast

import flint
import gmpy2
import mpmath
import numpy as np
from numpy.typing import NDArray

from polyest.numbers.protocol import Functions, N
from polyest.polynomials.bernstein import NumpyContext
from polyest.problems.targets import Target

__all__ = ["FLOAT64", "Array", "Double", "Extended", "Floating", "Floats", "Jet", "Mpfr", "Multiprecision", "Scalar"]
__all__ += ["mpfr", "to_fraction", "weighted_target"]

Floats: TypeAlias = NDArray[np.float64]
Array: TypeAlias = NDArray[np.floating] | NDArray[np.object_]
Floating: TypeAlias = float | np.floating | gmpy2.mpfr
Scalar: TypeAlias = Floating | Fraction | mpmath.mpf | flint.arb
T = TypeVar("T")

GUARD_BITS = 64  # of FLINT's numbers: matrices are where digits are lost
ONE = gmpy2.mpfr(1)  # to multiply by it is five times as fast as to call gmpy2.mpfr


class Multiprecision:
    """The functions a target may use, on mpmath numbers of its own precision: for quadrature, and to check others.

    >>> ctx = Multiprecision(30)
    >>> str(ctx.log(ctx.rational(Fraction(1, 2))))
    '-0.693147180559945309417232121458'
    """

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.mp = mpmath.mp.clone()
        self.mp.dps = digits
        self.log, self.exp, self.sqrt = (_elementwise(f) for f in (self.mp.log, self.mp.exp, self.mp.sqrt))

    def power(self, x: T, a: Fraction) -> T:
        return cast("T", _elementwise(partial(pow, exp=self.rational(a)))(x))

    def rational(self, value: Fraction | int) -> mpmath.mpf:
        exact = Fraction(value)
        return self.mp.mpf(exact.numerator) / exact.denominator

    def array(self, values: Iterable[Scalar]) -> NDArray[np.object_]:
        """Floats, rationals or mpmath numbers as an object array of this precision."""
        numbers = [self.rational(v) if isinstance(v, Fraction) else self.mp.mpf(v) for v in values]
        return np.array(numbers, dtype=object)


class Double(NumpyContext):
    """The same on float64 arrays.

    >>> FLOAT64.array([Fraction(1, 2)])
    array([0.5])
    """

    digits = 16

    @staticmethod
    def array(values: Iterable[Scalar]) -> Floats:
        """Numbers of any kind, rounded."""
        return np.array([float(v) for v in values])


FLOAT64 = Double()


class Mpfr:
    """The same on gmpy2's numbers, ten times as fast as mpmath's; they take the precision of the `with` they meet in.

    >>> ctx = Mpfr(30)
    >>> with ctx.precision():
    ...     str(ctx.log(ctx.rational(Fraction(1, 2))))[:32]
    '-0.69314718055994530941723212145'
    """

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.log, self.exp, self.sqrt = (_elementwise(f) for f in (gmpy2.log, gmpy2.exp, gmpy2.sqrt))

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Inside this context manager results are rounded to `digits` decimal digits, those of FLINT to some more."""
        bits = math.ceil(self.digits * math.log2(10)) + 4
        with gmpy2.context(gmpy2.get_context(), precision=bits), flint.ctx.workprec(bits + GUARD_BITS):
            yield

    def power(self, x: T, a: Fraction) -> T:
        return cast("T", _elementwise(partial(pow, exp=self.rational(a)))(x))

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


Context: TypeAlias = Double | Extended | Mpfr | Multiprecision


def mpfr(value: flint.arb) -> gmpy2.mpfr:
    """A number of FLINT's, which has no radius, as one of gmpy2's."""
    mantissa, exponent = map(int, value.man_exp())
    return ONE * mantissa * (1 << exponent) if exponent >= 0 else ONE * mantissa / (1 << -exponent)


def to_fraction(value: Scalar) -> Fraction:
    """The exact value of a float of any width, an mpmath, gmpy2 or FLINT number."""
    if isinstance(value, gmpy2.mpfr):
        mantissa, exponent = value.as_mantissa_exp()
    elif isinstance(value, flint.arb):
        mantissa, exponent = value.man_exp()
    elif hasattr(value, "_mpf_"):  # every mpmath context has a class of its own
        sign, size, exponent, _ = value._mpf_
        mantissa = -size if sign else size
    elif isinstance(value, np.longdouble):
        return Fraction(*value.as_integer_ratio())
    else:
        return Fraction(value)
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _elementwise(function: Callable[[T], T]) -> Callable[[T], T]:
    """The function, on object arrays entry by entry."""
    over_arrays = np.frompyfunc(function, 1, 1)
    return lambda x: cast("T", over_arrays(x)) if isinstance(x, np.ndarray) else function(x)


@dataclass(frozen=True)
class Jet(Generic[N]):
    """A value with its first and second derivative; numbers or arrays of any kind.

    >>> p = Jet(3.0, 1.0, 0.0)
    >>> (p * p / 2).first, (p * p / 2).second
    (3.0, 1.0)
    """

    value: N
    first: N
    second: N

    __array_ufunc__ = None

    def __add__(self, other: Jet[N] | N) -> Jet[N]:
        o = _jet(other)
        return Jet(self.value + o.value, self.first + o.first, self.second + o.second)

    def __neg__(self) -> Jet[N]:
        return Jet(-self.value, -self.first, -self.second)

    def __sub__(self, other: Jet[N] | N) -> Jet[N]:
        return self + (-_jet(other))

    def __rsub__(self, other: N) -> Jet[N]:
        return _jet(other) + (-self)

    def __mul__(self, other: Jet[N] | N) -> Jet[N]:
        o = _jet(other)
        second = self.second * o.value + 2 * (self.first * o.first) + self.value * o.second
        return Jet(self.value * o.value, self.first * o.value + self.value * o.first, second)

    def __truediv__(self, other: Jet[N] | N) -> Jet[N]:
        o = _jet(other)
        return self * o.map(1 / o.value, -1 / o.value**2, 2 / o.value**3)

    def __rtruediv__(self, other: N) -> Jet[N]:
        return _jet(other) / self

    def __pow__(self, n: int) -> Jet[N]:
        v = self.value
        return self.map(v**n, n * v ** (n - 1), n * (n - 1) * v ** (n - 2))

    __radd__ = __add__
    __rmul__ = __mul__

    def map(self, f: N, df: N, d2f: N) -> Jet[N]:
        """The chain rule: f(self), given f and its derivatives at the value."""
        return Jet(f, df * self.first, d2f * self.first**2 + df * self.second)


def _jet(x: Jet[N] | N) -> Jet[N]:
    return x if isinstance(x, Jet) else Jet(x, cast("N", 0), cast("N", 0))


class _JetContext(Generic[N]):
    """The functions a target may use, on jets over `base`."""

    def __init__(self, base: Functions[N]) -> None:
        self._base = base

    def rational(self, value: Fraction | int) -> Jet[N]:
        return _jet(self._base.rational(value))

    def log(self, x: Jet[N] | N) -> Jet[N]:
        v = _jet(x).value
        return _jet(x).map(self._base.log(v), 1 / v, -1 / v**2)

    def exp(self, x: Jet[N] | N) -> Jet[N]:
        f = self._base.exp(_jet(x).value)
        return _jet(x).map(f, f, f)

    def sqrt(self, x: Jet[N] | N) -> Jet[N]:
        v, f = _jet(x).value, self._base.sqrt(_jet(x).value)
        return _jet(x).map(f, 1 / (2 * f), -1 / (4 * v * f))

    def power(self, x: Jet[N] | N, a: Fraction) -> Jet[N]:
        v, exponent = _jet(x).value, self._base.rational(a)
        f = self._base.power(v, a)
        return _jet(x).map(f, exponent * f / v, exponent * (exponent - 1) * f / v**2)


def weighted_target(target: Target, p: N, ctx: Functions[N]) -> Jet[N]:
    """p·r(p) with its first two derivatives; p is a number or an array of the kind that `ctx` works on."""
    identity = Jet(p, 1 + 0 * p, 0 * p)
    return identity * _jet(target.formula(identity, _JetContext(ctx)))

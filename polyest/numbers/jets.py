"""Jets, which carry two derivatives through any formula, over numbers of any other kind."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from polyest.numbers.float64 import NumpyContext
from polyest.numbers.protocol import Formula

__all__ = ["Jet", "JetContext", "weighted_formula"]


@dataclass(frozen=True)
class Jet:
    """A value with its first and second derivative; numbers or arrays of any kind.

    >>> p = Jet(3.0, 1.0, 0.0)
    >>> (p * p / 2).first, (p * p / 2).second
    (3.0, 1.0)
    """

    value: Any
    first: Any
    second: Any

    __array_ufunc__ = None

    def __add__(self, other: Any) -> Jet:
        o = _jet(other)
        return Jet(self.value + o.value, self.first + o.first, self.second + o.second)

    def __neg__(self) -> Jet:
        return Jet(-self.value, -self.first, -self.second)

    def __sub__(self, other: Any) -> Jet:
        return self + (-_jet(other))

    def __rsub__(self, other: Any) -> Jet:
        return _jet(other) + (-self)

    def __mul__(self, other: Any) -> Jet:
        o = _jet(other)
        second = self.second * o.value + 2 * (self.first * o.first) + self.value * o.second
        return Jet(self.value * o.value, self.first * o.value + self.value * o.first, second)

    def __truediv__(self, other: Any) -> Jet:
        o = _jet(other)
        return self * o.map(1 / o.value, -1 / o.value**2, 2 / o.value**3)

    def __rtruediv__(self, other: Any) -> Jet:
        return _jet(other) / self

    def __pow__(self, n: int) -> Jet:
        v = self.value
        return self.map(v**n, n * v ** (n - 1), n * (n - 1) * v ** (n - 2))

    __radd__ = __add__
    __rmul__ = __mul__

    def map(self, f: Any, df: Any, d2f: Any) -> Jet:
        """The chain rule: f(self), given f and its derivatives at the value."""
        return Jet(f, df * self.first, d2f * self.first**2 + df * self.second)


def _jet(x: Any) -> Jet:
    return x if isinstance(x, Jet) else Jet(x, 0, 0)


class JetContext:
    """The functions a target may use, on jets over `base`."""

    def __init__(self, base: Any) -> None:
        self._base = base
        self.rational = base.rational

    def log(self, x: Any) -> Any:
        v = _jet(x).value
        return _jet(x).map(self._base.log(v), 1 / v, -1 / v**2)

    def exp(self, x: Any) -> Any:
        f = self._base.exp(_jet(x).value)
        return _jet(x).map(f, f, f)

    def sqrt(self, x: Any) -> Any:
        v, f = _jet(x).value, self._base.sqrt(_jet(x).value)
        return _jet(x).map(f, 1 / (2 * f), -1 / (4 * v * f))

    def power(self, x: Any, a: Fraction) -> Any:
        v, exponent = _jet(x).value, self._base.rational(a)
        f = self._base.power(v, a)
        return _jet(x).map(f, exponent * f / v, exponent * (exponent - 1) * f / v**2)


def weighted_formula(formula: Formula, p: Any, ctx: Any = NumpyContext) -> Jet:
    """p·r(p) with its first two derivatives; p is a number or an array of the kind that `ctx` works on."""
    identity = Jet(p, 1 + 0 * p, 0 * p)
    return identity * _jet(formula(identity, JetContext(ctx)))

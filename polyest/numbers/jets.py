"""Jets, which carry two derivatives through any formula, over numbers of any other kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, cast

from polyest.numbers.protocol import N

if TYPE_CHECKING:
    from fractions import Fraction

    from polyest.numbers.protocol import Formula, Functions

__all__ = ["Jet", "JetContext", "weighted_formula"]


@dataclass(frozen=True)
class Jet(Generic[N]):
    """A value with its first and second derivative; numbers or arrays of one kind, or whole numbers.

    >>> p = Jet(3.0, 1.0, 0.0)
    >>> (p * p / 2).first, (p * p / 2).second
    (3.0, 1.0)
    """

    value: N
    first: N
    second: N

    __array_ufunc__ = None

    def __add__(self, other: Jet[N] | N | int) -> Jet[N]:
        o = _jet(other)
        return Jet(self.value + o.value, self.first + o.first, self.second + o.second)

    def __neg__(self) -> Jet[N]:
        return Jet(-self.value, -self.first, -self.second)

    def __sub__(self, other: Jet[N] | N | int) -> Jet[N]:
        return self + (-_jet(other))

    def __rsub__(self, other: Jet[N] | N | int) -> Jet[N]:
        return _jet(other) + (-self)

    def __mul__(self, other: Jet[N] | N | int) -> Jet[N]:
        o = _jet(other)
        second = self.second * o.value + 2 * (self.first * o.first) + self.value * o.second
        return Jet(self.value * o.value, self.first * o.value + self.value * o.first, second)

    def __truediv__(self, other: Jet[N] | N | int) -> Jet[N]:
        o = _jet(other)
        return self * o.map(1 / o.value, -1 / o.value**2, 2 / o.value**3)

    def __rtruediv__(self, other: Jet[N] | N | int) -> Jet[N]:
        return _jet(other) / self

    def __pow__(self, n: int) -> Jet[N]:
        v = self.value
        return self.map(v**n, n * v ** (n - 1), n * (n - 1) * v ** (n - 2))

    __radd__ = __add__
    __rmul__ = __mul__

    def map(self, f: N, df: N, d2f: N) -> Jet[N]:
        """The chain rule: f(self), given f and its derivatives at the value."""
        return Jet(f, df * self.first, d2f * self.first**2 + df * self.second)


def _jet(x: Jet[N] | N | int) -> Jet[N]:
    return x if isinstance(x, Jet) else cast("Jet[N]", Jet(x, 0, 0))


class JetContext(Generic[N]):
    """The functions a target may use, on jets over the numbers of `base`."""

    def __init__(self, base: Functions[N]) -> None:
        self._base = base

    def rational(self, value: Fraction | int) -> Jet[N]:
        return _jet(self._base.rational(value))

    def log(self, x: Jet[N]) -> Jet[N]:
        v = x.value
        return x.map(self._base.log(v), 1 / v, -1 / v**2)

    def exp(self, x: Jet[N]) -> Jet[N]:
        f = self._base.exp(x.value)
        return x.map(f, f, f)

    def sqrt(self, x: Jet[N]) -> Jet[N]:
        v, f = x.value, self._base.sqrt(x.value)
        return x.map(f, 1 / (2 * f), -1 / (4 * v * f))

    def power(self, x: Jet[N], a: Fraction) -> Jet[N]:
        v, exponent = x.value, self._base.rational(a)
        f = self._base.power(v, a)
        return x.map(f, exponent * f / v, exponent * (exponent - 1) * f / v**2)


def weighted_formula(formula: Formula, p: N, ctx: Functions[N]) -> Jet[N]:
    """p·r(p) with its first two derivatives; p is a number or an array of the kind that `ctx` works on."""
    identity = Jet(p, 1 + 0 * p, 0 * p)
    return identity * formula(identity, JetContext(ctx))

"""What every kind of number has in common: the Protocol that formulas are written against (theory.md §6).

A formula r(p, ctx) is written once and runs on every kind of number, because all that it uses is arithmetic with p and
whole numbers, and five functions of its context. A context belongs to one kind of number, N; `polyest.numbers` lists
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["Formula", "Functions", "N", "Number"]


class Number(Protocol):
    """The arithmetic of a formula: the other operand is a whole number or of the same kind, and so is the result."""

    def __add__(self, other: Self | int, /) -> Self: ...
    def __radd__(self, other: Self | int, /) -> Self: ...
    def __sub__(self, other: Self | int, /) -> Self: ...
    def __rsub__(self, other: Self | int, /) -> Self: ...
    def __mul__(self, other: Self | int, /) -> Self: ...
    def __rmul__(self, other: Self | int, /) -> Self: ...
    def __truediv__(self, other: Self | int, /) -> Self: ...
    def __rtruediv__(self, other: Self | int, /) -> Self: ...
    def __pow__(self, n: int, /) -> Self: ...
    def __neg__(self) -> Self: ...


N = TypeVar("N", bound=Number)


class Functions(Protocol[N]):
    """A context: the functions that a formula may use, on numbers (or arrays, series, jets) of one kind.

    >>> from fractions import Fraction
    >>> from polyest.numbers.float64 import NumpyContext
    >>> float(NumpyContext.power(4.0, Fraction(1, 2)) + NumpyContext.rational(Fraction(1, 4)))
    2.25
    """

    def log(self, x: N, /) -> N:
        """The natural logarithm."""

    def exp(self, x: N, /) -> N:
        """The exponential function."""

    def sqrt(self, x: N, /) -> N:
        """The square root."""

    def power(self, x: N, a: Fraction, /) -> N:
        """x^a with a rational exponent."""

    def rational(self, value: Fraction | int, /) -> N:
        """A rational as a number of this kind."""


class Formula(Protocol):
    """r(p, ctx), for p of the kind that ctx works on."""

    def __call__(self, p: N, ctx: Functions[N], /) -> N:
        """r(p)."""

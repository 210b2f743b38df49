"""What every kind of number has in common: the Protocol that formulas are written against (theory.md §6).

A formula r(p, ctx) is written once and runs on every kind of number, because all that it uses is arithmetic with p and
whole numbers, and five functions of its context. A context belongs to one kind of number, N:

| context | N | for |
| --- | --- | --- |
| `float64.NumpyContext` | float64 and arrays of it | plots, games, the solvers' first approximation |
| `smoothness._Recorder` | the same | finding where a formula is not analytic |
| `methods.plug_in.DecimalContext` | `decimal.Decimal` | plug-in tables, checks of a bound |
| `formal._FormalContext` | `formal.Formal` | what a user's formula uses, and whether it is a polynomial |
| `long_double.Extended` | long doubles | the solvers, while they suffice |
| `mpfr.Mpfr` | gmpy2's `mpfr`, arrays of it | the solvers |
| `multiprecision.Multiprecision` | mpmath's `mpf` | quadrature, constants, oracles |
| `jets.JetContext` | jets over any of the four above | derivatives |
| `certify.balls.BallContext` | balls and power series of FLINT | proofs |
| `certify.means._ComplexContext` | complex balls | proofs by quadrature |

Each lives with its user and loads its own library only. One kind becomes another exactly, by way of a `Fraction`
(`conversion.exact`, then `array` or `rational`). Solver and proof share the question and the answer (`targets`,
`problem`, `table`) and of the mathematics the Bernstein basis alone (`polyest.polynomials.basis`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["Formula", "Functions", "N", "Number"]


class Number(Protocol):
    """The arithmetic of a formula. The other operand is a whole number or of the same kind, and so is the result;
    `Any` because the libraries of numbers annotate their operators each in its own way."""

    def __add__(self, other: Any, /) -> Any: ...
    def __radd__(self, other: Any, /) -> Any: ...
    def __sub__(self, other: Any, /) -> Any: ...
    def __rsub__(self, other: Any, /) -> Any: ...
    def __mul__(self, other: Any, /) -> Any: ...
    def __rmul__(self, other: Any, /) -> Any: ...
    def __truediv__(self, other: Any, /) -> Any: ...
    def __rtruediv__(self, other: Any, /) -> Any: ...
    def __pow__(self, n: int, /) -> Any: ...
    def __neg__(self) -> Any: ...


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

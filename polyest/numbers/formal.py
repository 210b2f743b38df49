"""A formula run on a formal p: what it may use is checked, and where it is a polynomial its coefficients come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn

from polyest.errors import ArgumentError, PolyestError
from polyest.numbers.protocol import Formula

__all__ = ["LARGEST_DEGREE", "Formal", "FormalContext", "trace"]

LARGEST_DEGREE = 256  # of a polynomial; proofs take time that grows faster than its square
ALLOWED = "+, −, ×, /, whole powers, whole numbers, and ctx.log, ctx.exp, ctx.sqrt, ctx.power, ctx.rational"


@dataclass(frozen=True, eq=False)
class Formal:
    """Σ_e terms[e]·p^e with rational exponents, as long as a formula is no more than that.

    Attributes:
        terms: coefficients by exponent, none of them 0; None once something else has been used.
        varies: whether p has been used.
    """

    terms: Mapping[Fraction, Fraction] | None
    varies: bool

    @classmethod
    def of(cls, terms: Mapping[Fraction, Fraction]) -> Formal:
        kept = {e: a for e, a in terms.items() if a}
        return cls(kept, any(kept))

    @property
    def polynomial(self) -> tuple[Fraction, ...] | None:
        """(a_0, …, a_d) if the formula is a polynomial with rational coefficients and d is not too large, else None."""
        if self.terms is None or any(e < 0 or e.denominator > 1 or e > LARGEST_DEGREE for e in self.terms):
            return None
        degree = int(max(self.terms, default=Fraction(0)))
        return tuple(self.terms.get(Fraction(j), Fraction(0)) for j in range(degree + 1))

    def __add__(self, other: object) -> Formal:
        o = _formal(other)
        if self.terms is None or o.terms is None:
            return Formal(None, self.varies or o.varies)
        return Formal.of(
            {e: self.terms.get(e, Fraction(0)) + o.terms.get(e, Fraction(0)) for e in {*self.terms, *o.terms}}
        )

    def __mul__(self, other: object) -> Formal:
        o = _formal(other)
        if self.terms is None or o.terms is None:
            return Formal(None, self.varies or o.varies)
        product: dict[Fraction, Fraction] = {}
        for e, a in self.terms.items():
            for f, b in o.terms.items():
                product[e + f] = product.get(e + f, Fraction(0)) + a * b
        return Formal.of(product)

    def __pow__(self, n: object) -> Formal:
        if not isinstance(n, int):
            _refuse(f"`**` takes whole powers, got {n!r}; write ctx.power(x, Fraction(1, 3)) or ctx.exp")
        return self.raised(Fraction(n))

    def raised(self, a: Fraction) -> Formal:
        """The power a: exact for a single term, and for whole a that are small enough."""
        whole = a.denominator == 1
        if self.terms is not None and len(self.terms) == 1:
            ((e, coefficient),) = self.terms.items()
            if coefficient == 1 or (whole and abs(a) <= LARGEST_DEGREE):
                return Formal.of({e * a: coefficient ** int(a) if whole else coefficient})
        if self.terms == {} and a < 0:
            raise ZeroDivisionError("division by 0")
        if self.terms is None or not whole or not 0 <= a <= LARGEST_DEGREE:
            return Formal(None, self.varies)
        result = _formal(1)
        for bit in f"{int(a):b}":
            result = result * result * (self if bit == "1" else 1)
        return result

    def __neg__(self) -> Formal:
        return self * -1

    def __sub__(self, other: object) -> Formal:
        return self + -_formal(other)

    def __rsub__(self, other: object) -> Formal:
        return _formal(other) + -self

    def __truediv__(self, other: object) -> Formal:
        return self * _formal(other).raised(Fraction(-1))

    def __rtruediv__(self, other: object) -> Formal:
        return _formal(other) / self

    def __rpow__(self, other: object) -> NoReturn:
        _refuse(f"{other!r} ** x is not among them; write ctx.exp(x * ctx.log(…))")

    def _number(self, *_: object) -> NoReturn:
        _refuse("it turned p into a number, as math.log and numpy do; write ctx.log instead of math.log")

    def _order(self, *_: object) -> NoReturn:
        _refuse("it compared p, rounded it or took an absolute value; r has to be one formula on all of (0, 1]")

    __radd__, __rmul__ = __add__, __mul__
    __array_ufunc__ = None
    __float__ = __int__ = __complex__ = __index__ = __array__ = _number
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _order
    __abs__ = __round__ = __floor__ = __ceil__ = __mod__ = __floordiv__ = _order
    __hash__ = None  # type: ignore[assignment]


class FormalContext:
    """The functions a target may use, on a formal p."""

    def log(self, x: Formal) -> Formal:
        return self._opaque("log", x)

    def exp(self, x: Formal) -> Formal:
        return self._opaque("exp", x)

    def sqrt(self, x: Formal) -> Formal:
        self._opaque("sqrt", x)
        return x.raised(Fraction(1, 2))

    def power(self, x: Formal, a: object) -> Formal:
        if not isinstance(a, (int, Fraction)):
            _refuse(f"ctx.power takes an int or a Fraction as exponent, got {a!r}; write Fraction(1, 3)")
        self._opaque("power", x)
        return x.raised(Fraction(a))

    def rational(self, value: object) -> Formal:
        if not isinstance(value, (int, Fraction)):
            _refuse(f"ctx.rational takes an int or a Fraction, got {value!r}; write ctx.rational(Fraction('0.1'))")
        return Formal.of({Fraction(0): Fraction(value)})

    def _opaque(self, name: str, x: object) -> Formal:
        if not isinstance(x, Formal):
            _refuse(f"ctx.{name} takes p or what was made of it, got {x!r}; write ctx.{name}(ctx.rational({x!r}))")
        return Formal(None, x.varies)


def trace(function: Formula) -> Formal:
    """What r(p, ctx) is, as far as its operations show.

    >>> trace(lambda p, ctx: (1 - p) ** 2 / 2).polynomial
    (Fraction(1, 2), Fraction(-1, 1), Fraction(1, 2))
    >>> trace(lambda p, ctx: ctx.log(p)).polynomial is None
    True

    Raises:
        ArgumentError: the formula uses something that is not made of p and the functions of ctx.
    """
    try:
        value = function(Formal.of({Fraction(1): Fraction(1)}), FormalContext())
    except PolyestError:
        raise
    except Exception as error:
        raise _refusal(f"it ended in {type(error).__name__}: {error}; write ctx.log instead of numpy's") from error
    return _formal(value)


def _formal(value: object) -> Formal:
    if isinstance(value, Formal):
        return value
    if not isinstance(value, int):
        _refuse(f"{value!r} is none of these; write a constant as ctx.rational(Fraction('0.1'))")
    return Formal.of({Fraction(0): Fraction(value)})


def _refuse(reason: str) -> NoReturn:
    raise _refusal(reason)


def _refusal(reason: str) -> ArgumentError:
    return ArgumentError(f"`function` r(p, ctx) may use {ALLOWED}; {reason}")

"""Cells of (0, 1], which are halved until a Bernstein polynomial is, to many digits, a polynomial of `TERMS` terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flint import arb, arb_poly, fmpq

from polyest.certify.fixed_point import BernsteinForm, FixedPoint
from polyest.numbers.balls import zero_plus_minus

__all__ = ["TERMS", "Cell"]

TERMS = 64
SINGULAR = fmpq(1, 5)  # radius per centre at most: r may be singular at 0, Lagrange's remainder is of order 4^−TERMS


@dataclass(frozen=True)
class Cell:
    """[low, high], 0 ≤ low < high ≤ 1, in the variable t ∈ [−1, 1], p = centre + radius·t, and polynomials on it."""

    low: fmpq
    high: fmpq
    forms: tuple[FixedPoint, ...]
    bits: int

    @classmethod
    def whole(cls, forms: Sequence[BernsteinForm], bits: int) -> Cell:
        """[0, 1], the polynomials in units of 2^−bits."""
        return cls(fmpq(0), fmpq(1), tuple(form.in_units(bits) for form in forms), bits)

    @property
    def centre(self) -> arb:
        return arb((self.low + self.high) / 2)

    @property
    def radius(self) -> arb:
        return arb((self.high - self.low) / 2)

    @property
    def local(self) -> list[arb_poly]:
        """The forms as local polynomials."""
        unit = arb(2) ** -self.bits
        return [arb_poly(form.polynomial) * unit + zero_plus_minus(form.error * unit) for form in self.forms]

    def halves(self) -> tuple[Cell, Cell]:
        middle = (self.low + self.high) / 2
        left, right = zip(*(form.halves() for form in self.forms), strict=True)
        return Cell(self.low, middle, left, self.bits), Cell(middle, self.high, right, self.bits)

    def parts(self) -> Iterator[Cell]:
        """The cell in parts that are short enough for `TERMS` terms, of the forms and of r."""
        short = all(form.polynomial.length() <= TERMS for form in self.forms)
        if short and self.high - self.low <= SINGULAR * (self.high + self.low):
            yield self
        else:
            for half in self.halves():
                yield from half.parts()

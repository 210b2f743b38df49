"""Cells of (0, 1] on which a Bernstein polynomial is, to many digits, a Taylor polynomial of `TERMS` terms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import arb

from polyest.numbers.balls import ball

__all__ = ["TERMS", "Cell", "partition"]

TERMS = 64
SINGULAR = 0.2  # radius per distance to 0, where r may be singular: Lagrange's remainder is of order 4^−TERMS
WIDEST = 0.5  # radius per √(p(1−p)) where no term is left out


@dataclass(frozen=True)
class Cell:
    """[low, high], 0 < low < high ≤ 1, in the variable t ∈ [−1, 1], p = centre + radius·t."""

    low: Fraction
    high: Fraction
    depth: int = 0

    @cached_property
    def centre(self) -> arb:
        return ball((self.low + self.high) / 2)

    @cached_property
    def radius(self) -> arb:
        return ball((self.high - self.low) / 2)

    def halves(self) -> tuple[Cell, Cell]:
        middle = (self.low + self.high) / 2
        return Cell(self.low, middle, self.depth + 1), Cell(middle, self.high, self.depth + 1)


def partition(low: Fraction, high: Fraction, degree: int, bits: int) -> list[Cell]:
    """[low, high] in cells on which `local.expand` leaves out less than 2^−bits of a polynomial of that degree."""
    cells, width = [], _relative_radius(degree, bits)
    while high > low:
        a = max(high - 2 * _radius(float(high), width), low)
        cells.append(Cell(a, high))
        high = a
    return cells


def _relative_radius(degree: int, bits: int) -> float:
    """η such that the remainder of `local.expand` at radius η√(p(1−p)) is about 2^−bits."""
    if degree < TERMS:
        return WIDEST
    ratio = TERMS / max(degree - TERMS, 1)
    log = -bits * math.log(2) / TERMS - degree / (2 * TERMS) * math.log(1 + ratio) + math.log(ratio) / 2
    return min(WIDEST, math.exp(log))


def _radius(high: float, width: float) -> Fraction:
    """The radius h = min(width·√(p(1−p)), SINGULAR·p) of the cell [p − h, p + h] that ends at `high`, to 8 bits."""
    square = width**2
    root = math.sqrt(4 * high * square * (1 - high) + square**2)
    centre = max(2 * high**2 / (2 * high + square + root), high / (1 + SINGULAR))
    mantissa, exponent = math.frexp(high - centre)
    return Fraction(int(mantissa * 256)) * Fraction(2) ** (exponent - 8)

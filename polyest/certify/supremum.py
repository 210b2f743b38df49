"""A rigorous enclosure of sup f over (0, 1] (theory.md §4).

(0, 1] is cut into cells on which f is a local polynomial. A glance with few terms and digits tells most of those that
stay below the best value known; the others are searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from flint import arb, arb_poly, ctx, fmpq, fmpz_poly

from polyest.certify.cells import TERMS, Cell
from polyest.certify.fixed_point import FixedPoint
from polyest.certify.functions import Curve
from polyest.certify.peaks import TIGHT_BITS, maximum
from polyest.errors import SolveError
from polyest.numbers.balls import ball, ceiling, floor, split, working

__all__ = ["supremum"]

MOST_CELLS = 20_000
NEAR_ZERO, NEXT_TO_ZERO = fmpq(1, 2**160), fmpq(1, 2**1000)  # ε below which a bound does for f
LEVEL = 0.99  # per halving of ε: a bound that falls less has come to the limit at 0
SHORTEST = fmpq(1, 2**100)  # length of a cell per its place; shorter ones need more digits, if anything helps
UNIT_BITS = 140
GLANCE_TERMS, GLANCE_SPARES = 16, 64  # terms, and bits fewer than a search has
GLANCE_ERROR = Fraction(1, 8)  # of the best value known; what a glance knows less well is looked at with all digits
POINTS = [arb(k) / 2 for k in range(-2, 3)]
ATTEMPTS = 4  # each with twice the digits


def supremum(f: Curve) -> tuple[Fraction, Fraction]:
    """Rationals L ≤ sup s·f(p) ≤ U, over (0, 1] and the signs s of f.

    Raises:
        SolveError: the enclosure could not be closed.
    """
    bits = _bits(f)
    for attempt in range(ATTEMPTS):
        with working(bits << attempt, TERMS + 1):
            found = _Search(f).run()
        if found is not None:
            return found
    raise SolveError("the enclosure met a cell that no precision settles: r may not be finite on all of (0, 1]")


def _size(f: Curve) -> int:
    """The bits in front of the point of the largest coefficient."""
    largest = max(form.largest for form in f.forms)
    return max(0, largest.numerator.bit_length() - largest.denominator.bit_length() + 1)


def _bits(f: Curve) -> int:
    """Enough for polynomials above a small f."""
    return 160 + _size(f)


B = TypeVar("B", arb, arb_poly)


@dataclass(frozen=True)
class _Glance:
    """A cell at a glance.

    Attributes:
        cell: what was looked at.
        attained: f attains this on it.
        bound: f does not exceed this on it; may be nan.
        error: by which f was not known at a point.
    """

    cell: Cell
    attained: arb
    bound: arb
    error: arb

    @classmethod
    def of(cls, f: Curve, cell: Cell) -> _Glance:
        with working(ctx.prec - GLANCE_SPARES, GLANCE_TERMS + 1):
            local = f.on(cell)
            values, whole = [local(t) for t in POINTS], local(arb(0, 1))
            attained = max((sign * value).lower() for sign in f.signs for value in values)
            bound = max((sign * whole).upper() for sign in f.signs)
            return cls(cell, attained if attained.is_finite() else arb("-inf"), bound, values[2].rad())


@dataclass(frozen=True)
class _Patch:
    """A cell and what f is on it.

    Attributes:
        middle: a polynomial with exact coefficients.
        radius: f is as far from `middle` as this at most.
        attained: f attains this.
    """

    cell: Cell
    middle: arb_poly
    radius: arb
    attained: arb

    @classmethod
    def of(cls, f: Curve, cell: Cell) -> _Patch:
        middle, radius = split(f.on(cell))
        if not radius.is_finite():
            return cls(cell, middle, radius, arb("-inf"))
        values = [middle(t) for t in POINTS]
        height = max((sign * value).lower() for sign in f.signs for value in values)
        return cls(cell, middle, radius, (height - radius).lower())

    def is_known_to(self, size: arb) -> bool:
        return bool(self.radius.is_finite() and 2 * self.radius < size)


class _Search:
    """One run at one precision.

    Attributes:
        known: f attains at least this; decides only what need not be looked at.
        unit: the numbers of the search are integers times 2^−unit, so that `known` has `UNIT_BITS` bits.
        lower: the largest value attained in a cell that was searched.
        upper: a bound on f over all that is left out or searched.
    """

    def __init__(self, f: Curve) -> None:
        self.f = f
        self.known = arb("-inf")
        self.at_zero: arb | None = None
        self.unit = 0
        self.lower: int | None = None
        self.upper: int | None = None

    def run(self) -> tuple[Fraction, Fraction] | None:
        seen = self._cells()
        seen.sort(key=lambda part: float(part.attained))
        self.unit = _unit(self.known)
        for _ in range(MOST_CELLS):
            if not seen:
                return self._result()
            part = seen.pop()
            if self._settle(part):
                continue
            if part.cell.high - part.cell.low < part.cell.high * SHORTEST:
                return None
            seen += map(self._meet, part.cell.halves())
        raise SolveError(f"the enclosure was not closed after {MOST_CELLS} cells")

    def _result(self) -> tuple[Fraction, Fraction]:
        lower = floor(self._scaled(self.known)) if self.lower is None else self.lower
        uppers = [lower, self.upper, None if self.at_zero is None else ceiling(self._scaled(self.at_zero))]
        one = Fraction(2) ** self.unit
        return lower / one, max(x for x in uppers if x is not None) / one

    def _scaled(self, balls: B) -> B:
        return balls * arb(2) ** self.unit

    def _cells(self) -> list[_Glance | _Patch]:
        """(0, 1] in cells, but for an (0, ε] where |f| is below `known`, or its bound at 0 hardly falls any more."""
        cell, bound = Cell.whole(self.f.forms, ctx.prec), arb("inf")
        seen: list[_Glance | _Patch] = []
        while cell.high > NEXT_TO_ZERO:
            cell, right = cell.halves()
            seen += map(self._meet, right.parts())
            before, bound = bound, self.f.near_zero(arb(cell.high)).upper()
            if bound < self.known:
                return seen
            if cell.high <= NEAR_ZERO and bound > before * LEVEL:
                break
        self.at_zero = bound
        return seen

    def _meet(self, cell: Cell) -> _Glance | _Patch:
        if self.known > 0 or not self.known.is_finite():
            glance = _Glance.of(self.f, cell)
            self.known = max(self.known, glance.attained)
            if glance.bound < self.known or glance.error < self.known * ball(GLANCE_ERROR):
                return glance
        return self._patch(cell)

    def _patch(self, cell: Cell) -> _Patch:
        patch = _Patch.of(self.f, cell)
        self.known = max(self.known, patch.attained)
        return patch

    def _settle(self, part: _Glance | _Patch) -> bool:
        """Search a cell for values above those known; False if f is not known well enough to do so."""
        if isinstance(part, _Glance) and part.bound < self.known:
            return True
        patch = self._patch(part.cell) if isinstance(part, _Glance) else part
        curves = [sign * patch.middle for sign in self.f.signs]
        if patch.radius.is_finite():
            curves = [f for f in curves if not (f(arb(0, 1)) + patch.radius).upper() < self.known]
        if curves and not patch.is_known_to(abs(self.known) * arb(2) ** -TIGHT_BITS):
            return False
        for curve in curves:
            self._search(curve, patch.radius)
        return True

    def _search(self, curve: arb_poly, radius: arb) -> None:
        coefficients = fmpz_poly([floor(a) for a in self._scaled(curve).coeffs()])
        error = ceiling(self._scaled(radius).upper()) + curve.length()
        bounds = maximum(FixedPoint.of(coefficients, error), floor(self._scaled(self.known)))
        if bounds is None:
            return
        self.lower = bounds[0] if self.lower is None else max(self.lower, bounds[0])
        self.upper = bounds[1] if self.upper is None else max(self.upper, bounds[1])
        self.known = max(self.known, arb(self.lower) / arb(2) ** self.unit)


def _unit(known: arb) -> int:
    """The power of two in which a positive `known` has `UNIT_BITS` bits."""
    mantissa, exponent = known.man_exp()
    return UNIT_BITS - int(mantissa).bit_length() - int(exponent) if known > 0 else UNIT_BITS

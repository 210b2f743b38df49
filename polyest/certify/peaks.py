"""The maximum of a polynomial in fixed point, by branch and bound in exact arithmetic.

A piece is settled where the polynomial is provably monotone or convex (the maximum is at an end), concave (the
tangent at any point bounds it; near the top that is tight) or flat, left out where it stays below a threshold, else
halved. Each half is expanded around its own middle, so that its size and slopes are read off its coefficients.
"""

from __future__ import annotations

from operator import mul

from flint import arb, arb_poly

from polyest.certify.fixed_point import FixedPoint
from polyest.errors import SolveError
from polyest.numbers.balls import ceiling, floor

__all__ = ["TIGHT_BITS", "maximum"]

TIGHT_BITS = 100  # a maximum counts as found at a relative width of 2^−100
MOST_PIECES = 20_000
NEWTON_STEPS = 20

Bounds = tuple[int, int]


def maximum(polynomial: FixedPoint, threshold: int) -> Bounds | None:
    """(L, U): f attains L, and exceeds U nowhere on [−1, 1]; None if f stays below the threshold. All in f's units.

    Raises:
        SolveError: too many pieces are left.
    """
    pieces, found = [polynomial], None
    for _ in range(MOST_PIECES):
        if not pieces:
            return found
        piece = pieces.pop()
        a, error = [*map(int, piece.polynomial.coeffs())] or [0], piece.error
        if a[0] + _swing(a) + error < threshold:
            continue
        bounds = _bounds(a)
        if bounds is None:
            pieces += piece.halves()
        elif bounds[1] + error >= threshold:
            lower, upper = bounds[0] - error, bounds[1] + error
            found = (lower, upper) if found is None else (max(found[0], lower), max(found[1], upper))
            threshold = max(threshold, lower)
    raise SolveError(f"the maximum of a polynomial was not enclosed after {MOST_PIECES} pieces")


def _swing(a: list[int]) -> int:
    """How far a polynomial can be from its middle value."""
    return sum(map(abs, a)) - abs(a[0])


def _bounds(a: list[int]) -> Bounds | None:
    """Bounds on the maximum over [−1, 1], None where the piece is none of those that have them."""
    swing = _swing(a)
    if swing << TIGHT_BITS <= abs(a[0]):
        return a[0], a[0] + swing
    slopes = [*map(mul, range(len(a)), map(abs, a))]
    steepest, bend = sum(slopes), 2 * a[2] if len(a) > 2 else 0
    unbent = sum(map(mul, range(-1, len(a) - 1), slopes)) - abs(bend)
    if 2 * abs(a[1]) >= steepest or bend >= unbent:
        even, odd = sum(a[::2]), sum(a[1::2])
        return (even + abs(odd),) * 2
    return _concave(a) if -bend > unbent else None


def _concave(a: list[int]) -> Bounds | None:
    """The maximum of a concave piece: at an end if f' says so, else where a tangent is nearly level."""
    slopes = [j * x for j, x in enumerate(a)][1:]
    left, right = sum(slopes[::2]) - sum(slopes[1::2]), sum(slopes)
    if left <= 0 or right >= 0:
        end = sum(a[::2]) + (sum(a[1::2]) if right >= 0 else -sum(a[1::2]))
        return end, end
    f = arb_poly(a)
    slope, x = f.derivative(), arb(0)
    curvature = slope.derivative()
    for _ in range(NEWTON_STEPS):
        value, excess = f(x), abs(slope(x)) * 2
        if excess < abs(value) * arb(2) ** -TIGHT_BITS:
            return floor(value.lower()), ceiling((value + excess).upper())
        x = (x - slope(x) / curvature(x)).mid()
        x = arb(-1) if not x > -1 else arb(1) if not x < 1 else x
    return None

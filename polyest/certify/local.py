"""Local polynomials: what a function is on a cell, in t ∈ [−1, 1], with everything that is left out in the balls.

A local polynomial P of f says: for every t there is a choice of coefficients from their balls with f(p(t)) = P(t).
Sums and products of local polynomials are local polynomials; derivatives are not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

from flint import arb, arb_poly, arb_series, ctx, fmpq

from polyest.certify.cells import Cell
from polyest.certify.memory import remembered
from polyest.numbers.balls import SERIES, BallContext, zero_plus_minus
from polyest.problems.targets import Target

__all__ = ["fold", "taylor", "weighted_powers"]


def fold(polynomial: arb_poly) -> arb_poly:
    """The same on [−1, 1] with as many terms as there may be: what is cut off goes into the ball of the constant."""
    terms = _terms()
    if polynomial.length() <= terms:
        return polynomial
    return polynomial.truncate(terms) + zero_plus_minus(polynomial.right_shift(terms)(arb(0, 1)))


def _terms() -> int:
    """Those of a power series but one, which is for the remainder."""
    return ctx.cap - 1


def weighted_powers(target: Target, cell: Cell, count: int) -> list[arb_poly]:
    """Local polynomials of p·r^i, i = 0 … count − 1; for r = ±p^a as one power, so that p·r² = 1 at a = −½."""
    return _weighted_powers(target, cell.low, cell.high, count, ctx.prec, ctx.cap)


@remembered(maxsize=2048)  # tables have many cells in common
def _weighted_powers(target: Target, low: fmpq, high: fmpq, count: int, bits: int, cap: int) -> list[arb_poly]:
    centre, radius = arb((low + high) / 2), arb((high - low) / 2)
    p, a = arb_poly([centre, radius]), target.exponent
    if a is not None:
        sign, exponents = 1 if a > 0 else -1, [1 + i * a for i in range(1, count)]
        powers = (taylor(partial(BallContext.power, a=b), centre, radius) for b in exponents)
        return [p] + [sign**i * power for i, power in enumerate(powers, start=1)]
    if count == 1:
        return [p]
    r = taylor(lambda x: target.formula(x, SERIES), centre, radius)
    return list(itertools.accumulate(range(1, count), lambda power, _: fold(power * r), initial=p))


def taylor(function: Callable[[arb_series], arb_series | arb], centre: arb, radius: arb) -> arb_poly:
    """A local polynomial by Taylor's series with Lagrange's remainder, the next coefficient over the whole cell.

    Not finite where the function may not be defined, nor analytic, in all of the cell.
    """
    terms = _terms()
    try:
        exactly = function(arb_series([centre, radius], prec=terms))
        around = function(arb_series([arb(centre, radius), radius], prec=terms + 1))
    except (ValueError, ZeroDivisionError):  # flint's, for a divisor that may be 0
        return arb_poly([arb("nan")])
    if isinstance(exactly, arb):  # a constant
        return arb_poly([exactly])
    if isinstance(around, arb) or min(exactly.prec, around.prec - 1) < terms:  # the function has divided terms away
        return arb_poly([arb("nan")])
    return arb_poly(exactly.coeffs()) + zero_plus_minus(around[terms])

"""FLINT's balls, and power series of them: proofs. Whole numbers, rationals and floats as balls, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TypeVar, cast

from flint import arb, arb_poly, arb_series, ctx, fmpq

from polyest.numbers.protocol import Functions

__all__ = ["SERIES", "BallContext", "ball", "ceiling", "floor", "rational", "split", "working", "zero_plus_minus"]

B = TypeVar("B", arb, arb_series)


class BallContext:
    """The functions a target may use, on balls and on power series of balls."""

    @staticmethod
    def log(x: B) -> B:
        return x.log()

    @staticmethod
    def exp(x: B) -> B:
        return x.exp()

    @staticmethod
    def sqrt(x: B) -> B:
        return x.sqrt()

    @staticmethod
    def power(x: B, a: Fraction) -> B:
        return x ** int(a) if a.denominator == 1 and a >= 0 else (x.log() * ball(a)).exp()

    @staticmethod
    def rational(value: Fraction | int) -> arb:
        return ball(value)


SERIES = cast("Functions[arb_series]", BallContext)  # whose rationals stay balls: series take them as constants


def rational(value: Fraction | int | float) -> fmpq:
    """An exact rational, or the exact value of a float, as an fmpq."""
    return fmpq(*value.as_integer_ratio())


def ball(value: Fraction | int | float) -> arb:
    """A ball around a rational: a point if it is dyadic and the precision holds it."""
    return arb(rational(value))


def floor(point: arb) -> int:
    """The largest integer up to a ball without radius."""
    mantissa, exponent = point.man_exp()
    return int(mantissa) << int(exponent) if exponent >= 0 else int(mantissa) >> -int(exponent)


def ceiling(point: arb) -> int:
    """The least integer from a ball without radius."""
    return -floor(-point)


def zero_plus_minus(size: arb) -> arb:
    """The ball around 0 that holds everything up to `size`."""
    return arb(0, abs(size).upper())


def split(polynomial: arb_poly) -> tuple[arb_poly, arb]:
    """A polynomial with exact coefficients, and how far any choice from the balls is from it on [−1, 1].

    Trailing coefficients that are smaller than that are left out. Infinitely far if a coefficient is not finite.
    """
    unit, zero = arb(0, 1), arb(0)
    if not polynomial(unit).is_finite():
        return arb_poly([zero]), arb("inf")
    middles, dropped = [ball.mid() for ball in polynomial.coeffs()] or [zero], zero
    radius = abs((polynomial - arb_poly(middles))(unit)).upper()
    while len(middles) > 1 and dropped + abs(middles[-1]) <= radius:
        dropped += abs(middles.pop())
    return arb_poly(middles), (radius + dropped).upper()


@contextmanager
def working(bits: int, terms: int) -> Iterator[None]:
    """Precision of balls, and length of power series that are made from constants."""
    before = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = bits, terms
    try:
        yield
    finally:
        ctx.prec, ctx.cap = before

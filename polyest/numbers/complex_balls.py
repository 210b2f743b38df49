"""FLINT's complex balls: proofs by quadrature."""

from __future__ import annotations

from fractions import Fraction

from flint import acb

from polyest.numbers.balls import ball

__all__ = ["ComplexContext"]


class ComplexContext:
    """The functions a target may use, on complex balls; not finite where they are not analytic."""

    def __init__(self, analytic: bool) -> None:
        self.analytic = analytic

    def log(self, x: acb) -> acb:
        return x.log(analytic=self.analytic)

    def exp(self, x: acb) -> acb:
        return x.exp()

    def sqrt(self, x: acb) -> acb:
        return x.sqrt(analytic=self.analytic)

    def power(self, x: acb, a: Fraction) -> acb:
        return (self.log(x) * acb(ball(a))).exp()

    def rational(self, value: Fraction | int) -> acb:
        return acb(ball(value))

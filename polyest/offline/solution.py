"""What a method returns: coefficients to many digits, and what the proofs of optimality start from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from polyest.numbers.conversion import Scalar, to_fraction
from polyest.offline.program import Optimum
from polyest.problems.problem import Problem

__all__ = ["Solution", "settled"]

RESOLUTION = Fraction(1, 10**30)  # of the bias: what is less in a coefficient is taken for rounding
DECISIVE_BITS = 54  # float64 numbers and the midpoints between them have no more
GUARD_BITS = 80  # that a number agrees with one of those to, if it is meant to be one


@dataclass(frozen=True)
class Solution:
    """The solver's answer to a problem."""

    problem: Problem
    coefficients: tuple[Fraction, ...]  # c_0 … c_{K−1}, not yet rounded
    kappa: int | None = None  # the point of the frontier in hundredths, for aqp
    proof: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # lists for the certificate (theory.md §4)
    digits: int = 0  # the working precision in decimal digits

    @classmethod
    def of(cls, problem: Problem, optimum: Optimum, budget: Fraction, digits: int) -> Solution:
        """The answer to a problem of least noise within a bias budget."""
        proof = {name: tuple(map(float, getattr(optimum, name))) for name in ("points", "multipliers")}
        return cls(problem, settled(optimum.coefficients, budget), proof=proof, digits=digits)


def settled(coefficients: Iterable[Scalar], bias: Fraction) -> tuple[Fraction, ...]:
    """The coefficients of a table of that bias, without what the working precision left on them.

    What is 0 comes out of a solver as 1e-80, and what lies halfway between two float64 numbers a little to either side:
    the bytes of the rounded table would depend on the precision. Nothing moves by more than 1e-30 of the bias.

    >>> settled([1e-50, -0.5 + 2**-53], Fraction(1))
    (Fraction(0, 1), Fraction(-4503599627370495, 9007199254740992))
    """
    level = RESOLUTION * bias
    return tuple(_settled(to_fraction(c), level) for c in coefficients)


def _settled(c: Fraction, level: Fraction) -> Fraction:
    if abs(c) <= level:
        return Fraction(0)
    unit = Fraction(2) ** (c.numerator.bit_length() - c.denominator.bit_length() - DECISIVE_BITS)
    near = round(c / unit) * unit
    return near if abs(near - c) <= min(level, abs(c) / 2**GUARD_BITS) else c

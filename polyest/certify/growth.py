"""Proof of a declared bound |r(p)| ≤ C·p^(−α), for targets that users bring along."""

from __future__ import annotations

from fractions import Fraction

from flint import arb, ctx

from polyest.certify.memory import remembered
from polyest.errors import SolveError
from polyest.numbers.balls import BallContext, ball, rational
from polyest.problems.targets import Target

__all__ = ["prove_growth"]

OCTAVES = 1000
DEEPEST = 12
MOST_CELLS = 50_000
BITS = 1200  # so that r = 1 − p is told from 1 at the last octave


@remembered(maxsize=256)
def prove_growth(target: Target) -> None:
    """Prove the bound on [2^(−1000), 1]; below, it is the user's word (docstring of `polyest.custom`).

    Raises:
        SolveError: the bound could not be proved, or r is not finite somewhere.
    """
    C, alpha = target.growth
    cells = [(k, Fraction(1, 2), Fraction(1)) for k in range(OCTAVES)]  # [2^−k·a, 2^−k·b]
    with ctx.workprec(BITS):
        for _ in range(MOST_CELLS):
            if not cells:
                return
            k, a, b = cells.pop()
            p = arb(rational((a + b) / 2), rational((b - a) / 2)) * arb(2) ** -k
            limit = ball(C) * BallContext.power(ball(b) * arb(2) ** -k, -alpha)
            if abs(arb(target.formula(p, BallContext))) <= limit:
                continue
            middle = (a + b) / 2
            if b - a < Fraction(1, 2**DEEPEST):
                break
            cells += [(k, a, middle), (k, middle, b)]
    raise SolveError(
        f"`growth` of {target.name} could not be proved near p = {float(b):.6g}·2^(−{k}): |r(p)| < C·p^(−α) must hold "
        "on (0, 1] with r finite; declare a larger C"
    )

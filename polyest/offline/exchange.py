"""The exchange of constraint points: a program with a constraint for every p, solved on finitely many (theory.md §3).

Each round solves the program with constraints at some points; active points stay, and wherever the bias peaks above β
that peak joins them. F grows from round to round, so that no active set returns, and the solution is the limit (Hettich
& Kortanek 1993, doi:10.1137/1035089, §7.1).

The arithmetic is an argument. float64 has a grid, a small space and compiled least squares (`exchange_in_float64`).
Multi-precision is for budgets so close to E*_K that float64 cannot settle them: slower than local reduction near the
solution (linear, unless about K points are active), but it gets there from anywhere. Minimax has an exchange of its own
(`remez`): with one point more than unknowns, all of them active, a round is a formula and not a program.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from polyest.errors import SolveError
from polyest.numbers.conversion import Array, Floating, Floats
from polyest.offline.linear import column, gram, number
from polyest.offline.peaks import HIGH, PER_GAP, Peaks, peaks_of
from polyest.offline.program import Constraints, Optimum, Program
from polyest.offline.quadratic import by_active_set

__all__ = ["InMultiprecision", "OnPoints", "exchanged"]

ROUNDS, PATIENCE = 60, 3

Solved = TypeVar("Solved", bound=Optimum[Array])


class OnPoints(Protocol[Solved]):
    """The program at one β on finitely many points, in one arithmetic.

    Attributes:
        joining: height of a peak, in units of β, from which on it joins.
        rounding: excess at which the exchange may end where the peaks do not get lower any more.
    """

    joining: float
    rounding: float

    def solved(self, constraints: Constraints, /) -> Solved:
        """The solution with these constraints, and its active points in order."""

    def peaks(self, here: Solved, /) -> tuple[Constraints, Floats]:
        """Where |e| of a solution peaks, and |e|/β there."""


def exchanged(program: OnPoints[Solved], start: Constraints, slack: float) -> Solved:
    """The solution of the program but for an excess of the bias over β, relative, of `slack`.

    Raises:
        SolveError: β is below the least bias, or the exchange did not settle.
    """
    best, since, constraints = math.inf, 0, start
    for _ in range(ROUNDS):
        here = program.solved(constraints)
        peaks, heights = program.peaks(here)
        excess = float(max(heights[~np.isin(peaks.sides, constraints.sides)], default=1.0)) - 1
        best, since = (excess, 0) if excess < best / 2 else (best, since + 1)
        if excess <= slack or (since >= PATIENCE and excess < program.rounding):
            return here
        new = heights > program.joining
        old = ~np.isin(here.constraints.sides, peaks.sides[new])
        points, signs = (peaks.points[new], here.points[old]), (peaks.signs[new], here.signs[old])
        multipliers = peaks.multipliers[new], 0 * here.multipliers[old]
        constraints = Constraints(*map(np.concatenate, (points, signs, multipliers)))
    raise SolveError(f"the exchange of constraint points for {program} did not settle")


@dataclass(frozen=True)
class InMultiprecision:
    """The program at β on finitely many points.

    Attributes:
        program: in multi-precision.
        beta: the bias budget, a number of the program's arithmetic.
        slack: as in `exchanged`; the peaks are refined as far as it asks for.
    """

    program: Program
    beta: Floating
    slack: float

    joining, rounding = HIGH, 0.0

    def __str__(self) -> str:
        return f"{self.program.target.name}, β = {float(self.beta):.3e}, in multi-precision"

    def solved(self, constraints: Constraints) -> Optimum[Array]:
        """The solution with these constraints, and its active points in order."""
        program, points, signs = self.program, constraints.points, constraints.signs
        rows, _ = program.scaled_rows(points)
        bayes = column(program.bias(program.means).values(points))
        found = by_active_set(gram(rows), bayes, signs.tolist(), number(self.beta), constraints.active)
        multipliers, c = program.convert(found.entries()), program.unscaled(-rows.transpose() * found)
        order = np.argsort(points)
        return Optimum(c, points[order], multipliers[order]).active()

    def peaks(self, here: Optimum[Array]) -> tuple[Peaks, Floats]:
        """Where |e| peaks, with the multipliers of the active points nearby, and |e|/β there."""
        peaks = peaks_of(self.program, here, self.beta, PER_GAP, self.slack)
        return peaks, (peaks.bias * peaks.signs / self.beta).astype(float)

"""Solutions along the bias budget, each started from those that are known, in one arithmetic each (theory.md §3).

The dual is a LASSO over measures, so the solution is piecewise smooth in β, and the active points of one budget are
nearly those of the next.
"""

from __future__ import annotations

import math
from typing import Generic, TypeVar

import numpy as np

from polyest.numbers.conversion import Array, to_fraction
from polyest.numbers.mpfr import Mpfr
from polyest.offline import remez
from polyest.offline.exchange import Constraints, OneSided, exchanged, one_sided
from polyest.offline.exchange_in_float64 import Approximation, Discretization, fine_grid
from polyest.offline.program import Optimum, Program
from polyest.problems.targets import Target

__all__ = ["Float64Solver", "Known", "MultiprecisionSolver"]

DIGITS = 60  # of multi-precision where float64 is not enough, and one more for every two completions
LONGEST_STRIDE = 0.3  # in log β, over which the active points of one budget are a start for the other

S = TypeVar("S")


class Known(Generic[S]):
    """Solutions by bias budget."""

    def __init__(self) -> None:
        self.at: dict[float, S] = {}

    def nearest_first(self, beta: float) -> list[tuple[float, S]]:
        """Budgets and solutions by their distance in log β."""
        return sorted(self.at.items(), key=lambda item: _stride(item[0], beta))

    def reaches(self, beta: float) -> bool:
        """Whether one of them is near enough to be a start."""
        return any(_stride(known, beta) < LONGEST_STRIDE for known in self.at)


class Float64Solver:
    """float64's solutions of one program, as far as it carries: towards E*_K the program gets ill conditioned."""

    def __init__(self, program: Program, solver: str | None) -> None:
        self.space, self.solver = Discretization(program), solver
        self.known: Known[Approximation] = Known()

    def solved(self, beta: float, slack: float) -> Approximation:
        """The solution at β but for an excess of `slack`, by the shortest way from the nearest one.

        Raises:
            SolveError: float64 does not carry that far.
        """
        if not self.known.at:
            return self.space.first(beta, self.solver, slack)
        near = self.known.nearest_first(beta)[0][1]
        if not self.known.reaches(beta):
            return self.space.from_afar(beta, near.norm, slack)
        return self.space.from_near(beta, near.points, near.norm, slack)

    def afresh(self, beta: float) -> Approximation:
        """The same whatever was solved before: the start for all digits."""
        near = self.space.first(beta, self.solver)
        return self.space.on(beta, np.union1d(near.points, fine_grid(self.space.program.group_size, 1)), near.norm)


class MultiprecisionSolver:
    """Solutions at any budget of one (target, K)."""

    def __init__(self, target: Target, group_size: int) -> None:
        self.ctx = Mpfr(DIGITS + group_size // 2)
        self.program = Program(target, group_size, self.ctx)
        self.known: Known[Optimum[Array]] = Known()

    def solved(self, beta: float, slack: float, floats: Known[Approximation]) -> Optimum[Array]:
        """The solution at β but for an excess of `slack`; float64's are a start where there is no other yet."""
        with self.ctx.precision():
            program = OneSided(self.program, self.ctx.rational(to_fraction(beta)), slack)
            start = self._continued(beta) if self.known.at else self._begun(beta, floats)
            found = self.known.at[beta] = exchanged(program, start, slack)
            return found

    def _continued(self, beta: float) -> Constraints:
        """On the line through two solutions of the same signs, else the nearest's."""
        (nearest, here), *others = self.known.nearest_first(beta)
        shares = ((math.log(beta / nearest) / math.log(budget / nearest), there) for budget, there in others)
        lines = (_along(here, there, share) for share, there in shares if abs(share) < 1)
        points = next((line for line in lines if line is not None), here.points)
        return one_sided(points, here.signs, here.multipliers)

    def _begun(self, beta: float, floats: Known[Approximation]) -> Constraints:
        """float64's at the nearest budget that it carries to, else those of the minimax table."""
        if floats.at:
            near = floats.nearest_first(beta)[0][1]
            return one_sided(self.ctx.array(near.points), near.signs, self.ctx.array(near.multipliers))
        least = remez.best_approximation(self.program.target, self.program.group_size, remez.DIGITS)
        points = self.ctx.array(least.points)
        return one_sided(points, least.signs, 0 * points)


def _stride(known: float, beta: float) -> float:
    return abs(math.log(known / beta))


def _along(here: Optimum[Array], there: Optimum[Array], share: float) -> Array | None:
    """The points part of the way; None if they do not correspond, or would not keep their order."""
    if not np.array_equal(here.signs, there.signs):
        return None
    points = here.points + share * (there.points - here.points)
    return points if (np.diff(points, prepend=0) > 0).all() and points[-1] <= 1 else None

"""The solution of the variance-optimal program along the bias budget, in float64 (theory.md §3).

The dual is a LASSO over measures, so the solution is piecewise smooth in β, and the active points of one budget are
nearly those of the next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from polyest.errors import SolveError
from polyest.numbers.conversion import exact
from polyest.numbers.long_double import Extended
from polyest.numbers.mpfr import Mpfr
from polyest.offline import cuts, exchange
from polyest.offline.discretization import SLACK, Approximation, Discretization, grid
from polyest.offline.program import Program
from polyest.offline.reduction import PER_GAP, Optimum, converted, peaks_of
from polyest.polynomials import bernstein
from polyest.problems.targets import Target

__all__ = ["Path"]

COARSE = 0.04  # relative error that a supremum of the noise may have far from the number that matters
LOOSE = 1e-3  # excess of the bias over β, relative, that makes no larger one
SMALL = 1e-7  # excess that is small enough in multi-precision, where less takes longer; `excess` sees it
DIGITS = 60  # of multi-precision where float64 is not enough, and one more for every two completions
LONGEST_STRIDE = 0.3  # in log β, over which the active points of one budget are a start for the other


class Path:
    """Solutions of one (target, K) at any β, each started from the nearest one known.

    Attributes:
        least_bias: E*_K.
        bayes_bias: β(μ); at and above it the program is solved by the Bayes table.
    """

    def __init__(self, target: Target, group_size: int, least_bias: float, solver: str | None = None) -> None:
        self.target, self.group_size, self.least_bias, self.solver = target, group_size, least_bias, solver
        self.program = Program(target, group_size)
        self.discretization = Discretization(self.program)
        self.bayes_bias = float(np.abs(self.discretization.bayes).max())
        self._known: dict[float, tuple[float, Approximation]] = {}
        self._precise = Mpfr(DIGITS + group_size // 2)
        self._precise_program = Program(target, group_size, self._precise)
        self._optima: dict[float, Optimum] = {}

    def at(self, beta: float, slack: float = SLACK) -> Approximation:
        """The solution at the bias budget β < `bayes_bias`, whose bias may exceed β by the share `slack`."""
        if self._is_known(beta, slack):
            return self._known[beta][1]
        if any(abs(math.log(known / beta)) < LONGEST_STRIDE for known in self._optima):
            return self._precisely(beta, slack)
        try:
            return self.in_float64(beta, slack)
        except SolveError:
            return self._precisely(beta, slack)

    def in_float64(self, beta: float, slack: float = SLACK) -> Approximation:
        """The same as far as float64 carries: towards E*_K the program gets ill conditioned.

        Raises:
            SolveError: it does not carry that far.
        """
        if not self._is_known(beta, slack):
            self._known[beta] = slack, self._solve(beta, slack)
        return self._known[beta][1]

    def in_multiprecision(self, beta: float, slack: float) -> Optimum:
        """The same anywhere, from what is known near that budget."""
        with self._precise.precision():
            budget = self._precise.rational(exact(beta))
            found = self._optima[beta] = cuts.solve(self._precise_program, *self._start(beta), budget, slack)
            return found

    def _start(self, beta: float) -> tuple[Any, Any, Any]:
        """Points, signs and multipliers: on the line through two solutions of the same signs, else the nearest's."""
        if not self._optima:
            return self._first_start(beta)
        nearest, *others = _from_nearest(self._optima, beta)
        here = self._optima[nearest]
        shares = {other: math.log(beta / nearest) / math.log(other / nearest) for other in others}
        lines = (_along(here, self._optima[other], share) for other, share in shares.items() if abs(share) < 1)
        points = next((line for line in lines if line is not None), here.points)
        return points, _signs(here), here.multipliers

    def _first_start(self, beta: float) -> tuple[Any, Any, Any]:
        """float64's at the nearest budget that it carries to, else those of the minimax table."""
        if self._known:
            near = self._known[_from_nearest(self._known, beta)[0]][1]
            points, multipliers = self._precise.array(near.points), self._precise.array(near.multipliers)
            return points, np.sign(near.multipliers).astype(int), multipliers
        least = exchange.solve(self.target, self.group_size, exchange.DIGITS)
        points = self._precise.array(least.points)
        return points, np.array(least.signs), 0 * points

    def afresh(self, beta: float) -> Approximation:
        """The same in float64, whatever was solved before: the start for all digits.

        Raises:
            SolveError: float64 does not carry that far.
        """
        near = self.discretization.solve(beta, self.solver)
        return self.discretization.solve_on(beta, np.union1d(near.points, grid(self.group_size, 1)), near.norm)

    def _solve(self, beta: float, slack: float) -> Approximation:
        if not self._known:
            return self.discretization.solve(beta, self.solver, slack)
        nearest = _from_nearest(self._known, beta)[0]
        known = self._known[nearest][1]
        if abs(math.log(nearest / beta)) > LONGEST_STRIDE:
            return self.discretization.solve_afar(beta, known.norm, slack)
        return self.discretization.solve_from(beta, known.points, known.norm, slack)

    def _precisely(self, beta: float, slack: float) -> Approximation:
        found = self.in_multiprecision(beta, max(slack, SMALL))
        coefficients, points, multipliers = (v.astype(float) for v in vars(found).values())
        norm = math.sqrt(self.program.weights @ (coefficients - self.program.means) ** 2) / beta
        self._known[beta] = slack, Approximation(points, multipliers, coefficients, norm)
        return self._known[beta][1]

    def _is_known(self, beta: float, slack: float) -> bool:
        return beta in self._known and self._known[beta][0] <= slack

    def noise_on_grid(self, coefficients: Any) -> Any:
        """V of a float64 table at the points of the grid."""
        phi, p = self.discretization.phi, self.discretization.grid
        share, bayes = np.arange(1, self.group_size + 1) / self.group_size, self.discretization.bayes
        r = (phi @ self.program.means - bayes) / p
        moments = phi @ np.stack([share * coefficients**2, share * coefficients, share], axis=1)
        bias = phi @ (coefficients - self.program.means) + bayes
        return np.asarray(moments[:, 0] - 2 * r * moments[:, 1] + r**2 * moments[:, 2] - bias**2)

    def noise_at(self, beta: float, unless_far_from: float | None = None) -> float:
        """V of the solution at β; a rough one far from the number that matters, if there is one."""
        if unless_far_from is not None:
            rough = float(self.noise_on_grid(self.at(beta, LOOSE).coefficients).max())
            if abs(rough / unless_far_from - 1) > COARSE:
                return rough
        return self.noise(self.at(beta).coefficients)

    def excess(self, beta: float) -> float:
        """By how much the bias of the solution at β exceeds β, relative: more than its exchange of points can see."""
        ctx, found = Extended(), self.at(beta)
        program = Program(self.target, self.group_size, ctx)
        return peaks_of(program, converted(program, found), ctx.rational(exact(beta)), PER_GAP, 0.0).excess(beta)

    def noise(self, coefficients: Any) -> float:
        """V(c): the best point of the grid, then a search around it."""
        values, grid = self.noise_on_grid(coefficients), self.discretization.grid
        top = int(np.argmax(values))
        around = grid[max(top - 1, 0)], grid[min(top + 1, len(values) - 1)]
        found = minimize_scalar(
            lambda p: -float(bernstein.noise(self.target, coefficients, [p])[0]),
            bounds=around,
            method="bounded",
            options={"xatol": 1e-12},
        )
        return max(-float(found.fun), float(values[top]))

    def objective(self, solution: Approximation) -> float:
        """F at a solution; it decreases in the budget."""
        return float(self.program.weights @ (solution.coefficients - self.program.means) ** 2)


def _from_nearest(budgets: Iterable[float], beta: float) -> list[float]:
    return sorted(budgets, key=lambda known: abs(math.log(known / beta)))


def _signs(optimum: Optimum) -> Any:
    return np.sign(optimum.multipliers.astype(float)).astype(int)


def _along(here: Optimum, there: Optimum, share: float) -> Any:
    """The points part of the way; None if they do not correspond, or would not keep their order."""
    if not np.array_equal(_signs(here), _signs(there)):
        return None
    points = here.points + share * (there.points - here.points)
    return points if (np.diff(points, prepend=0) > 0).all() and points[-1] <= 1 else None

"""The solution of the variance-optimal program at any bias budget: float64 where it carries, else multi-precision.

The dual is a LASSO over measures, so the solution is piecewise smooth in β, and the active points of one budget are
nearly those of the next: each solution is started from those that are known (theory.md §3). Towards E*_K the program
gets ill conditioned, and float64 does not carry.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from polyest.errors import SolveError
from polyest.numbers.conversion import to_fraction
from polyest.numbers.mpfr import Mpfr
from polyest.offline import remez
from polyest.offline.exchange_in_float64 import SLACK, Approximation, Discretization
from polyest.offline.peaks import PER_GAP, peaks_of
from polyest.offline.program import Optimum, Program
from polyest.offline.reduction import exchanged_in_digits
from polyest.problems.problem import Problem
from polyest.problems.targets import get_target

__all__ = ["SolutionPath"]

DIGITS = 60  # of multi-precision where float64 is not enough, and one more for every two completions
SMALL = 1e-7  # excess that is small enough in multi-precision, where less takes longer; `excess` sees it
LONGEST_STRIDE = 0.3  # in log β, over which the active points of one budget are a start for the other


class SolutionPath:
    """Solutions of a problem's program at any β from `least_bias`, E*_K, to `bayes_bias`, β(μ), remembered."""

    def __init__(self, problem: Problem, solver: str | None = None) -> None:
        self.problem, self.solver = problem, solver
        self.target, self.group_size = get_target(problem.target), problem.group_size
        self.least_bias = float(remez.least_bias(self.target, self.group_size))
        self.space = Discretization(Program(self.target, self.group_size))
        self.bayes_bias, self.noise = float(np.abs(self.space.bayes).max()), self.space.noise
        self._ctx = Mpfr(DIGITS + self.group_size // 2)
        self._precise = Program(self.target, self.group_size, self._ctx)
        self._floats: dict[float, tuple[float, Approximation]] = {}  # with the excess that each may have
        self._digits: dict[float, Optimum] = {}

    def at(self, beta: float, slack: float = SLACK) -> Approximation:
        """The solution at the bias budget β < `bayes_bias`, whose bias may exceed β by the share `slack`."""
        near_digits = any(_stride(known, beta) < LONGEST_STRIDE for known in self._digits)
        if self._is_known(beta, slack) or not near_digits:
            with suppress(SolveError):
                return self.in_float64(beta, slack)
        found = self.space.rounded(self.in_multiprecision(beta, max(slack, SMALL)), beta)
        self._floats[beta] = slack, found
        return found

    def in_float64(self, beta: float, slack: float = SLACK) -> Approximation:
        """The same as far as float64 carries.

        Raises:
            SolveError: it does not carry that far.
        """
        if not self._is_known(beta, slack):
            self._floats[beta] = slack, self._solved(beta, slack)
        return self._floats[beta][1]

    def in_multiprecision(self, beta: float, slack: float) -> Optimum:
        """The same anywhere, from what is known near that budget."""
        with self._ctx.precision():
            exact = self._ctx.rational(to_fraction(beta))
            try:
                found = exchanged_in_digits(self._precise, self._start(beta), exact, slack)
            except SolveError:
                found = exchanged_in_digits(self._precise, self._from_least_bias(), exact, slack)
            self._digits[beta] = found
            return found

    def excess(self, beta: float) -> float:
        """By how much the bias of the solution at β exceeds β, relative: more than its exchange of points can see."""
        return peaks_of(self.space.program, self.at(beta), beta, PER_GAP, 0.0).excess(beta)

    def _solved(self, beta: float, slack: float) -> Approximation:
        """float64's solution, by the shortest way from the nearest one."""
        if not self._floats:
            return self.space.first(beta, self.solver, slack)
        nearest = _nearest(self._floats, beta)
        near = self._floats[nearest][1]
        if _stride(nearest, beta) > LONGEST_STRIDE:
            return self.space.from_afar(beta, near.norm, slack)
        return self.space.exchanged(beta, near.points, near.norm, slack)

    def _start(self, beta: float) -> Optimum:
        """The nearest solution in multi-precision; else float64's, as far as it carries; else the Bayes table."""
        if self._digits:
            return self._digits[_nearest(self._digits, beta)]
        if self._floats:
            return self._precise.converted(self._floats[_nearest(self._floats, beta)][1])
        return self._precise.unconstrained

    def _from_least_bias(self) -> Optimum:
        """The points of the minimax table, a start that carries everywhere, and slowly far from E*_K."""
        least, array = remez.best_approximation(self.target, self.group_size), self._ctx.array
        return Optimum(self._precise.means, array(least.points[:-1]), array(least.signs[:-1].astype(float)))

    def _is_known(self, beta: float, slack: float) -> bool:
        return beta in self._floats and self._floats[beta][0] <= slack


def _nearest(known: Iterable[float], beta: float) -> float:
    return min(known, key=lambda budget: _stride(budget, beta))


def _stride(known: float, beta: float) -> float:
    return abs(math.log(known / beta))

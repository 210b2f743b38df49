"""The solution of the variance-optimal program at any bias budget: float64 where it carries, else multi-precision.

The dual is a LASSO over measures, so the solution is piecewise smooth in β, and the active points of one budget are
nearly those of the next: each solution is started from those that are known (theory.md §3). Towards E*_K the program
gets ill conditioned, and float64 does not carry.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TypeVar

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

Found = TypeVar("Found", Approximation, Optimum)


class Known(dict[float, tuple[float, Found]]):
    """The solutions so far by bias budget, with the excess that each may have: the next one starts from the nearest."""

    def keep(self, beta: float, slack: float, solution: Found) -> Found:
        self[beta] = slack, solution
        return solution

    def at(self, beta: float, slack: float) -> Found | None:
        """The solution at that budget, if its excess may be no larger."""
        known_slack, solution = self.get(beta, (math.inf, None))
        return solution if known_slack <= slack else None

    def nearest(self, beta: float) -> tuple[float, Found | None]:
        """How far away in log β the nearest solution is, and that solution."""
        strides = {known: abs(math.log(known / beta)) for known in self}
        nearest = min(strides, key=strides.__getitem__, default=None)
        return (math.inf, None) if nearest is None else (strides[nearest], self[nearest][1])


class SolutionPath:
    """Solutions of a problem's program at any β from `least_bias`, E*_K, to `bayes_bias`, β(μ)."""

    def __init__(self, problem: Problem, solver: str | None = None) -> None:
        self.problem, self.solver = problem, solver
        self.target, self.group_size = get_target(problem.target), problem.group_size
        self.least_bias = float(remez.least_bias(self.target, self.group_size))
        self.space = Discretization(Program(self.target, self.group_size))
        self.bayes_bias, self.noise = float(np.abs(self.space.bayes).max()), self.space.noise
        self._ctx = Mpfr(DIGITS + self.group_size // 2)
        self._precise = Program(self.target, self.group_size, self._ctx)
        self._floats, self._digits = Known[Approximation](), Known[Optimum]()

    def at(self, beta: float, slack: float = SLACK) -> Approximation:
        """The solution at the bias budget β < `bayes_bias`, whose bias may exceed β by the share `slack`."""
        if self._floats.at(beta, slack) is not None or self._digits.nearest(beta)[0] >= LONGEST_STRIDE:
            with suppress(SolveError):
                return self.in_float64(beta, slack)
        found = self.space.rounded(self.in_multiprecision(beta, max(slack, SMALL)), beta)
        return self._floats.keep(beta, slack, found)

    def in_float64(self, beta: float, slack: float = SLACK) -> Approximation:
        """The same as far as float64 carries.

        Raises:
            SolveError: it does not carry that far.
        """
        found = self._floats.at(beta, slack)
        return self._floats.keep(beta, slack, self._solved(beta, slack)) if found is None else found

    def in_multiprecision(self, beta: float, slack: float) -> Optimum:
        """The same anywhere, from what is known near that budget."""
        with self._ctx.precision():
            exact = self._ctx.rational(to_fraction(beta))
            try:
                found = exchanged_in_digits(self._precise, self._start(beta), exact, slack)
            except SolveError:
                found = exchanged_in_digits(self._precise, self._from_least_bias(), exact, slack)
            return self._digits.keep(beta, slack, found)

    def _solved(self, beta: float, slack: float) -> Approximation:
        """float64's solution, by the shortest way from the nearest one."""
        stride, near = self._floats.nearest(beta)
        if near is None:
            return self.space.first(beta, self.solver, slack)
        if stride > LONGEST_STRIDE:
            return self.space.from_afar(beta, near.norm, slack)
        return self.space.exchanged(beta, near.points, near.norm, slack)

    def _start(self, beta: float) -> Optimum:
        """The nearest solution in multi-precision; else float64's, as far as it carries; else the Bayes table."""
        (_, in_digits), (_, in_floats) = self._digits.nearest(beta), self._floats.nearest(beta)
        if in_digits is not None:
            return in_digits
        return self._precise.unconstrained if in_floats is None else self._precise.converted(in_floats)

    def _from_least_bias(self) -> Optimum:
        """The points of the minimax table, a start that carries everywhere, and slowly far from E*_K."""
        least, array = remez.best_approximation(self.target, self.group_size), self._ctx.array
        return Optimum(self._precise.means, array(least.points[:-1]), array(least.signs[:-1].astype(float)))

    def excess(self, beta: float) -> float:
        """By how much the bias of the solution at β exceeds β, relative: more than its exchange of points can see."""
        return peaks_of(self.space.program, self.at(beta), beta, PER_GAP, 0.0).excess(beta)

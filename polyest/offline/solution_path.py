"""The solution of the variance-optimal program at any bias budget: float64 where it carries, else multi-precision."""

from __future__ import annotations

import math

import numpy as np

from polyest.errors import SolveError
from polyest.numbers.conversion import Array, to_fraction
from polyest.numbers.long_double import Extended
from polyest.offline import remez
from polyest.offline.exchange_in_float64 import SLACK, Approximation
from polyest.offline.noise import Noise
from polyest.offline.peaks import PER_GAP, peaks_of
from polyest.offline.program import Optimum, Program
from polyest.offline.warm_start import Float64Solver, MultiprecisionSolver
from polyest.problems.problem import Problem
from polyest.problems.targets import Target, get_target

__all__ = ["SolutionPath", "path_for"]

SMALL = 1e-7  # excess that is small enough in multi-precision, where less takes longer; `excess` sees it


class SolutionPath:
    """Solutions of one (target, K) at any β, remembered.

    Attributes:
        least_bias: E*_K.
        bayes_bias: β(μ); at and above it the program is solved by the Bayes table.
        noise: V of tables of float64 numbers.
    """

    def __init__(self, target: Target, group_size: int, least_bias: float, solver: str | None = None) -> None:
        self.target, self.group_size, self.least_bias = target, group_size, least_bias
        self.program = Program(target, group_size)
        self._floats, self._digits = Float64Solver(self.program, solver), MultiprecisionSolver(target, group_size)
        self._slacks: dict[float, float] = {}
        self.bayes_bias = float(np.abs(self._floats.space.bayes).max())
        self.noise = Noise(self._floats.space)

    def at(self, beta: float, slack: float = SLACK) -> Approximation:
        """The solution at the bias budget β < `bayes_bias`, whose bias may exceed β by the share `slack`."""
        if not self._is_known(beta, slack) and self._digits.known.reaches(beta):
            return self._precisely(beta, slack)
        try:
            return self.in_float64(beta, slack)
        except SolveError:
            return self._precisely(beta, slack)

    def in_float64(self, beta: float, slack: float = SLACK) -> Approximation:
        """The same as far as float64 carries.

        Raises:
            SolveError: it does not carry that far.
        """
        if self._is_known(beta, slack):
            return self._floats.known.at[beta]
        return self._remembered(beta, slack, self._floats.solved(beta, slack))

    def in_multiprecision(self, beta: float, slack: float) -> Optimum[Array]:
        """The same anywhere, from what is known near that budget."""
        return self._digits.solved(beta, slack, self._floats.known)

    def afresh(self, beta: float) -> Approximation:
        """The same in float64, whatever was solved before: the start for all digits."""
        return self._floats.afresh(beta)

    def excess(self, beta: float) -> float:
        """By how much the bias of the solution at β exceeds β, relative: more than its exchange of points can see."""
        ctx = Extended()
        program = Program(self.target, self.group_size, ctx)
        here = program.converted(self.at(beta))
        return peaks_of(program, here, ctx.rational(to_fraction(beta)), PER_GAP, 0.0).excess(beta)

    def _precisely(self, beta: float, slack: float) -> Approximation:
        found = self.in_multiprecision(beta, max(slack, SMALL))
        return self._remembered(beta, slack, self._floats.space.rounded(found, beta))

    def _remembered(self, beta: float, slack: float, found: Approximation) -> Approximation:
        self._floats.known.at[beta], self._slacks[beta] = found, slack
        return found

    def _is_known(self, beta: float, slack: float) -> bool:
        return self._slacks.get(beta, math.inf) <= slack


def path_for(problem: Problem, solver: str | None = None) -> SolutionPath:
    """The path of a problem's program."""
    target = get_target(problem.target)
    return SolutionPath(target, problem.group_size, float(remez.least_bias(target, problem.group_size)), solver)

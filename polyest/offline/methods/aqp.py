"""The variance-optimal table: least noise within a bias budget (theory.md §3).

float64 finds the neighbourhood (`polyest.offline.solution_path`), multi-precision the digits
(`polyest.offline.reduction`).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from polyest.errors import SolveError
from polyest.numbers.mpfr import Mpfr
from polyest.offline import remez
from polyest.offline.bayes import bayes_means
from polyest.offline.methods import minimax
from polyest.offline.named_point import kappa_named
from polyest.offline.program import Program
from polyest.offline.reduction import to_all_digits
from polyest.offline.solution import Solution, settled
from polyest.offline.solution_path import SolutionPath
from polyest.problems.problem import Problem

__all__ = ["at_kappa", "solution"]

DIGITS = 50
GUARD = 20  # digits that the conditioning costs where float64 carries
MOST_GUARD = 40  # and may cost anywhere, and one more for every completion
ROUGHLY = 1e-3  # excess of the bias, relative, of a start in multi-precision


def solution(problem: Problem, digits: int | None = None, solver: str | None = None) -> Solution:
    """The table at the point of the frontier that the problem's budget names."""
    path = SolutionPath(problem, solver)
    at = lru_cache(maxsize=None)(lambda kappa: at_kappa(path, kappa, digits))
    return at(kappa_named(path, lambda kappa: path.noise(at(kappa).coefficients)))


def at_kappa(path: SolutionPath, kappa: int, digits: int | None = None) -> Solution:
    """The table at κ = kappa/100.

    κ = 1 is the minimax table; from β(μ) on the budget does not bind and the Bayes table solves the program.

    Raises:
        SolveError: the optimality conditions could not be met to the precision asked for.
    """
    working = max(digits or 0, DIGITS)
    if kappa == 100:
        return replace(minimax.solution(path.problem, digits), kappa=kappa)
    budget = Fraction(kappa, 100) * remez.least_bias(path.target, path.group_size, max(remez.DIGITS, working + 30))
    if budget < path.bayes_bias * (1 - 1e-12):
        return replace(_binding(path, budget, working), kappa=kappa)
    means = bayes_means(path.target, path.group_size, working + MOST_GUARD)
    if path.target.mean is None:  # they come from quadrature
        means = settled(means, Fraction(path.bayes_bias))
    return Solution(path.problem, means, kappa, {"points": (), "multipliers": ()}, working)


def _binding(path: SolutionPath, budget: Fraction, digits: int) -> Solution:
    """The table of a budget between E*_K and β(μ): its points roughly, in float64 if that carries, then all digits."""
    beta = float(budget)
    for guard in (GUARD, MOST_GUARD + path.group_size):
        ctx = Mpfr(digits + guard)
        program = Program(path.target, path.group_size, ctx)
        try:
            near = path.space.first(beta, path.solver) if guard == GUARD else path.in_multiprecision(beta, ROUGHLY)
            with ctx.precision():
                optimum = to_all_digits(program, near, ctx.rational(budget), digits)
            return Solution.of(path.problem, optimum, budget, digits)
        except SolveError as error:
            failure = error
    raise SolveError(
        f"the active points of {path.target.name}, K = {path.group_size}, κ = {beta / path.least_bias:.2f}, "
        f"were not found ({failure}); try a nearby bias_budget"
    )

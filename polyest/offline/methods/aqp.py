"""The variance-optimal table: least noise within a bias budget (theory.md §3).

float64 finds the neighbourhood (`polyest.offline.path`), multi-precision the digits (`polyest.offline.reduction`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from polyest.errors import SolveError
from polyest.offline import exchange, frontier, reduction
from polyest.offline.means import bayes_means
from polyest.offline.methods import minimax
from polyest.offline.numbers import Mpfr, Multiprecision, exact
from polyest.offline.path import Path
from polyest.offline.program import Program
from polyest.offline.solution import Solution
from polyest.problem import Problem
from polyest.targets import Target, get_target

__all__ = ["at_kappa", "beside", "solve"]

DIGITS = 50
GUARD = 40  # digits that the conditioning may cost, and one more for every 8 completions


def solve(problem: Problem, digits: int | None = None, solver: str | None = None) -> Solution:
    """The table at the point of the frontier that the problem's budget names."""
    path = frontier.path_for(problem, solver)
    return at_kappa(path, problem, frontier.choose(path, problem), digits)


def at_kappa(path: Path, problem: Problem, kappa: int, digits: int | None = None) -> Solution:
    """The table at κ = kappa/100.

    κ = 1 is the minimax table; from β(μ) on the budget does not bind and the Bayes table solves the program.

    Raises:
        SolveError: the optimality conditions could not be met to the precision asked for.
    """
    working = digits or DIGITS
    if kappa == 100:
        best = minimax.solve(problem, digits)
        return Solution(problem, best.coefficients, kappa, best.proof, best.digits)
    unit = exchange.least_bias(path.target, path.group_size, max(exchange.DIGITS, working + 30))
    budget = Fraction(kappa, 100) * exact(unit)
    if budget >= path.bayes_bias * (1 - 1e-12):
        means = bayes_means(path.target, path.group_size, Multiprecision(working + GUARD))
        return Solution(problem, tuple(means), kappa, {"points": (), "multipliers": ()}, working)
    return _binding(path, problem, kappa, budget, working)


def _binding(path: Path, problem: Problem, kappa: int, budget: Fraction, digits: int) -> Solution:
    """The table of a budget between E*_K and β(μ)."""
    start = path.afresh(float(budget))
    return _polished(path.target, problem, kappa, budget, (start.points, start.multipliers), digits)


def beside(larger: Solution, problem: Problem, digits: int | None = None) -> Solution:
    """The table of K − 1 at the κ of the table of K, whose active points are a start for it: they lie alike in θ√K."""
    assert larger.kappa is not None
    K, working, target = problem.group_size, digits or DIGITS, get_target(problem.target)
    points, multipliers = (np.array(larger.proof[name]) for name in ("points", "multipliers"))
    wider = np.sin(np.minimum(np.arcsin(np.sqrt(points)) * ((K + 1) / K) ** 0.5, np.pi / 2)) ** 2
    unit = exchange.least_bias(target, K, max(exchange.DIGITS, working + 30))
    budget = Fraction(larger.kappa, 100) * exact(unit)
    start = np.where(points < 0.5, wider, points), multipliers  # towards 1 the points lie by their number
    return _polished(target, problem, larger.kappa, budget, start, working)


def _polished(
    target: Target, problem: Problem, kappa: int, budget: Fraction, start: tuple[Any, Any], digits: int
) -> Solution:
    """All digits, from points and multipliers near the active ones."""
    K, ctx = problem.group_size, Mpfr(digits + GUARD + problem.group_size // 8)
    with ctx.precision():
        program, beta = Program(target, K, ctx), ctx.rational(budget)
        try:
            optimum = reduction.solve(program, *start, beta, digits)
        except SolveError as error:
            raise SolveError(
                f"the active points of {target.name}, K = {K}, κ = {kappa / 100:.2f}, were not found "
                f"({error}); try a nearby bias_budget"
            ) from None
        proof = {
            "points": tuple(map(float, optimum.points)),
            "multipliers": tuple(map(float, optimum.multipliers)),
        }
        coefficients = Multiprecision(ctx.digits).array(map(exact, optimum.coefficients))
        return Solution(problem, tuple(coefficients), kappa, proof, digits)

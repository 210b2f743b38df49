"""The variance-optimal table: least noise within a bias budget (theory.md §3).

float64 finds the neighbourhood (`polyest.offline.path`), multi-precision the digits (`polyest.offline.reduction`).
"""

from __future__ import annotations

from fractions import Fraction

from polyest.errors import SolveError
from polyest.offline import exchange, frontier, reduction
from polyest.offline.means import bayes_means
from polyest.offline.methods import minimax
from polyest.offline.numbers import Mpfr, Multiprecision, exact
from polyest.offline.path import Path
from polyest.offline.program import Program
from polyest.offline.solution import Solution
from polyest.problem import Problem

__all__ = ["at_kappa", "solve"]

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
    """The table of a budget between E*_K and β(μ): float64's points and multipliers, then all digits."""
    K, near = problem.group_size, path.afresh(float(budget))
    ctx = Mpfr(digits + GUARD + K // 8)
    with ctx.precision():
        program, beta = Program(path.target, K, ctx), ctx.rational(budget)
        try:
            optimum = reduction.solve(program, near.points, near.multipliers, beta, digits)
        except SolveError as error:
            raise SolveError(
                f"the active points of {path.target.name}, K = {K}, κ = {kappa / 100:.2f}, were not found "
                f"({error}); try a nearby bias_budget"
            ) from None
        proof = {
            "points": tuple(map(float, optimum.points)),
            "multipliers": tuple(map(float, optimum.multipliers)),
        }
        coefficients = Multiprecision(ctx.digits).array(map(exact, optimum.coefficients))
        return Solution(problem, tuple(coefficients), kappa, proof, digits)

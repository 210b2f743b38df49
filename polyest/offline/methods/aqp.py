"""The variance-optimal table: least noise within a bias budget (theory.md §3).

float64 finds the neighbourhood (`polyest.offline.path`), multi-precision the digits (`polyest.offline.reduction`).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache, partial

import numpy as np

from polyest.errors import SolveError
from polyest.numbers.conversion import exact
from polyest.numbers.long_double import Extended
from polyest.numbers.mpfr import Mpfr
from polyest.numbers.multiprecision import Multiprecision
from polyest.offline import exchange, frontier, reduction
from polyest.offline.means import bayes_means
from polyest.offline.methods import minimax
from polyest.offline.path import Path
from polyest.offline.program import Program
from polyest.offline.solution import Solution, settled
from polyest.problems.problem import Problem

__all__ = ["at_kappa", "noise", "solve"]

DIGITS = 50
GUARD = 20  # digits that the conditioning costs where float64 carries
MOST_GUARD = 40  # and may cost anywhere, and one more for every completion
FEW_DIGITS = 45  # for most of the way from float64 to all digits, where the hardware's widest floats do not carry
LARGEST_EXTENDED = 256  # group size at which they may
ROUGHLY = 1e-3  # excess of the bias, relative, of a start in multi-precision


def solve(problem: Problem, digits: int | None = None, solver: str | None = None) -> Solution:
    """The table at the point of the frontier that the problem's budget names."""
    path = frontier.path_for(problem, solver)
    solution = lru_cache(maxsize=None)(lambda kappa: at_kappa(path, problem, kappa, digits))
    return solution(frontier.choose(path, problem, lambda kappa: noise(path, solution(kappa))))


def noise(path: Path, solution: Solution) -> float:
    """V of a solution, its coefficients rounded to nearest: to some nine digits that of the table."""
    return path.noise(np.array([float(c) for c in solution.coefficients]))


def at_kappa(path: Path, problem: Problem, kappa: int, digits: int | None = None) -> Solution:
    """The table at κ = kappa/100.

    κ = 1 is the minimax table; from β(μ) on the budget does not bind and the Bayes table solves the program.

    Raises:
        SolveError: the optimality conditions could not be met to the precision asked for.
    """
    working = max(digits or 0, DIGITS)
    if kappa == 100:
        best = minimax.solve(problem, digits)
        return Solution(problem, best.coefficients, kappa, best.proof, best.digits)
    unit = exchange.least_bias(path.target, path.group_size, max(exchange.DIGITS, working + 30))
    budget = Fraction(kappa, 100) * exact(unit)
    if budget >= path.bayes_bias * (1 - 1e-12):
        ctx = Multiprecision(working + MOST_GUARD)
        means = bayes_means(path.target, path.group_size, ctx)
        if path.target.mean is None:  # they come from quadrature
            means = ctx.array(settled(means, Fraction(path.bayes_bias)))
        return Solution(problem, tuple(means), kappa, {"points": (), "multipliers": ()}, working)
    return _binding(path, problem, kappa, budget, working)


def _binding(path: Path, problem: Problem, kappa: int, budget: Fraction, digits: int) -> Solution:
    """The table of a budget between E*_K and β(μ): its points roughly, in float64 if that carries, then all digits."""
    K = problem.group_size

    def from_floats(beta: float) -> reduction.Start:
        near = path.afresh(beta)
        for ctx in (Extended(), Mpfr(FEW_DIGITS))[K > LARGEST_EXTENDED :]:
            with ctx.precision():
                found = reduction.approached(Program(path.target, K, ctx), near, ctx.rational(budget))
            if found is not None:
                return found
        return near

    starts = (GUARD, from_floats), (MOST_GUARD + K, partial(path.in_multiprecision, slack=ROUGHLY))
    for guard, start in starts:
        ctx = Mpfr(digits + guard)
        try:
            near = start(float(budget))
            with ctx.precision():
                program = Program(path.target, K, ctx)
                optimum = reduction.solve(program, near, ctx.rational(budget), digits)
        except SolveError as error:
            failure = error
            continue
        coefficients = Multiprecision(ctx.digits).array(settled(optimum.coefficients, budget))
        proof = {name: tuple(map(float, getattr(optimum, name))) for name in ("points", "multipliers")}
        return Solution(problem, tuple(coefficients), kappa, proof, digits)
    raise SolveError(
        f"the active points of {path.target.name}, K = {K}, κ = {kappa / 100:.2f}, were not found "
        f"({failure}); try a nearby bias_budget"
    )

"""The variance-optimal table: least noise within a bias budget (theory.md §3).

float64 finds the neighbourhood (`polyest.offline.solution_path`), multi-precision the digits
(`polyest.offline.reduction`).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache, partial

from polyest.errors import SolveError
from polyest.numbers.conversion import Array
from polyest.numbers.float64 import FLOAT64
from polyest.numbers.long_double import Extended
from polyest.numbers.mpfr import Mpfr
from polyest.offline import named_point, reduction, remez
from polyest.offline.bayes import bayes_means
from polyest.offline.methods import minimax
from polyest.offline.program import Optimum, Program
from polyest.offline.solution import Solution, settled
from polyest.offline.solution_path import SolutionPath, path_for
from polyest.problems.problem import Problem

__all__ = ["at_kappa", "noise", "solution"]

DIGITS = 50
GUARD = 20  # digits that the conditioning costs where float64 carries
MOST_GUARD = 40  # and may cost anywhere, and one more for every completion
FEW_DIGITS = 45  # for most of the way from float64 to all digits, where the hardware's widest floats do not carry
LARGEST_EXTENDED = 256  # group size at which they may
ROUGHLY = 1e-3  # excess of the bias, relative, of a start in multi-precision


def solution(problem: Problem, digits: int | None = None, solver: str | None = None) -> Solution:
    """The table at the point of the frontier that the problem's budget names."""
    path = path_for(problem, solver)
    at = lru_cache(maxsize=None)(lambda kappa: at_kappa(path, problem, kappa, digits))
    return at(named_point.kappa_named(path, problem, lambda kappa: noise(path, at(kappa))))


def noise(path: SolutionPath, solution: Solution) -> float:
    """V of a solution, its coefficients rounded to nearest: to some nine digits that of the table."""
    return path.noise(FLOAT64.array(solution.coefficients))


def at_kappa(path: SolutionPath, problem: Problem, kappa: int, digits: int | None = None) -> Solution:
    """The table at κ = kappa/100.

    κ = 1 is the minimax table; from β(μ) on the budget does not bind and the Bayes table solves the program.

    Raises:
        SolveError: the optimality conditions could not be met to the precision asked for.
    """
    working = max(digits or 0, DIGITS)
    if kappa == 100:
        best = minimax.solution(problem, digits)
        return Solution(problem, best.coefficients, kappa, best.proof, best.digits)
    unit = remez.least_bias(path.target, path.group_size, max(remez.DIGITS, working + 30))
    budget = Fraction(kappa, 100) * unit
    if budget >= path.bayes_bias * (1 - 1e-12):
        means = bayes_means(path.target, path.group_size, working + MOST_GUARD)
        if path.target.mean is None:  # they come from quadrature
            means = settled(means, Fraction(path.bayes_bias))
        return Solution(problem, means, kappa, {"points": (), "multipliers": ()}, working)
    return _binding(path, problem, kappa, budget, working)


def _binding(path: SolutionPath, problem: Problem, kappa: int, budget: Fraction, digits: int) -> Solution:
    """The table of a budget between E*_K and β(μ): its points roughly, in float64 if that carries, then all digits."""
    K = problem.group_size
    starts = (
        (GUARD, partial(_from_floats, path, budget)),
        (MOST_GUARD + K, partial(path.in_multiprecision, float(budget), ROUGHLY)),
    )
    for guard, start in starts:
        ctx = Mpfr(digits + guard)
        try:
            near = start()
            with ctx.precision():
                optimum = reduction.to_all_digits(Program(path.target, K, ctx), near, ctx.rational(budget), digits)
        except SolveError as error:
            failure = error
            continue
        proof = {name: tuple(map(float, getattr(optimum, name))) for name in ("points", "multipliers")}
        return Solution(problem, settled(optimum.coefficients, budget), kappa, proof, digits)
    raise SolveError(
        f"the active points of {path.target.name}, K = {K}, κ = {kappa / 100:.2f}, were not found "
        f"({failure}); try a nearby bias_budget"
    )


def _from_floats(path: SolutionPath, budget: Fraction) -> Optimum[Array]:
    """float64's solution, or what few digits make of it."""
    near = path.afresh(float(budget))
    for ctx in (Extended(), Mpfr(FEW_DIGITS))[path.group_size > LARGEST_EXTENDED :]:
        with ctx.precision():
            program = Program(path.target, path.group_size, ctx)
            found = reduction.approached(program, near, ctx.rational(budget))
        if found is not None:
            return found
    return near

"""The variance-optimal table: least noise within a bias budget (theory.md §3).

float64 finds the neighbourhood (`polyest.offline.path`), multi-precision the digits (`polyest.offline.polish`).
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import Any

from polyest.errors import SolveError
from polyest.offline import exchange, frontier
from polyest.offline import program as quadratic
from polyest.offline.kkt import Program, State
from polyest.offline.means import bayes_means
from polyest.offline.methods import minimax
from polyest.offline.numbers import Mpfr, Multiprecision, exact
from polyest.offline.path import Path
from polyest.offline.polish import polish
from polyest.offline.solution import Solution
from polyest.problem import Problem
from polyest.targets import Target

__all__ = ["at_kappa", "solve"]

DIGITS = 50
STRIDE, SHORTEST_STRIDE, ATTEMPTS = 0.04, 1e-3, 8  # of the continuation in β, relative
GUARD = 40  # digits that the conditioning of Newton's method may cost, and one more for every 8 completions


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
        return _bayes(problem, path.target, kappa, working)
    ctx = Mpfr(working + GUARD + path.group_size // 8)
    with ctx.precision():
        program, beta = Program(path.target, path.group_size, ctx), ctx.rational(budget)
        state = _state(path, program, beta, working)
        proof = {
            "points": tuple(map(float, state.active.points)),
            "multipliers": tuple(map(float, state.active.multipliers)),
        }
        coefficients = Multiprecision(ctx.digits).array(map(exact, state.coefficients))
        return Solution(problem, tuple(coefficients), kappa, proof, working)


def _state(path: Path, program: Program, beta: Any, digits: int) -> State:
    """The solution of the program: directly, else by continuation from a larger budget."""
    with suppress(SolveError):
        return _from_float(path, program, beta, digits)
    try:
        return _continued(path, program, beta, digits)
    except SolveError as error:
        raise SolveError(
            f"the active points of {path.target.name}, K = {path.group_size}, κ = {float(beta) / path.least_bias:.2f}, "
            f"were not found ({error}); try a nearby bias_budget"
        ) from None


def _from_float(path: Path, program: Program, beta: Any, digits: int) -> State:
    return polish(program, quadratic.clusters(path.closely(float(beta)), path.group_size), beta, digits)


def _continued(path: Path, program: Program, beta: Any, digits: int) -> State:
    """From the nearest larger budget for which float64 finds a start, downward in short steps."""
    here, state = _larger(path, program, beta, digits)
    stride = STRIDE
    while here > beta:
        following = max(beta, here * (1 - stride))
        try:
            here, state = following, polish(program, state.active, following, digits)
        except SolveError:
            stride /= 4
            if stride < SHORTEST_STRIDE:
                raise
    return state


def _larger(path: Path, program: Program, beta: Any, digits: int) -> tuple[Any, State]:
    for _ in range(ATTEMPTS):
        beta = beta * (1 + STRIDE)
        try:
            return beta, _from_float(path, program, beta, digits)
        except SolveError as error:
            failure = error
    raise failure


def _bayes(problem: Problem, target: Target, kappa: int, digits: int) -> Solution:
    """The table of a budget that does not bind."""
    means = bayes_means(target, problem.group_size, Multiprecision(digits + GUARD))
    return Solution(problem, tuple(means), kappa, {"points": (), "multipliers": ()}, digits)

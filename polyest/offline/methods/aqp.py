"""The variance-optimal table: least noise within a bias budget (theory.md §3).

float64 finds the active set (`polyest.offline.path`); Newton's method in multi-precision finds the digits.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from polyest.errors import SolveError
from polyest.offline import exchange, frontier
from polyest.offline import program as quadratic
from polyest.offline.kkt import ActiveSet, Program, State, evaluate, newton
from polyest.offline.methods import minimax
from polyest.offline.numbers import Jet, Multiprecision
from polyest.offline.path import Path
from polyest.offline.solution import Solution
from polyest.problem import Problem

__all__ = ["at_kappa", "solve"]

DIGITS = 50
NEAR = 1e-6  # a peak of the float64 bias this close to β, relatively, is looked at in multi-precision


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
    ctx = Multiprecision(working + 20)
    if kappa == 100:
        best = minimax.solve(problem, digits)
        return Solution(problem, best.coefficients, kappa, best.proof, best.digits)
    unit = exchange.least_bias(path.target, path.group_size, max(exchange.DIGITS, working + 30))
    beta = ctx.rational(Fraction(kappa, 100)) * ctx.mp.mpf(unit)
    program = Program(path.target, path.group_size, ctx)
    if float(beta) >= path.bayes_bias * (1 - 1e-12):
        return Solution(problem, tuple(program.means), kappa, {"points": (), "multipliers": ()}, working)
    state = _settle(path, program, path.at(float(beta)).active, beta, working)
    proof = {
        "points": tuple(float(p) for p in state.active.points),
        "multipliers": tuple(float(x) for x in state.active.multipliers),
    }
    return Solution(problem, tuple(state.coefficients), kappa, proof, working)


def _settle(path: Path, program: Program, active: ActiveSet, beta: Any, digits: int) -> State:
    """Newton in multi-precision until no point has a wrong sign and no peak exceeds β."""
    for _ in range(12):
        start = ActiveSet(program.convert(active.points), program.convert(active.multipliers), active.signs)
        state = newton(program, start, beta, 10.0 ** (5 - digits))
        changed = path.dropped(state) or _with_missed_peak(path, program, state, beta)
        if changed is None:
            return state
        active = changed
    raise SolveError(f"the active set at β = {float(beta):.3e} did not settle in multi-precision; raise `digits`")


def _with_missed_peak(path: Path, program: Program, state: State, beta: Any) -> ActiveSet | None:
    """The active set with a point where the bias exceeds β; None if there is none."""
    error = path.bias_on_grid(state.coefficients.astype(float))
    for i in quadratic.local_maxima(error, float(beta) * (1 - NEAR)):
        peak = _refined(program, state, path.grid[i])
        if peak is not None and abs(peak.bias.value[0]) > beta * (1 + program.ctx.mp.mpf(10) ** -30):  # type: ignore[union-attr]
            point, sign = peak.active.points[0], float(np.sign(float(peak.bias.value[0])))
            return state.active.with_point(point, sign)
    return None


def _refined(program: Program, state: State, point: float) -> State | None:
    """The local maximum of |e| near `point`, or None if it leaves (0, 1) for an end or for no maximum."""
    zero = program.convert([0.0])
    here = _on_table(program, state, ActiveSet(program.convert([point]), zero, np.ones(1)))
    if point == 1:
        return here
    for _ in range(8):
        step = here.bias.first / here.bias.second
        moved = here.active.points - step
        if not 0 < moved[0] < 1:
            return (
                _on_table(program, state, ActiveSet(program.convert([1.0]), zero, np.ones(1)))
                if moved[0] >= 1
                else None
            )
        here = _on_table(program, state, ActiveSet(moved, zero, np.ones(1)))
    return here


def _on_table(program: Program, state: State, where: ActiveSet) -> State:
    """The bias of the state's table, with derivatives, at other points."""
    at = evaluate(program, where)
    shift = state.coefficients - at.coefficients
    phi, e = at.rows, at.bias
    moved = Jet(e.value + phi.value @ shift, e.first + phi.first @ shift, e.second + phi.second @ shift)
    return replace(at, coefficients=state.coefficients, bias=moved)

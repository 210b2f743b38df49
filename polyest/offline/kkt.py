"""The optimality system of the variance-optimal program, and Newton's method on it (theory.md §3).

The program minimises Σ w_m (c_m − μ_m)² subject to |e(p)| ≤ β on (0, 1]. At its solution finitely many points are
active; with multipliers λ_j the coefficients are c_m = μ_m − Σ_j λ_j φ_m(p_j)/(2 w_m), and e(p_j) = s_j β,
e'(p_j) = 0 (unless p_j is pinned at 1). The same code runs in float64 and in multi-precision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from polyest.bernstein import NumpyContext
from polyest.errors import SolveError
from polyest.offline.bernstein import Rows, rows
from polyest.offline.means import bayes_means
from polyest.offline.numbers import Jet, Multiprecision, weighted_target
from polyest.targets import Target

__all__ = ["ActiveSet", "Program", "State", "evaluate", "level", "newton", "residual"]

LARGEST_MOVE = 1 / 3
STAGNATION = 1e-5  # a float64 residual, relative to β, that may be all that the conditioning allows


@dataclass(frozen=True)
class Program:
    """The data of the program for one (target, K), in float64 (`ctx` None) or multi-precision."""

    target: Target
    group_size: int
    ctx: Multiprecision | None = None

    @cached_property
    def means(self) -> Any:
        """μ_m, the Bayes table."""
        return bayes_means(self.target, self.group_size, self.ctx)

    @cached_property
    def weights(self) -> Any:
        """w_m = (m+1)/K²."""
        m = np.arange(1, self.group_size + 1)
        return m / self.group_size**2 if self.ctx is None else m * (self.ctx.mp.mpf(1) / self.group_size**2)

    def rows(self, points: Any) -> Rows:
        return rows(points, self.group_size, self.ctx)

    def weighted_target(self, points: Any) -> Jet:
        return weighted_target(self.target, points, self.ctx or NumpyContext)

    def convert(self, values: Any) -> Any:
        """Numbers of any kind as an array of this program's arithmetic."""
        return np.array([float(v) for v in values]) if self.ctx is None else self.ctx.array(values)


@dataclass(frozen=True)
class ActiveSet:
    """Points, multipliers and signs; a point equal to 1 is pinned there."""

    points: Any
    multipliers: Any
    signs: Any

    @property
    def free(self) -> Any:
        return np.flatnonzero(self.points < 1)

    def sorted(self) -> ActiveSet:
        order = np.argsort(self.points.astype(float))
        return ActiveSet(self.points[order], self.multipliers[order], self.signs[order])

    def without(self, index: Any) -> ActiveSet:
        return ActiveSet(*(np.delete(values, index) for values in (self.points, self.multipliers, self.signs)))

    def with_point(self, point: float, sign: float) -> ActiveSet:
        return ActiveSet(
            np.append(self.points, point), np.append(self.multipliers, 0.0), np.append(self.signs, sign)
        ).sorted()


@dataclass(frozen=True)
class State:
    """What an active set implies: coefficients, and the bias with its derivatives at the active points."""

    active: ActiveSet
    coefficients: Any
    rows: Rows
    bias: Jet


def evaluate(program: Program, active: ActiveSet) -> State:
    """The coefficients that stationarity gives for these points and multipliers, and e, e', e'' at the points."""
    phi = program.rows(active.points)
    c = program.means - (active.multipliers @ phi.value) / (2 * program.weights)
    f = program.weighted_target(active.points)
    bias = Jet(phi.value @ c - f.value, phi.first @ c - f.first, phi.second @ c - f.second)
    return State(active, c, phi, bias)


def level(program: Program, active: ActiveSet, beta: float) -> ActiveSet:
    """The multipliers, in float64, for which e(p_j) = s_j β at the given points: a linear system."""
    phi = program.rows(active.points).value
    bayes = phi @ program.means - program.weighted_target(active.points).value
    return replace(
        active, multipliers=_solve_float((phi * (0.5 / program.weights)) @ phi.T, bayes - active.signs * beta)
    )


def residual(state: State, beta: Any) -> Any:
    """e(p_j) − s_j β at all points, then p_j·e'(p_j) at the free ones."""
    free = state.active.free
    slopes = state.active.points[free] * state.bias.first[free]
    return np.concatenate([state.bias.value - state.active.signs * beta, slopes])


def jacobian(program: Program, state: State) -> Any:
    """The derivative of the residual with respect to (λ, log p of the free points)."""
    active, free = state.active, state.active.free
    p = active.points[free][:, None]
    phi, dphi = state.rows.value, p * state.rows.first[free]
    scaled = 0.5 / program.weights
    value_value, value_slope, slope_slope = (phi * scaled) @ phi.T, (phi * scaled) @ dphi.T, (dphi * scaled) @ dphi.T
    multipliers = active.multipliers[free]
    top = np.hstack([-value_value, -value_slope * multipliers])
    bottom = np.hstack([-value_slope.T, -slope_slope * multipliers])
    at = len(active.points) + np.arange(len(free))
    curvature = active.points[free] * (state.bias.first[free] + active.points[free] * state.bias.second[free])
    matrix = np.vstack([top, bottom])
    matrix[free, at] += active.points[free] * state.bias.first[free]
    matrix[at, at] += curvature
    return matrix


def newton(program: Program, active: ActiveSet, beta: Any, tolerance: Any, steps: int = 30) -> State:
    """Solve the system for a fixed active set.

    In multi-precision the Jacobian is factorised in float64 and used for several steps: each gains as many digits as
    the system is well conditioned in float64; where that is too few, the Jacobian is solved in multi-precision.

    Raises:
        SolveError: no convergence.
    """
    state, exact_jacobian, last = evaluate(program, active), False, None
    for _ in range(steps):
        r = residual(state, beta)
        size = float(max(abs(r)) / beta)
        if size < tolerance:
            return state
        if last is not None and size > 1e-2 * last:
            if program.ctx is None and size < STAGNATION:
                return state
            exact_jacobian = True
        last = size
        step = _step(program, state, r, exact_jacobian)
        state = evaluate(program, _moved(state.active, step, program.group_size))
    raise SolveError(f"Newton's method on the optimality system did not converge: residual {size:.1e}·β")


def _step(program: Program, state: State, r: Any, exact_jacobian: bool) -> Any:
    if program.ctx is None:
        return _solve_float(jacobian(program, state), r)
    if exact_jacobian:
        mp, matrix = program.ctx.mp, jacobian(program, state)
        return np.array(mp.lu_solve(mp.matrix(matrix.tolist()), mp.matrix(r.tolist())).T.tolist()[0], dtype=object)
    scale = max(abs(r))
    step = _solve_float(
        jacobian(Program(program.target, program.group_size), _in_float(state)), (r / scale).astype(float)
    )
    return program.ctx.array(step) * scale


def _in_float(state: State) -> State:
    def convert(arrays: Any) -> Any:
        return type(arrays)(*(np.asarray(a).astype(float) for a in vars(arrays).values()))

    return State(convert(state.active), state.coefficients, convert(state.rows), convert(state.bias))


def _solve_float(matrix: Any, r: Any) -> Any:
    try:
        step = np.linalg.solve(matrix, r)
    except np.linalg.LinAlgError:
        raise SolveError("the optimality system is singular at this active set") from None
    if not np.all(np.isfinite(step)):
        raise SolveError("the optimality system overflows float64 at this active set")
    return step


def _moved(active: ActiveSet, step: Any, group_size: int) -> ActiveSet:
    """One Newton step, shortened so that no point moves by more than a third of the spacing of a wiggle.

    Points are spaced like π/K in the angle θ of p = sin²(θ/2), dp = √(p(1−p)) dθ; one that passes 1 is pinned there.
    """
    n, free = len(active.points), active.free
    points = active.points.copy()
    p = points[free].astype(float)
    moves = np.abs((points[free] * step[n:]).astype(float)) / np.sqrt(p * (1 - p))
    largest = max(moves, default=0.0) * group_size / np.pi
    step = step * (LARGEST_MOVE / largest) if largest > LARGEST_MOVE else step
    points[free] = points[free] * (1 - step[n:])
    points[points >= 1] = 1
    if (points <= 0).any():
        raise SolveError("Newton's method on the optimality system left (0, 1]")
    return replace(active, points=points, multipliers=active.multipliers - step[:n])

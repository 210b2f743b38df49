"""The optimality system of the variance-optimal program, and Newton's method on it (theory.md §3).

The program minimises Σ w_m (c_m − μ_m)² subject to |e(p)| ≤ β on (0, 1]. At its solution finitely many points are
active; with multipliers λ_j the coefficients are c_m = μ_m − Σ_j λ_j φ_m(p_j)/(2 w_m), and e(p_j) = s_j β,
e'(p_j) = 0 (unless p_j is pinned at 1). The data exist in float64 too, for the convex program on a grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from polyest.bernstein import NumpyContext
from polyest.errors import SolveError
from polyest.offline.bernstein import Rows, rows
from polyest.offline.linear import cholesky
from polyest.offline.means import bayes_means
from polyest.offline.numbers import Jet, Mpfr, weighted_target
from polyest.targets import Target

__all__ = ["ActiveSet", "Program", "State", "evaluate", "newton", "residual"]

STEPS = 60
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 4.0, 1e-3, 1e6  # √μ relative to the residual
SUCCESS = 0.9  # by how much a step has to lessen the residual
LARGEST_MOVE = 0.5  # of a point in units of its spacing, of a multiplier in units of its size
RESTORATIONS = 4  # attempts to get back to where the well-conditioned equations hold
PROBE = 0.25  # part of the step at which the second derivative is measured


@dataclass(frozen=True)
class Program:
    """The data of the program for one (target, K), in float64 (`ctx` None) or multi-precision."""

    target: Target
    group_size: int
    ctx: Mpfr | None = None

    @cached_property
    def means(self) -> Any:
        """μ_m, the Bayes table."""
        return bayes_means(self.target, self.group_size, self.ctx)

    @cached_property
    def weights(self) -> Any:
        """w_m = (m+1)/K²."""
        m = np.arange(1, self.group_size + 1)
        return m / self.group_size**2 if self.ctx is None else m * (self.ctx.rational(1) / self.group_size**2)

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


def newton(program: Program, active: ActiveSet, beta: Any, tolerance: Any) -> State:
    """Solve the system for a fixed active set, by Levenberg's and Marquardt's method with geodesic acceleration.

    Where the bias hugs the budget, the wiggles between active points are as small as 1e-12·β at K = 256: moving a
    point there hardly moves the bias, and Newton's own step is wild until everything else is accurate to that
    size. So directions are damped below the residual, r ↦ (JᵀJ + μ)⁻¹Jᵀr with √μ ∝ |r|, and steps are bent along
    the valley by the second derivative (Transtrum & Sethna 2012, arXiv:1201.5885). As r → 0 this is Newton's method.

    Raises:
        SolveError: no convergence.
    """
    state, damping = evaluate(program, active), FIRST_DAMPING
    for _ in range(STEPS):
        system = _System(program, state, beta)
        if system.size < tolerance:
            return state
        state, damping = system.better_state(damping)
    raise SolveError(f"Newton's method on the optimality system did not converge: residual {system.size:.1e}·β")


class _System:
    """The residual and its derivative at a state, scaled: points by their spacing, multipliers by their size."""

    def __init__(self, program: Program, state: State, beta: Any) -> None:
        self.program, self.state, self.beta = program, state, beta
        active, free = state.active, state.active.free
        p = active.points[free].astype(float)
        spacing = _spacing(active.points)[free] * np.sqrt((1 - p) / p)  # in log p
        self._rows = program.convert(np.concatenate([np.ones(len(active.points)), spacing]) / float(np.max(beta)))
        self._columns = program.convert(np.concatenate([_sizes(active.multipliers), spacing]))
        self.residual = residual(state, beta) * self._rows
        self.size = float(max(abs(self.residual)))

    def better_state(self, damping: float) -> tuple[State, float]:
        """The next state, with a clearly smaller residual, and the damping to start from there."""
        derivative = jacobian(self.program, self.state) * self._rows[:, None] * self._columns[None, :]
        normal = derivative.T @ derivative
        restore = self._solver(normal, self.size**0.5)
        while damping < MOST_DAMPING:
            step = self._step(derivative, self._solver(normal, damping * self.size))
            moved = None if step is None else self._restored(step, derivative, restore)
            if moved is not None:
                return moved, max(damping / 5, LEAST_DAMPING)
            damping *= 5
        raise SolveError(f"the optimality system of this active set has no solution nearby: residual {self.size:.1e}·β")

    def _solver(self, normal: Any, damping: float) -> Callable[[Any], Any]:
        diagonal = np.arange(len(normal))
        damped = normal.copy()
        damped[diagonal, diagonal] += self.program.convert([damping])[0] ** 2
        return cholesky(damped)

    def _step(self, derivative: Any, solve: Callable[[Any], Any]) -> Any:
        """The damped step with its acceleration; None if it leaves the region where either means anything."""
        velocity = solve(derivative.T @ self.residual)
        ahead = self._moved(velocity * PROBE) if max(abs(velocity)) < LARGEST_MOVE else None
        if ahead is None:
            return None
        change = self._residual(ahead) - self.residual + PROBE * (derivative @ velocity)
        acceleration = solve(derivative.T @ change) / PROBE**2
        return velocity + acceleration if max(abs(acceleration)) < 2 * max(abs(velocity)) else velocity

    def _restored(self, step: Any, derivative: Any, restore: Callable[[Any], Any]) -> State | None:
        """The state after the step, brought back to the valley's floor; None if the residual is not much smaller."""
        for _ in range(RESTORATIONS):
            moved = self._moved(step)
            if moved is None:
                return None
            r = self._residual(moved)
            if float(max(abs(r))) < SUCCESS * self.size:
                return moved
            step = step + restore(derivative.T @ r)
        return None

    def _residual(self, state: State) -> Any:
        return residual(state, self.beta) * self._rows

    def _moved(self, step: Any) -> State | None:
        active, free = self.state.active, self.state.active.free
        n, step = len(active.points), step * self._columns
        points = active.points.copy()
        points[free] = points[free] * (1 - step[n:])
        if (points[free] >= 1).any() or (points <= 0).any():
            return None
        return evaluate(self.program, replace(active, points=points, multipliers=active.multipliers - step[:n]))


def _sizes(multipliers: Any) -> Any:
    """The size of each multiplier or of a larger neighbour: one that has to change its sign is not held back."""
    padded = np.concatenate([[0.0], np.abs(multipliers.astype(float)), [0.0]])
    return np.max([padded[:-2], padded[1:-1], padded[2:]], axis=0)


def _spacing(points: Any) -> Any:
    """The distance of each point to its nearest neighbour (or 0), in the angle θ of p = sin²(θ/2)."""
    angles = 2 * np.arcsin(np.sqrt(points.astype(float)))
    gaps = np.diff(np.append(0.0, angles))
    return np.minimum(gaps, np.append(gaps[1:], np.inf))

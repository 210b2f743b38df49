"""Following the solution of the variance-optimal program along the bias budget, in float64 (theory.md §3).

The dual is a LASSO over measures, so the solution is piecewise smooth in β: Newton carries the active points along,
and points enter and leave at the kinks. The convex solver finds the first active set, at an easy budget.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from polyest import bernstein
from polyest.errors import SolveError
from polyest.offline import exchange
from polyest.offline import program as quadratic
from polyest.offline.kkt import ActiveSet, Program, State, evaluate, level, newton, residual
from polyest.targets import Target

__all__ = ["Path"]

TOLERANCE = 1e-10  # of Newton's method, relative to β
EXCESS = 1e-9  # of |e| over β that float64 can tell
COARSE = 0.02  # relative error that the grid may make in a supremum of the noise
ROUNDS = 12  # changes of the active set
FIRST_GROUP_SIZE = 16  # the convex solver is asked here; larger group sizes are reached rung by rung
RUNG = 1.05  # ratio of group sizes
LONGEST_STRIDE, SHORTEST_STRIDE = 0.05, 1e-6  # in log β


def easy_budget(group_size: int) -> float:
    """A κ, near that of the default noise budget, at which the program is well conditioned."""
    return float(2.5 * max(group_size / 16, 1) ** 0.6)


class Path:
    """Solutions of one (target, K) at any β, each started from the nearest one known.

    Attributes:
        least_bias: E*_K.
        bayes_bias: β(μ); at and above it the program is solved by the Bayes table.
    """

    def __init__(self, target: Target, group_size: int, least_bias: float, solver: str | None = None) -> None:
        self.target, self.group_size, self.least_bias, self.solver = target, group_size, least_bias, solver
        self.program = Program(target, group_size)
        self.grid = quadratic.grid(group_size)
        self._phi = self.program.rows(self.grid).value
        self._f = self.program.weighted_target(self.grid).value
        self.bayes_bias = float(np.abs(self._phi @ self.program.means - self._f).max())
        self._known: dict[float, State] = {}

    def at(self, beta: float) -> State:
        """The solution at the bias budget β < `bayes_bias`."""
        if not self._known:
            start, state = _first(self.target, self.group_size, self.solver)
            self._known[start] = state
        nearest = min(self._known, key=lambda known: abs(math.log(known / beta)))
        return self._walk(nearest, beta)

    def bias_on_grid(self, coefficients: Any) -> Any:
        """e of a float64 table at `grid`."""
        return self._phi @ coefficients - self._f

    def noise_on_grid(self, coefficients: Any) -> Any:
        """V of a float64 table at `grid`."""
        shares = self._phi * (np.arange(1, self.group_size + 1) / self.group_size)
        r = self._f / self.grid
        second = shares @ coefficients**2 - 2 * r * (shares @ coefficients) + r**2 * shares.sum(axis=1)
        return second - self.bias_on_grid(coefficients) ** 2

    def noise(self, coefficients: Any, unless_far_from: float | None = None) -> float:
        """V(c): the best point of the grid, then a search around it, left out far from the number that matters."""
        values = self.noise_on_grid(coefficients)
        top = int(np.argmax(values))
        if unless_far_from is not None and abs(values[top] / unless_far_from - 1) > COARSE:
            return float(values[top])
        around = self.grid[max(top - 1, 0)], self.grid[min(top + 1, len(values) - 1)]
        found = minimize_scalar(
            lambda p: -float(bernstein.noise(self.target, coefficients, [p])[0]),
            bounds=around,
            method="bounded",
            options={"xatol": 1e-12},
        )
        return max(-float(found.fun), float(values[top]))

    def objective(self, state: State) -> float:
        """F at a solution; it decreases in the budget."""
        return float(self.program.weights @ (state.coefficients - self.program.means) ** 2)

    def _walk(self, start: float, beta: float) -> State:
        """From a known budget to another in steps of a few per cent, shorter where a step fails."""
        here, state, stride = start, self._known[start], LONGEST_STRIDE
        while here != beta:
            left = math.log(beta / here)
            next_stop = beta if abs(left) <= stride else here * math.exp(math.copysign(stride, left))
            try:
                state = self.settle(state.active, next_stop)
            except SolveError:
                stride /= 4
                if stride < SHORTEST_STRIDE:
                    raise
                continue
            here, stride = next_stop, min(2 * stride, LONGEST_STRIDE)
            self._known[here] = state
        return state

    def settle(self, active: ActiveSet, beta: float) -> State:
        """The solution near an active set; where Newton's method goes astray, the set is classified anew.

        Raises:
            SolveError: the optimality conditions did not hold in the end.
        """
        try:
            return self._settle(active, beta)
        except SolveError:
            x = (evaluate(self.program, active).coefficients - self.program.means) * np.sqrt(self.program.weights)
            norm = float(np.linalg.norm(x)) / beta
            return self._settle(quadratic.reclassify(self.program, beta, active.points, norm), beta)

    def _settle(self, active: ActiveSet, beta: float) -> State:
        """Newton, then points dropped or added until the optimality conditions hold on all of (0, 1]."""
        for _ in range(ROUNDS):
            if len(active.points) == 0:
                break
            state = newton(self.program, level(self.program, active, beta), beta, TOLERANCE)
            noise = float(np.abs(residual(state, beta)).max()) / beta
            excess = max(EXCESS, 10 * noise)
            changed = self.dropped(state, excess * beta) or self._added(state, beta * (1 + excess))
            if changed is None:
                return state
            active = changed
        raise SolveError(f"the active set at β = {beta:.3e} did not settle")

    def dropped(self, state: State, slack: float = 0.0) -> ActiveSet | None:
        """Without the points that are not maxima, were met twice, or whose multiplier has the wrong sign."""
        active = state.active
        wrong = active.multipliers * active.signs < 0
        wrong |= (active.points < 1) & (active.signs * state.bias.second > 0)
        twin = np.abs(np.diff(active.points)) < 1e-7 * active.points[1:]
        if wrong.any() or twin.any():
            worst = (
                np.argmin(np.where(wrong, active.multipliers * active.signs, np.inf))
                if wrong.any()
                else np.argmax(twin)
            )
            return active.without(worst)
        if active.points[-1] == 1 and active.signs[-1] * state.bias.first[-1] < 0 and self._bulge(state) > slack:
            points = active.points.copy()
            points[-1] = self._inside(state)
            return ActiveSet(points, active.multipliers, active.signs)
        return None

    def _bulge(self, state: State) -> float:
        """By how much |e| exceeds its value at p = 1 just before it."""
        slope, curvature = float(state.bias.first[-1]), float(state.bias.second[-1])
        return slope**2 / (2 * curvature) * float(-state.active.signs[-1]) if slope * curvature > 0 else math.inf

    def _inside(self, state: State) -> float:
        """Where the bias turns just before p = 1, at most half a wiggle away."""
        half_wiggle = (np.pi / (2 * self.group_size)) ** 2
        slope, curvature = state.bias.first[-1], state.bias.second[-1]
        step = slope / curvature if slope * curvature > 0 else half_wiggle
        return 1 - float(min(step, half_wiggle))

    def _added(self, state: State, limit: float) -> ActiveSet | None:
        """With the worst point at which the bias exceeds `limit`, if there is one."""
        error = self.bias_on_grid(state.coefficients)
        peaks = quadratic.local_maxima(error, limit)
        near = np.min(np.abs(np.log(self.grid[peaks])[:, None] - np.log(state.active.points)[None, :]), axis=1)
        spacing = np.abs(np.gradient(np.log(self.grid)))[peaks]
        peaks = peaks[near > spacing]
        if len(peaks) == 0:
            return None
        worst = peaks[np.argmax(np.abs(error[peaks]))]
        return state.active.with_point(float(self.grid[worst]), float(np.sign(error[worst])))


@lru_cache(maxsize=512)
def _first(target: Target, group_size: int, solver: str | None) -> tuple[float, State]:
    """An easy budget and its solution: by the convex solver at a small group size, from there by continuation in K."""
    path = Path(target, group_size, exchange.rough_least_bias(target, group_size), solver)
    beta = min(easy_budget(group_size) * path.least_bias, 0.9 * path.bayes_bias)
    if group_size <= FIRST_GROUP_SIZE:
        return beta, path.settle(quadratic.solve(path.program, beta, solver), beta)
    smaller = max(min(group_size - 1, round(group_size / RUNG)), FIRST_GROUP_SIZE)
    _, state = _first(target, smaller, solver)
    return beta, path.settle(_stretched(state.active, smaller / group_size), beta)


def _stretched(active: ActiveSet, ratio: float) -> ActiveSet:
    """The points moved as a change of K moves them: towards both ends, in the angle of p = sin²(θ/2)."""
    x = 2 * np.arcsin(np.sqrt(active.points)) / np.pi
    x = x - (1 - ratio) * x * (1 - x) * (1 - 2 * x)
    points = np.where(active.points == 1, 1.0, np.sin(np.pi * x / 2) ** 2)
    return ActiveSet(points, active.multipliers, active.signs)

"""The solution of the variance-optimal program along the bias budget, in float64 (theory.md §3).

The dual is a LASSO over measures, so the solution is piecewise smooth in β, and the active points of one budget are
nearly those of the next.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from polyest import bernstein
from polyest.offline import program as quadratic
from polyest.offline.kkt import Program
from polyest.offline.program import Approximation
from polyest.targets import Target

__all__ = ["Path"]

COARSE = 0.02  # relative error that the grid may make in a supremum of the noise
LONGEST_STRIDE = 0.3  # in log β, over which the active points of one budget are a start for the other


class Path:
    """Solutions of one (target, K) at any β, each started from the nearest one known.

    Attributes:
        least_bias: E*_K.
        bayes_bias: β(μ); at and above it the program is solved by the Bayes table.
    """

    def __init__(self, target: Target, group_size: int, least_bias: float, solver: str | None = None) -> None:
        self.target, self.group_size, self.least_bias, self.solver = target, group_size, least_bias, solver
        self.program = Program(target, group_size)
        self.grid, self._phi, self._bayes = quadratic.on_grid(self.program)
        self._f = self._phi @ self.program.means - self._bayes
        self.bayes_bias = float(np.abs(self._bayes).max())
        self._known: dict[float, Approximation] = {}

    def at(self, beta: float) -> Approximation:
        """The solution at the bias budget β < `bayes_bias`."""
        if beta not in self._known:
            self._known[beta] = self._solve(beta)
        return self._known[beta]

    def closely(self, beta: float) -> Approximation:
        """The same, as well as float64 can and whatever was solved before: the start for multi-precision."""
        near = quadratic.solve(self.program, beta, self.solver)
        start = np.union1d(near.points, np.append(quadratic.grid(self.group_size, 1)[:-1], 1.0))
        return quadratic.solve_from(self.program, beta, start, near.norm)

    def _solve(self, beta: float) -> Approximation:
        if not self._known:
            return quadratic.solve(self.program, beta, self.solver)
        nearest = min(self._known, key=lambda known: abs(math.log(known / beta)))
        if abs(math.log(nearest / beta)) > LONGEST_STRIDE:
            return quadratic.solve_on_grid(self.program, beta, self._known[nearest].norm)
        known = self._known[nearest]
        return quadratic.solve_from(self.program, beta, known.points, known.norm)

    def bias_on_grid(self, coefficients: Any) -> Any:
        """e of a float64 table at `grid`."""
        return self._phi @ (coefficients - self.program.means) + self._bayes

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

    def objective(self, solution: Approximation) -> float:
        """F at a solution; it decreases in the budget."""
        return float(self.program.weights @ (solution.coefficients - self.program.means) ** 2)

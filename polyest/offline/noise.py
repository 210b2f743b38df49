"""The noise of float64 tables, sup V over (0, 1], for the scans along the frontier (theory.md §2)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from polyest.numbers.conversion import Array, Floats
from polyest.offline.exchange_in_float64 import Discretization
from polyest.polynomials import bernstein

__all__ = ["Noise"]


class Noise:
    """V(c), from the rows that the program of the same (target, K) has on its grid."""

    def __init__(self, space: Discretization) -> None:
        self.space = space
        self.targets = (space.phi @ space.program.means - space.bayes) / space.grid

    def on_grid(self, coefficients: Array) -> Floats:
        """V of a table at the points of the grid."""
        space, r = self.space, self.targets
        K = space.program.group_size
        share = np.arange(1, K + 1) / K
        moments = space.phi @ np.stack([share * coefficients**2, share * coefficients, share], axis=1)
        bias = space.phi @ (coefficients - space.program.means) + space.bayes
        return np.asarray(moments[:, 0] - 2 * r * moments[:, 1] + r**2 * moments[:, 2] - bias**2)

    def __call__(self, coefficients: Array) -> float:
        """V(c): the best point of the grid, then a search around it."""
        values, grid, target = self.on_grid(coefficients), self.space.grid, self.space.program.target
        c: Floats = coefficients.astype(float)
        top = int(np.argmax(values))
        around = grid[max(top - 1, 0)], grid[min(top + 1, len(values) - 1)]
        found = minimize_scalar(
            lambda p: -float(bernstein.noise(target, c, [p])[0]),
            bounds=around,
            method="bounded",
            options={"xatol": 1e-12},
        )
        return max(-float(found.fun), float(values[top]))

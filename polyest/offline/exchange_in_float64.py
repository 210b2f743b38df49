"""The exchange of constraint points in float64, which finds the neighbourhood of a solution (theory.md §3).

With y_m = √w_m (c_m − μ_m)/β and every constraint divided by β, all quantities are of order one. The rows of all
constraints lie, to float64's precision, in a space of dimension r ≈ 6√K: y is sought there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from polyest.numbers.conversion import Array, Floats
from polyest.offline.exchange import Constraints, exchanged
from polyest.offline.peaks import parabolic_peaks, place
from polyest.offline.program import Optimum, Program
from polyest.offline.quadratic import by_least_squares
from polyest.offline.specification import least_norm

__all__ = ["SLACK", "Approximation", "Discretization", "fine_grid"]

FiniteSolver = Callable[[Floats, Floats], tuple[Floats, Floats]]

FIRST_NORM = 100.0
SLACK = 1e-11  # excess of the bias over β, relative, at which the exchange of points ends
ROUGH = 1e-4  # and at which it may end where rounding allows no less
TINY = 1e-200  # below it an entry of a row counts as 0
NEGLIGIBLE = 3e-16  # singular values of the rows, each of norm 1, relative to the largest


def fine_grid(group_size: int, per_gap: int = 0) -> Floats:
    """Points in (0, 1], even in the angle of p = sin²(θ/2), finer than any bias of this degree can wiggle."""
    per_gap = per_gap or (16 if group_size <= 128 else 8)
    return _even(max(per_gap * (group_size + 1), 40 * per_gap))


def _even(count: int) -> Floats:
    """`count` points even in θ, and some close to 0, where r may be singular."""
    points = place(np.linspace(0, np.pi, count + 1)[1:])
    points[-1] = 1.0
    return np.concatenate([np.geomspace(points[0] * 1e-6, points[0], 60, endpoint=False), points])


@dataclass(frozen=True)
class Approximation(Optimum[Floats]):
    """The solution in float64: what the grid and the exchange of points can settle; neighbours share one true point.

    Attributes:
        y: the unknowns.
    """

    y: Floats

    @property
    def norm(self) -> float:
        """‖y‖ = √F/β, the size of the unknowns."""
        return float(np.linalg.norm(self.y))


class Discretization:
    """The program of one (target, K) on points.

    Attributes:
        program: its data, in float64.
        grid: where the bias is looked at for peaks.
        phi: the rows p·B_m(p) there.
        bayes: the bias of the Bayes table there.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.grid = fine_grid(program.group_size)
        self.phi = _rows(program, self.grid)
        self.bayes = self.phi @ program.means - program.weighted_target(self.grid).value
        self.root = np.sqrt(program.weights)
        self.on_grid = (self.phi / self.root) @ self.basis

    @cached_property
    def basis(self) -> Floats:
        """An orthonormal basis, (K, r), of the space of the rows: a grid finer than their width, 1/√K in θ."""
        K = self.program.group_size
        points = _even(min(2 * (K + 1), int(16 * K**0.5) + 8))
        rows = _rows(self.program, points) / self.root
        _, singular, right = np.linalg.svd(rows / np.linalg.norm(rows, axis=1, keepdims=True), full_matrices=False)
        return np.asarray(right[singular > NEGLIGIBLE * singular[0]].T)

    def first(self, beta: float, solver: str | None = None, slack: float = SLACK) -> Approximation:
        """The solution at the bias budget β, from scratch; by a solver of cvxpy where one is named."""
        if not solver:
            return self.from_afar(beta, FIRST_NORM, slack)
        start = self.constraints(beta, np.append(self.grid[:-1:8], 1.0))
        program = _OnPoints(self, beta, lambda rows, offset: (least_norm(rows, offset, solver), np.ones(len(offset))))
        near = exchanged(program, start, slack)
        return self.from_near(beta, near.points, near.norm, slack)

    def from_afar(self, beta: float, norm: float, slack: float = SLACK) -> Approximation:
        """The same from a guess of the size of the unknowns."""
        start = self.constraints(beta, fine_grid(self.program.group_size, 1))
        for _ in range(5):
            near, last = self._by_least_squares(beta, norm).solved(start), norm
            norm = near.norm
            if last / 2 < norm < 2 * last:
                break
        return self.from_near(beta, near.points, norm, slack)

    def from_near(self, beta: float, points: Floats, norm: float, slack: float = SLACK) -> Approximation:
        """The same from points near the active ones and the rough size of the unknowns."""
        return exchanged(self._by_least_squares(beta, norm), self.constraints(beta, points), slack)

    def on(self, beta: float, points: Floats, norm: float) -> Approximation:
        """The solution of the program with constraints at these points only."""
        return self._by_least_squares(beta, norm).solved(self.constraints(beta, points))

    def rounded(self, found: Optimum[Array], beta: float) -> Approximation:
        """A solution of another arithmetic."""
        coefficients, points, multipliers = (v.astype(float) for v in vars(found).values())
        y = self.basis.T @ (self.root * (coefficients - self.program.means)) / beta
        return Approximation(coefficients, points, multipliers, y)

    def constraints(self, beta: float, points: Floats) -> Constraints:
        """|offset + rows·y| ≤ 1 at points, both signs at once: the rows and, last, the offsets."""
        phi, f = _rows(self.program, points), self.program.weighted_target(points).value
        rows, offset = (phi / self.root) @ self.basis, (phi @ self.program.means - f) / beta
        return Constraints(points, np.zeros(len(points), int), 0 * points, np.column_stack([rows, offset]))

    def _by_least_squares(self, beta: float, norm: float) -> _OnPoints:
        return _OnPoints(self, beta, partial(by_least_squares, norm=norm))


@dataclass(frozen=True)
class _OnPoints:
    """The program at β, with y by `finite`."""

    space: Discretization
    beta: float
    finite: FiniteSolver

    joining, rounding = 1.0, ROUGH

    def __str__(self) -> str:
        program = self.space.program
        return f"{program.target.name}, K = {program.group_size}, in float64"

    def solved(self, constraints: Constraints) -> Approximation:
        points, rows, space = constraints.points, constraints.rows, self.space
        y, multipliers = self.finite(rows[:, :-1], rows[:, -1])
        active = np.flatnonzero(multipliers)
        order = active[np.argsort(points[active])]
        coefficients = np.asarray(space.program.means + (space.basis @ y) * self.beta / space.root, float)
        return Approximation(coefficients, np.asarray(points[order], float), multipliers[order] * self.beta, y)

    def peaks(self, here: Approximation) -> tuple[Constraints, Floats]:
        error = self.space.bayes / self.beta + self.space.on_grid @ here.y
        found = self.space.constraints(self.beta, parabolic_peaks(self.space.grid, error))
        return found, np.abs(found.rows @ np.append(here.y, 1.0))


def _rows(program: Program, points: Floats) -> Floats:
    """p·B_m(p), without the subnormal numbers that make products of matrices slow."""
    phi = program.rows(points)
    return np.where(phi < TINY, 0, phi)

"""The variance-optimal program in float64, on finitely many points that an exchange chooses (theory.md §3).

With y_m = √w_m (c_m − μ_m)/β and every constraint divided by β, all quantities are of order one. The rows of all
constraints lie, to float64's precision, in a space of dimension r ≈ 6√K: y is sought there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyest.errors import SolveError
from polyest.offline.finite import least_distance
from polyest.offline.program import Program
from polyest.offline.solver import SOLVER
from polyest.offline.specification import least_norm

__all__ = ["Approximation", "Discretization", "grid"]

FiniteSolver = Callable[[Any, Any], tuple[Any, Any]]

LARGEST_BY_CVXPY = 8  # above, non-negative least squares is done before cvxpy is imported
FIRST_NORM = 100.0
ROUNDS, PATIENCE = 60, 3
SLACK = 1e-11  # excess of the bias over β, relative, at which the exchange of points ends
ROUGH = 1e-4  # and at which it may end where rounding allows no less
TINY = 1e-200  # below it an entry of a row counts as 0
NEGLIGIBLE = 3e-16  # singular values of the rows, each of norm 1, relative to the largest


def grid(group_size: int, per_gap: int = 0) -> Any:
    """Points in (0, 1], even in the angle of p = sin²(θ/2), finer than any bias of this degree can wiggle."""
    per_gap = per_gap or (16 if group_size <= 128 else 8)
    return _even(max(per_gap * (group_size + 1), 40 * per_gap))


def _even(count: int) -> Any:
    """`count` points even in θ, and some close to 0, where r may be singular."""
    points = np.sin(np.linspace(0, np.pi, count + 1)[1:] / 2) ** 2
    points[-1] = 1.0
    return np.concatenate([np.geomspace(points[0] * 1e-6, points[0], 60, endpoint=False), points])


@dataclass(frozen=True)
class Approximation:
    """The solution in float64: what the grid and the exchange of points can settle.

    Attributes:
        points, multipliers: where the bias reaches β, and the multipliers there; neighbours share one true point.
        coefficients: the table.
        norm: ‖y‖ = √F/β, the size of the unknowns.
    """

    points: Any
    multipliers: Any
    coefficients: Any
    norm: float


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
        self.grid = grid(program.group_size)
        self.phi = _rows(program, self.grid)
        self.bayes = self.phi @ program.means - program.weighted_target(self.grid).value
        self._root = np.sqrt(program.weights)
        self._on_grid = (self.phi / self._root) @ self._basis

    @cached_property
    def _basis(self) -> Any:
        """An orthonormal basis, (K, r), of the space of the rows: a grid finer than their width, 1/√K in θ."""
        K = self.program.group_size
        points = _even(min(2 * (K + 1), int(16 * K**0.5) + 8))
        rows = _rows(self.program, points) / self._root
        _, singular, right = np.linalg.svd(rows / np.linalg.norm(rows, axis=1, keepdims=True), full_matrices=False)
        return right[singular > NEGLIGIBLE * singular[0]].T

    def solve(self, beta: float, solver: str | None = None, slack: float = SLACK) -> Approximation:
        """The solution at the bias budget β, from scratch; by a solver of cvxpy where one is named or K is small."""
        if not solver and self.program.group_size > LARGEST_BY_CVXPY:
            return self.solve_afar(beta, FIRST_NORM, slack)
        start = self._constraints(np.append(self.grid[:-1:8], 1.0), beta)

        def finite(rows: Any, offset: Any) -> tuple[Any, Any]:
            return least_norm(rows, offset, solver or SOLVER), np.ones(len(offset))

        constraints = self._exchange(beta, start, finite, slack)
        norm = float(np.linalg.norm(finite(constraints.rows, constraints.offset)[0]))
        return self.solve_from(beta, constraints.points, norm, slack)

    def solve_afar(self, beta: float, norm: float, slack: float = SLACK) -> Approximation:
        """The same from a guess of the size of the unknowns."""
        start = self._constraints(grid(self.program.group_size, 1), beta)
        for _ in range(5):
            y, multipliers = least_distance(start.rows, start.offset, norm)
            found = float(np.linalg.norm(y))
            close, norm = norm / 2 < found < 2 * norm, found
            if close:
                break
        return self.solve_from(beta, start.points[multipliers != 0], norm, slack)

    def solve_from(self, beta: float, points: Any, norm: float, slack: float = SLACK) -> Approximation:
        """The same from points near the active ones and the rough size of the unknowns."""
        start = self._constraints(points, beta)
        end = self._exchange(beta, start, lambda rows, offset: least_distance(rows, offset, norm), slack)
        return self._on(beta, end, norm)

    def solve_on(self, beta: float, points: Any, norm: float) -> Approximation:
        """The solution of the program with constraints at these points only."""
        return self._on(beta, self._constraints(points, beta), norm)

    def _on(self, beta: float, constraints: _Constraints, norm: float) -> Approximation:
        y, multipliers = least_distance(constraints.rows, constraints.offset, norm)
        active = np.flatnonzero(multipliers)
        coefficients = self.program.means + (self._basis @ y) * beta / self._root
        order = active[np.argsort(constraints.points[active])]
        return Approximation(
            constraints.points[order], multipliers[order] * beta, coefficients, float(np.linalg.norm(y))
        )

    def _exchange(self, beta: float, start: _Constraints, solve_finite: FiniteSolver, slack: float) -> _Constraints:
        """Solve on finitely many points; wherever the bias peaks above β, the peak takes the place of an inactive one.

        Ends when no peak is too high, or when rounding stops the peaks from getting lower.

        Raises:
            SolveError: the finite solver failed, or the exchange ended too far from the solution.
        """
        kept, best, since = start, np.inf, 0
        for _ in range(ROUNDS):
            y, multipliers = solve_finite(kept.rows, kept.offset)
            peaks = self._constraints(_peaks(self.grid, self.bayes / beta + self._on_grid @ y), beta)
            heights = np.abs(peaks.offset + peaks.rows @ y)
            high = (heights > 1 + slack) & ~np.isin(peaks.points, kept.points)
            excess = max(float(max(heights, default=1.0)) - 1, slack)
            best, since = (excess, 0) if excess < best / 2 else (best, since + 1)
            if not high.any() or (since >= PATIENCE and excess < ROUGH):
                return kept
            kept = kept.at(multipliers != 0).joined(peaks.at(high))
        raise SolveError(
            f"the constraint exchange for {self.program.target.name}, K = {self.program.group_size} did not settle"
        )

    def _constraints(self, points: Any, beta: float) -> _Constraints:
        phi, f = _rows(self.program, points), self.program.weighted_target(points).value
        return _Constraints(points, (phi / self._root) @ self._basis, (phi @ self.program.means - f) / beta)


@dataclass(frozen=True)
class _Constraints:
    """e(p)/β = offset + rows·y at some points."""

    points: Any
    rows: Any
    offset: Any

    def at(self, chosen: Any) -> _Constraints:
        return _Constraints(self.points[chosen], self.rows[chosen], self.offset[chosen])

    def joined(self, other: _Constraints) -> _Constraints:
        return _Constraints(
            *(np.concatenate(pair) for pair in zip(vars(self).values(), vars(other).values(), strict=True))
        )


def _rows(program: Program, points: Any) -> Any:
    """p·B_m(p), without the subnormal numbers that make products of matrices slow."""
    phi = program.rows(points)
    return np.where(phi < TINY, 0, phi)


def _peaks(points: Any, error: Any) -> Any:
    """Where |error| has local maxima above ½, each moved to the top of a parabola through its neighbours."""
    size = np.concatenate([[-np.inf], np.abs(error), [-np.inf]])
    found = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] > size[2:]) & (size[1:-1] > 0.5))
    peaks = points[found].copy()
    inner = (found > 0) & (found < len(points) - 1)
    i = found[inner]
    (a, b, c), (fa, fb, fc) = points[[i - 1, i, i + 1]], error[[i - 1, i, i + 1]]
    left, right = (fb - fa) / (b - a), (fc - fb) / (c - b)
    peaks[inner] = (a + b) / 2 - left * (c - a) / (2 * (right - left))
    return peaks

"""The exchange of constraint points in float64, which finds the neighbourhood of a solution (theory.md §3).

Each round solves the program with constraints at some points; active points stay, and wherever the bias peaks above β
that peak joins them. F grows from round to round, so that no active set returns, and the solution is the limit (Hettich
& Kortanek 1993, doi:10.1137/1035089, §7.1). Minimax has an exchange of its own (`remez`): with one point more than
unknowns, all of them active, a round is a formula and not a program.

With y_m = √w_m (c_m − μ_m)/β and every constraint divided by β, all quantities are of order one. The rows of all
constraints lie, to float64's precision, in a space of dimension r ≈ 8√K: y is sought there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from polyest.errors import SolveError
from polyest.numbers.conversion import Floats, Scalar
from polyest.offline.peaks import parabolic_peaks, place
from polyest.offline.program import Optimum, Program
from polyest.offline.quadratic import by_least_squares
from polyest.offline.specification import least_norm
from polyest.polynomials import bernstein

__all__ = ["SLACK", "Approximation", "Discretization", "fine_grid"]

FIRST_NORM = 100.0
ROUNDS, PATIENCE = 60, 3
SLACK = 1e-11  # excess of the bias over β, relative, at which the exchange of points ends
ROUGH = 1e-4  # and at which it may end where rounding allows no less
TINY = 1e-200  # below it an entry of a row counts as 0
NEGLIGIBLE = 3e-16  # singular values of the rows, each of norm 1, relative to the largest


def fine_grid(group_size: int, per_gap: int = 0) -> Floats:
    """Points in (0, 1], even in the angle of p = sin²(θ/2), finer than any bias of this degree can wiggle."""
    per_gap = per_gap or (16 if group_size <= 128 else 8)
    return _even(per_gap * max(group_size + 1, 40))


def _even(count: int) -> Floats:
    """`count` points even in θ, and some close to 0, where r may be singular."""
    points = place(np.linspace(0, np.pi, count + 1)[1:])
    points[-1] = 1.0
    return np.concatenate([np.geomspace(points[0] * 1e-6, points[0], 60, endpoint=False), points])


@dataclass(frozen=True)
class Approximation(Optimum):
    """The solution in float64: what the grid and the exchange of points can settle; neighbours share one true point."""

    coefficients: Floats
    points: Floats
    multipliers: Floats
    y: Floats  # the unknowns

    @property
    def norm(self) -> float:
        """‖y‖ = √F/β, the size of the unknowns."""
        return float(np.linalg.norm(self.y))


class Discretization:
    """The program of one (target, K) on points, and its rows `phi` and the Bayes table's bias on a grid."""

    def __init__(self, program: Program) -> None:
        self.program, self.root, self.grid = program, np.sqrt(program.weights), fine_grid(program.group_size)
        self.phi, self.bayes = self._rows(self.grid)
        self.on_grid = (self.phi / self.root) @ self.basis
        self._known: dict[float, Floats] = {}

    def _rows(self, points: Floats) -> tuple[Floats, Floats]:
        """φ, without the subnormal numbers that make products of matrices slow, and the bias of the Bayes table."""
        rows = np.asarray(self.program.rows(points), float)
        phi = np.where(rows < TINY, 0.0, rows)
        return phi, np.asarray(phi @ self.program.means - self.program.weighted_target(points).value)

    @cached_property
    def basis(self) -> Floats:
        """An orthonormal basis, (K, r), of the space of the rows: a grid finer than their width, 1/√K in θ."""
        K = self.program.group_size
        rows = self._rows(_even(min(2 * (K + 1), int(16 * K**0.5) + 8)))[0] / self.root
        _, singular, right = np.linalg.svd(rows / np.linalg.norm(rows, axis=1, keepdims=True), full_matrices=False)
        return np.asarray(right[singular > NEGLIGIBLE * singular[0]].T)

    def rows(self, points: Floats) -> Floats:
        """The rows at points, in the basis, and last the bias of the Bayes table; kept, as points come back."""
        new = np.array([p for p in points if p not in self._known])
        if len(new):
            phi, bayes = self._rows(new)
            self._known.update(zip(new, np.column_stack([(phi / self.root) @ self.basis, bayes]), strict=True))
        return np.array([self._known[p] for p in points]).reshape(-1, self.basis.shape[1] + 1)

    def first(self, beta: float, solver: str | None = None, slack: float = SLACK) -> Approximation:
        """The solution at the bias budget β, from scratch; from that of a solver of cvxpy where one is named."""
        if not solver:
            return self.from_afar(beta, FIRST_NORM, slack)
        rows = self.rows(fine_grid(self.program.group_size, 2))
        y = least_norm(rows[:, :-1], rows[:, -1] / beta, solver)
        return self.exchanged(beta, self._peaks(beta, y)[0], float(np.linalg.norm(y)), slack)

    def from_afar(self, beta: float, norm: float, slack: float = SLACK) -> Approximation:
        """The same from a guess of the size of the unknowns."""
        start = fine_grid(self.program.group_size, 1)
        for _ in range(5):
            near, last = self._on_points(beta, start, norm), norm
            norm = near.norm
            if last / 2 < norm < 2 * last:
                break
        return self.exchanged(beta, near.points, norm, slack)

    def rounded(self, found: Optimum, beta: float) -> Approximation:
        """A solution of another arithmetic."""
        coefficients, points, multipliers = (v.astype(float) for v in vars(found).values())
        y = self.basis.T @ (self.root * (coefficients - self.program.means)) / beta
        return Approximation(coefficients, points, multipliers, y)

    def exchanged(self, beta: float, points: Floats, norm: float, slack: float = SLACK) -> Approximation:
        """The same, but for an excess of the bias over β, relative, of `slack`; from points and a size.

        Raises:
            SolveError: β is below the least bias, or the exchange did not settle.
        """
        best, since = math.inf, 0
        for _ in range(ROUNDS):
            here = self._on_points(beta, points, norm)
            peaks, heights = self._peaks(beta, here.y)
            excess = float(max(heights[~np.isin(peaks, points)], default=1.0)) - 1
            best, since = (excess, 0) if excess < best / 2 else (best, since + 1)
            if excess <= slack or (since >= PATIENCE and excess < ROUGH):
                return here
            points = np.union1d(peaks[heights > 1], here.points)
        name, K = self.program.target.name, self.program.group_size
        raise SolveError(f"the exchange for {name}, K = {K}, did not settle in float64")

    def _on_points(self, beta: float, points: Floats, norm: float) -> Approximation:
        """The solution with |e| ≤ β at these points only."""
        rows = self.rows(points)
        y, multipliers = by_least_squares(rows[:, :-1], rows[:, -1] / beta, norm)
        active = np.flatnonzero(multipliers)
        coefficients = np.asarray(self.program.means + (self.basis @ y) * beta / self.root, float)
        return Approximation(coefficients, points[active], multipliers[active] * beta, y)

    def _peaks(self, beta: float, y: Floats) -> tuple[Floats, Floats]:
        """Where |e| peaks, and |e|/β there."""
        points = parabolic_peaks(self.grid, self.bayes / beta + self.on_grid @ y)
        return points, np.abs(self.rows(points) @ np.append(y, 1 / beta))

    def noise_on_grid(self, c: Floats) -> Floats:
        """V of a table at the points of the grid (theory.md §2)."""
        means, K = self.program.means, self.program.group_size
        r, share = (self.phi @ means - self.bayes) / self.grid, np.arange(1, K + 1) / K
        moments = self.phi @ np.stack([share * c**2, share * c, share], axis=1)
        bias = self.phi @ (c - means) + self.bayes
        return np.asarray(moments[:, 0] - 2 * r * moments[:, 1] + r**2 * moments[:, 2] - bias**2)

    def noise(self, coefficients: Iterable[Scalar]) -> float:
        """sup V of a table."""
        c = self.program.convert(coefficients).astype(float)
        noise = partial(bernstein.noise, self.program.target, c)
        return bernstein.highest(noise, self.grid, self.noise_on_grid(c))[1]

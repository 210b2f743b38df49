"""The variance-optimal program as a quadratic program for cvxpy: the only call of a convex solver.

With y_m = √w_m (c_m − μ_m)/β and every constraint divided by β, all quantities are of order one (theory.md §3).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from polyest.errors import SolveError
from polyest.offline.kkt import ActiveSet, Program

__all__ = ["Approximation", "clusters", "grid", "local_maxima", "on_grid", "solve", "solve_from", "solve_on_grid"]

FiniteSolver = Callable[[Any, Any], Any]

SOLVER = "CLARABEL"
LARGEST_BY_CVXPY = 16  # above, non-negative least squares is faster by a factor that grows with K
FIRST_NORM = 100.0
ROUNDS, PATIENCE = 40, 3
SLACK = 1e-11  # excess of the bias over β, relative, at which the exchange of points ends
ROUGH = 1e-4  # and at which it may end where rounding allows no less
NEIGHBOURS = 0.3


def grid(group_size: int, per_gap: int = 0) -> Any:
    """Points in (0, 1], even in the angle of p = sin²(θ/2), finer than any bias of this degree can wiggle."""
    per_gap = per_gap or (16 if group_size <= 128 else 8)
    angles = np.linspace(0, np.pi, max(per_gap * (group_size + 1), 40 * per_gap) + 1)[1:]
    points = np.sin(angles / 2) ** 2
    points[-1] = 1.0
    return np.concatenate([np.geomspace(points[0] * 1e-6, points[0], 60, endpoint=False), points])


@lru_cache(maxsize=8)
def on_grid(program: Program) -> tuple[Any, Any, Any]:
    """The points of `grid`, the rows p·B_m(p) there, and the bias of the Bayes table."""
    points = grid(program.group_size)
    phi = program.rows(points).value
    return points, phi, phi @ program.means - program.weighted_target(points).value


def local_maxima(error: Any, above: float) -> Any:
    """Indices of the local maxima of |error| that exceed `above`, end points included."""
    size = np.concatenate([[-np.inf], np.abs(error), [-np.inf]])
    peak = (size[1:-1] >= size[:-2]) & (size[1:-1] > size[2:]) & (size[1:-1] > above)
    return np.flatnonzero(peak)


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


def solve(program: Program, beta: float, solver: str | None = None) -> Approximation:
    """The program at the bias budget β, started from a grid; by a solver of cvxpy where one is named or K is small."""
    if solver or program.group_size <= LARGEST_BY_CVXPY:
        start = np.append(grid(program.group_size)[:-1:8], 1.0)
        points, y = _exchange(
            program, beta, start, lambda rows, offset: _quadratic_program(rows, offset, solver or SOLVER)
        )
        return solve_from(program, beta, points, float(np.linalg.norm(y)))
    return solve_on_grid(program, beta, FIRST_NORM)


def solve_on_grid(program: Program, beta: float, norm: float) -> Approximation:
    """The program at the bias budget β, from a grid and a guess of the size of the unknowns."""
    start = np.append(grid(program.group_size, 1)[:-1], 1.0)
    data = _scaled(program, start, beta)
    for _ in range(5):
        found = float(np.linalg.norm(_least_distance(*data, norm)[0]))
        close, norm = norm / 2 < found < 2 * norm, found
        if close:
            break
    return solve_from(program, beta, start, norm)


def solve_from(program: Program, beta: float, points: Any, norm: float) -> Approximation:
    """The program at the bias budget β, from points near the active ones and the rough size of the unknowns."""
    points, y = _exchange(program, beta, points, lambda rows, offset: _least_distance(rows, offset, norm)[0])
    y, dual = _least_distance(*_scaled(program, points, beta), norm)
    active = np.flatnonzero(dual)
    coefficients = program.means + y * beta / np.sqrt(program.weights)
    return Approximation(points[active], dual[active] * beta, coefficients, float(np.linalg.norm(y)))


def _exchange(program: Program, beta: float, points: Any, solve_finite: FiniteSolver) -> tuple[Any, Any]:
    """Solve on finitely many points; wherever the bias peaks above β, the peak joins them.

    Ends when no peak is too high, or when rounding stops the peaks from getting lower.

    Raises:
        SolveError: the finite solver failed, or the exchange ended too far from the solution.
    """
    fine, phi, bayes = on_grid(program)
    best, since = np.inf, 0
    for _ in range(ROUNDS):
        y = solve_finite(*_scaled(program, points, beta))
        peaks = _peaks(fine, bayes / beta + phi @ (y / np.sqrt(program.weights)))
        at_peaks = _scaled(program, peaks, beta)
        heights = np.abs(at_peaks[1] + at_peaks[0] @ y)
        new = np.setdiff1d(peaks[heights > 1 + SLACK], points)
        excess = max(float(max(heights, default=1.0)) - 1, SLACK)
        best, since = (excess, 0) if excess < best / 2 else (best, since + 1)
        if len(new) == 0 or (since >= PATIENCE and excess < ROUGH):
            return points, y
        points = np.union1d(points, new)
    raise SolveError(f"the constraint exchange for {program.target.name}, K = {program.group_size} did not settle")


def _scaled(program: Program, points: Any, beta: float) -> tuple[Any, Any]:
    """The matrix and offset of e(p)/β as an affine function of y."""
    phi, f = program.rows(points).value, program.weighted_target(points).value
    return phi / np.sqrt(program.weights), (phi @ program.means - f) / beta


def _peaks(points: Any, error: Any) -> Any:
    """Where |error| has local maxima above ½, each moved to the top of a parabola through its neighbours."""
    found = local_maxima(error, 0.5)
    peaks = points[found].copy()
    inner = (found > 0) & (found < len(points) - 1)
    i = found[inner]
    (a, b, c), (fa, fb, fc) = points[[i - 1, i, i + 1]], error[[i - 1, i, i + 1]]
    left, right = (fb - fa) / (b - a), (fc - fb) / (c - b)
    peaks[inner] = (a + b) / 2 - left * (c - a) / (2 * (right - left))
    return peaks


def _quadratic_program(scaled: Any, offset: Any, solver: str) -> Any:
    import cvxpy as cp

    y = cp.Variable(scaled.shape[1])
    upper, lower = scaled @ y <= 1 - offset, scaled @ y >= -1 - offset
    problem = cp.Problem(cp.Minimize(cp.sum_squares(y)), [upper, lower])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "may be inaccurate": it is a start, what follows is checked
            problem.solve(solver=solver, **OPTIONS.get(solver, {}))
    except cp.error.SolverError as error:
        raise SolveError(f"the solver {solver} failed: {error}; try another one of {cp.installed_solvers()}") from None
    if y.value is None:
        raise SolveError(
            f"the solver {solver} ended with status {problem.status}; try a larger budget or another solver"
        )
    return y.value


OPTIONS: dict[str, dict[str, Any]] = {
    "CLARABEL": {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-14, "tol_feas": 1e-10, "max_iter": 200},
    "OSQP": {"eps_abs": 1e-9, "eps_rel": 1e-9, "max_iter": 200_000, "polishing": True},
    "SCS": {"eps_abs": 1e-10, "eps_rel": 1e-10, "max_iters": 1_000_000},
}


def _least_distance(scaled: Any, offset: Any, norm: float) -> tuple[Any, Any]:
    """min ‖y‖ on |offset + scaled·y| ≤ 1 by non-negative least squares (Lawson & Hanson 1974, ch. 23)."""
    from scipy.optimize import nnls

    sides = np.vstack([-scaled, scaled]) * norm
    bounds = np.concatenate([offset - 1, -1 - offset])
    image = np.zeros(scaled.shape[1] + 1)
    image[-1] = 1.0
    try:
        u, _ = nnls(np.vstack([sides.T, bounds]), image, maxiter=50 * len(bounds))
    except RuntimeError as error:
        raise SolveError(f"non-negative least squares failed: {error}") from None
    scale = 1 - bounds @ u
    if scale <= 0:
        raise SolveError("the bias budget is below the least bias: no table meets it")
    multipliers = 2 * norm**2 * u / scale
    upper, lower = np.split(multipliers, 2)
    return norm * (sides.T @ u) / scale, upper - lower


def clusters(approximation: Approximation, group_size: int) -> ActiveSet:
    """Neighbouring points with multipliers of one sign stand for one active point between them.

    Neighbours are closer than half a wiggle of the degree, or than 0.3 of the gap beside them.
    """
    points, multipliers = approximation.points, approximation.multipliers
    signs, gaps = np.sign(multipliers), np.diff(2 * np.arcsin(np.sqrt(points)))
    beside = np.maximum(np.append(0, gaps[:-1]), np.append(gaps[1:], 0))
    same = (np.diff(signs) == 0) & ((gaps < np.pi / (2 * group_size)) | (gaps < NEIGHBOURS * beside))
    groups = np.split(np.arange(len(points)), np.flatnonzero(~same) + 1)
    centres = [
        1.0 if points[g[-1]] == 1 else float(np.average(points[g], weights=np.abs(multipliers[g]))) for g in groups
    ]
    return ActiveSet(np.array(centres), np.array([multipliers[g].sum() for g in groups]), signs[[g[0] for g in groups]])

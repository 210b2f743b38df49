"""The variance-optimal program as a quadratic program for cvxpy: the only call of a convex solver.

With y_m = √w_m (c_m − μ_m)/β and every constraint divided by β, all quantities are of order one (theory.md §3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polyest.errors import SolveError
from polyest.offline.kkt import ActiveSet, Program

__all__ = ["grid", "local_maxima", "solve"]

FiniteSolver = Callable[[Any, Any], Any]

SOLVER = "CLARABEL"
SLACK = 1e-8  # excess of the bias over β that Newton's method mends afterwards


def grid(group_size: int, per_gap: int = 16) -> Any:
    """Points in (0, 1], even in the angle of p = sin²(θ/2), finer than any bias of this degree can wiggle."""
    angles = np.linspace(0, np.pi, max(per_gap * (group_size + 1), 40 * per_gap) + 1)[1:]
    points = np.sin(angles / 2) ** 2
    points[-1] = 1.0
    return np.concatenate([np.geomspace(points[0] * 1e-6, points[0], 60, endpoint=False), points])


def local_maxima(error: Any, above: float) -> Any:
    """Indices of the local maxima of |error| that exceed `above`, end points included."""
    size = np.concatenate([[-np.inf], np.abs(error), [-np.inf]])
    peak = (size[1:-1] >= size[:-2]) & (size[1:-1] > size[2:]) & (size[1:-1] > above)
    return np.flatnonzero(peak)


def solve(program: Program, beta: float, solver: str | None = None) -> ActiveSet:
    """The active set of the program at the bias budget β, by a solver of cvxpy and an exact last step."""
    start = np.append(grid(program.group_size)[:-1:8], 1.0)
    points, y = exchange(
        program, beta, start, lambda scaled, offset: _quadratic_program(scaled, offset, solver or SOLVER)
    )
    return reclassify(program, beta, points, float(np.linalg.norm(y)))


def reclassify(program: Program, beta: float, points: Any, norm: float) -> ActiveSet:
    """The active set exactly, from points near it; `norm` is roughly that of y at the solution."""
    start = np.union1d(points, np.append(grid(program.group_size, 2)[:-1], 1.0))
    points, _ = exchange(program, beta, start, lambda scaled, offset: _least_distance(scaled, offset, norm)[0])
    _, dual = _least_distance(*_scaled(program, points, beta), norm)
    return _clusters(points, dual * beta, program.group_size)


def exchange(program: Program, beta: float, points: Any, solve_finite: FiniteSolver) -> tuple[Any, Any]:
    """Solve on finitely many points; wherever the bias peaks above β, the peak joins them.

    Raises:
        SolveError: the finite solver failed, or the exchange did not end.
    """
    fine = grid(program.group_size)
    on_fine = _scaled(program, fine, beta)
    for _ in range(30):
        scaled, offset = _scaled(program, points, beta)
        y = solve_finite(scaled, offset)
        peaks = _peaks(fine, on_fine[1] + on_fine[0] @ y)
        at_peaks = _scaled(program, peaks, beta)
        heights = at_peaks[1] + at_peaks[0] @ y
        new = peaks[np.abs(heights) > 1 + SLACK]
        if len(np.setdiff1d(new, points)) == 0:
            return points, y
        points = np.unique(np.concatenate([points, new]))
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


def _clusters(points: Any, dual: Any, group_size: int) -> ActiveSet:
    """Neighbouring points with multipliers of one sign, closer than half a wiggle, stand for one point between them."""
    keep = np.flatnonzero(dual)
    angles, signs = 2 * np.arcsin(np.sqrt(points[keep])), np.sign(dual[keep])
    apart = (np.diff(angles) > np.pi / (2 * group_size)) | (np.diff(signs) != 0)
    groups = np.split(keep, np.flatnonzero(apart) + 1)
    centres = [float(np.average(points[g], weights=np.abs(dual[g]))) for g in groups]
    return ActiveSet(
        np.array(centres), np.array([dual[g].sum() for g in groups]), np.array([np.sign(dual[g[0]]) for g in groups])
    )

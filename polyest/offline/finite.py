"""Quadratic programs with finitely many constraints: minimise ‖y‖ subject to |offset + rows·y| ≤ 1.

The only calls of a convex solver.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from polyest.errors import SolveError

__all__ = ["SOLVER", "by_cvxpy", "least_distance"]

SOLVER = "CLARABEL"
OPTIONS: dict[str, dict[str, Any]] = {
    "CLARABEL": {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-14, "tol_feas": 1e-10, "max_iter": 200},
    "OSQP": {"eps_abs": 1e-9, "eps_rel": 1e-9, "max_iter": 200_000, "polishing": True},
    "SCS": {"eps_abs": 1e-10, "eps_rel": 1e-10, "max_iters": 1_000_000},
}


def by_cvxpy(rows: Any, offset: Any, solver: str) -> Any:
    """y by a solver of cvxpy.

    Raises:
        SolveError: the solver failed.
    """
    import cvxpy as cp

    y = cp.Variable(rows.shape[1])
    upper, lower = rows @ y <= 1 - offset, rows @ y >= -1 - offset
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


def least_distance(rows: Any, offset: Any, norm: float) -> tuple[Any, Any]:
    """y and the multipliers λ, y = −rowsᵀλ/2, by non-negative least squares (Lawson & Hanson 1974, ch. 23).

    Args:
        rows, offset: the constraints, shapes (P, r) and (P,).
        norm: about ‖y‖, for the scale; within an order of magnitude will do.

    Raises:
        SolveError: the constraints contradict each other, or rounding makes them appear to.
    """
    from scipy.optimize import nnls

    if len(rows) == 0:  # scipy's would end the process
        return np.zeros(rows.shape[1]), np.zeros(0)
    sides = np.vstack([-rows, rows]) * norm
    bounds = np.concatenate([offset - 1, -1 - offset])
    image = np.zeros(rows.shape[1] + 1)
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

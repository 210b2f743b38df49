"""Quadratic programs with finitely many constraints: minimise ‖y‖ subject to |offset + rows·y| ≤ 1.

The only calls of a convex solver.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from polyest.errors import ArgumentError, SolveError

__all__ = ["SOLVER", "by_cvxpy", "checked_solver", "least_distance"]

SOLVER = "CLARABEL"
OPTIONS: dict[str, dict[str, Any]] = {  # a rough solution is start enough; first-order solvers have limits of seconds
    "CLARABEL": {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-14, "tol_feas": 1e-10, "max_iter": 200},
    "OSQP": {"eps_abs": 1e-6, "eps_rel": 1e-6, "max_iter": 10_000},
    "SCS": {"eps_abs": 1e-6, "eps_rel": 1e-6, "max_iters": 5_000},
    "HIGHS": {"time_limit": 10.0},
}
STDOUT = 1  # the file descriptor that C writes to, whatever sys.stdout is


def checked_solver(name: str) -> str:
    """The name of an installed solver of cvxpy that takes these programs, in capitals.

    Raises:
        ArgumentError: it is none; the message lists them.
    """
    known = _solvers()
    if str(name).upper() not in known:
        raise ArgumentError(
            f"`solver` must be one of {', '.join(known)}, those of cvxpy that are installed and take quadratic "
            f"programs; got {name!r}; leave it out for the usual one"
        )
    return str(name).upper()


@lru_cache(maxsize=1)
def _solvers() -> tuple[str, ...]:
    import cvxpy as cp

    problem, found = _program(np.ones((1, 1)), np.zeros(1))[0], []
    for name in cp.installed_solvers():
        with suppress(cp.error.SolverError):
            problem.get_problem_data(name)
            found.append(name)
    return tuple(found)


def by_cvxpy(rows: Any, offset: Any, solver: str) -> Any:
    """y by a solver of cvxpy.

    Raises:
        SolveError: the solver failed.
    """
    import cvxpy as cp

    problem, y = _program(rows, offset)
    try:
        with warnings.catch_warnings(), _silence():
            warnings.simplefilter("ignore")  # "may be inaccurate", say: it is a start, what follows is checked
            problem.solve(solver=solver, **OPTIONS.get(solver, {}))
    except cp.error.SolverError as error:
        raise SolveError(f"the solver {solver} failed: {error}; try another one of {cp.installed_solvers()}") from None
    if y.value is None:
        raise SolveError(
            f"the solver {solver} ended with status {problem.status}; try a larger budget or another solver"
        )
    return y.value


def _program(rows: Any, offset: Any) -> tuple[Any, Any]:
    """The program of cvxpy, and its unknowns."""
    import cvxpy as cp

    y = cp.Variable(rows.shape[1])
    upper, lower = rows @ y <= 1 - offset, rows @ y >= -1 - offset
    return cp.Problem(cp.Minimize(cp.sum_squares(y)), [upper, lower]), y


@contextmanager
def _silence() -> Iterator[None]:
    """Drop what is written to standard output, also by C, which keeps it in a buffer of its own."""
    with Path(os.devnull).open("w") as nowhere, ExitStack() as stack:
        stack.enter_context(redirect_stdout(nowhere))
        with suppress(OSError):  # there is no standard output
            kept = os.dup(STDOUT)
            stack.callback(os.close, kept)
            _flush_c()
            os.dup2(nowhere.fileno(), STDOUT)
            stack.callback(os.dup2, kept, STDOUT)
            stack.callback(_flush_c)
        yield


def _flush_c() -> None:
    with suppress(OSError, TypeError, AttributeError):  # Windows
        ctypes.CDLL(None).fflush(None)


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

"""The only call of a convex solver: which there are, with what tolerances and limits, and nothing said on stdout."""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError, SolveError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SOLVER", "checked_solver", "solved"]

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

    x, found = cp.Variable(1), []
    problem = cp.Problem(cp.Minimize(cp.sum_squares(x)), [x >= 1])
    for name in cp.installed_solvers():
        with suppress(cp.error.SolverError):
            problem.get_problem_data(name)
            found.append(name)
    return tuple(found)


def solved(problem: Any, unknowns: Any, solver: str) -> NDArray[np.float64]:
    """What a problem of cvxpy finds for its unknowns.

    Raises:
        SolveError: the solver failed.
    """
    import cvxpy as cp

    try:
        with warnings.catch_warnings(), _silence():
            warnings.simplefilter("ignore")  # "may be inaccurate", say: what follows is checked
            problem.solve(solver=solver, **OPTIONS.get(solver, {}))
    except cp.error.SolverError as error:
        raise SolveError(f"the solver {solver} failed: {error}; try another one of {cp.installed_solvers()}") from None
    if unknowns.value is None:
        raise SolveError(
            f"the solver {solver} ended with status {problem.status}; try a larger budget or another solver"
        )
    return np.asarray(unknowns.value)


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

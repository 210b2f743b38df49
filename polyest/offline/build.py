"""Problem → program → solution → certificate → table: the lines that connect them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version

from threadpoolctl import threadpool_limits

from polyest import certify
from polyest.closed_forms import CLOSED_FORM, closed_form
from polyest.errors import SolveError
from polyest.numbers.rationals import MOST_DIGITS
from polyest.offline.methods import aqp, graded, minimax
from polyest.offline.rounding import rounded
from polyest.offline.solution import Solution
from polyest.offline.solution_path import SolutionPath
from polyest.offline.solver import checked_solver
from polyest.problems.problem import Problem, whole_number
from polyest.storage.table import Table

__all__ = ["solve"]

REMEDIES = {"minimax": "method='aqp'", "aqp": "a larger bias_budget", "graded": "a larger worst_case_bias"}


def solve(problem: Problem, *, solver: str | None = None, digits: int | None = None) -> Table:
    """Solve a problem, round the coefficients to float64, and prove what the rounded table is worth.

    Args:
        problem: the question; its baseline is ignored, since centring-proof tables are derived (theory.md §5).
        solver: a solver of cvxpy for the first active set of aqp, the package's choice by default.
        digits: working precision in decimal digits, if more than usual; the coefficients do not depend on it.

    Returns:
        The certified table, with the certified table of group size K−1 (same method, same κ) inside.

    Raises:
        ArgumentError: no such solver, or more digits than `polyest.numbers.rationals.MOST_DIGITS`.
        SolveError: no table of float64 numbers keeps the promise of the program, or a solver failed.

    >>> from polyest.problems.problem import make_problem
    >>> solve(make_problem("log", 4, bias_budget=2)).coefficients[:2]
    (-2.4218706777288874, -0.8552943836633414)
    """
    if digits is not None:
        digits = whole_number("digits", digits, least=1, most=MOST_DIGITS)
    problem, solver = replace(problem, baseline=None), solver and checked_solver(solver)
    if problem.method in CLOSED_FORM:
        return _certified_pair(closed_form(problem), {})
    with threadpool_limits(1):  # the matrices are small, and on a busy machine threads wait for each other
        outer, inner = _solutions(problem, solver, digits)
    float64 = graded.rounded if problem.method == "graded" else rounded
    table = replace(float64(outer), leave_one_out=float64(inner) if inner else None)
    certified = _certified_pair(table, _provenance(outer))
    for broken in certify.broken_promises(certified):
        raise SolveError(f"float64 cannot hold the table of {problem}: {broken}; use {REMEDIES[problem.method]}")
    return certified


def _solutions(problem: Problem, solver: str | None, digits: int | None) -> tuple[Solution, Solution | None]:
    """The solutions for K and for K−1, at the same κ; for graded the latter only if any is within the budget."""
    smaller = replace(problem, group_size=problem.group_size - 1)
    if problem.method == "minimax":
        return minimax.solution(problem, digits), minimax.solution(smaller, digits)
    if problem.method == "graded":
        outer, inner = graded.solution(problem, digits), None
        with suppress(SolveError):
            inner = graded.solution(smaller, digits)
        return outer, inner
    outer = aqp.solution(problem, digits, solver)
    assert outer.kappa is not None
    return outer, aqp.at_kappa(SolutionPath(smaller, solver), outer.kappa, digits)


def _certified_pair(table: Table, provenance: dict[str, str]) -> Table:
    inner = table.leave_one_out
    certified = replace(inner, certificate=certify.certificate(inner)) if inner is not None else None
    return replace(table, certificate=certify.certificate(table), leave_one_out=certified, provenance=provenance)


def _provenance(solution: Solution) -> dict[str, str]:
    packages = ("polyest", "cvxpy", "gmpy2", "mpmath", "numpy", "scipy", "python-flint")
    return {name: version(name) for name in packages} | {"digits": str(solution.digits)}

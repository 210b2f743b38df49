"""Problem → program → solution → certificate → table: the lines that connect them."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from importlib.metadata import version

from threadpoolctl import threadpool_limits

from polyest import certify
from polyest.certify.key import EXCESS, missed_noise, rounding_share
from polyest.closed_forms import CLOSED_FORM, closed_form
from polyest.errors import SolveError
from polyest.numbers.rationals import MOST_DIGITS
from polyest.offline import remez
from polyest.offline.methods import aqp, graded, minimax
from polyest.offline.rounding import rounded
from polyest.offline.solution import Solution
from polyest.offline.solution_path import SolutionPath
from polyest.offline.solver import checked_solver
from polyest.problems.problem import Problem, whole_number
from polyest.problems.targets import get_target
from polyest.storage.table import Enclosure, Table

__all__ = ["solve"]


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
    if problem.method == "graded":
        return _graded(problem, digits)
    with threadpool_limits(1):  # the matrices are small, and on a busy machine threads wait for each other
        outer, inner = _solutions(problem, solver, digits)
    table = replace(rounded(outer), leave_one_out=rounded(inner))
    return _kept(_certified_pair(table, _provenance(outer)))


def _solutions(problem: Problem, solver: str | None, digits: int | None) -> tuple[Solution, Solution]:
    """The solutions for K and for K−1, at the same κ."""
    smaller = replace(problem, group_size=problem.group_size - 1)
    if problem.method == "minimax":
        return minimax.solution(problem, digits), minimax.solution(smaller, digits)
    outer = aqp.solution(problem, digits, solver)
    assert outer.kappa is not None
    return outer, aqp.at_kappa(SolutionPath(smaller, solver), outer.kappa, digits)


def _graded(problem: Problem, digits: int | None) -> Table:
    """That of graded rewards; without a table of K−1 where there is none within the budget."""
    outer, inner = graded.solution(problem, digits), None
    with suppress(SolveError):
        inner = graded.rounded(graded.solution(replace(problem, group_size=problem.group_size - 1), digits))
    table = _certified_pair(replace(graded.rounded(outer), leave_one_out=inner), _provenance(outer))
    failures = certify.verify(table)
    if failures:
        raise SolveError(f"float64 cannot hold the table of {problem}: {failures[0]}; use a larger worst_case_bias")
    return table


def _certified_pair(table: Table, provenance: dict[str, str]) -> Table:
    inner = table.leave_one_out
    certified = replace(inner, certificate=certify.certificate(inner)) if inner is not None else None
    return replace(table, certificate=certify.certificate(table), leave_one_out=certified, provenance=provenance)


def _kept(table: Table) -> Table:
    """The table, if its rounded coefficients keep what the program promises."""
    proved = table.certificate
    assert proved is not None
    noise = _ends(proved.noise) if math.isfinite(proved.noise.upper) else None
    for missed in missed_noise(get_target(table.problem.target), table, noise):
        raise SolveError(
            f"the search for a κ that meets the noise budget of {table.problem} failed: κ = {(table.kappa or 0) / 100} "
            f"misses it by less than a step; use bias_budget ({missed})"
        )
    for part in (table, table.leave_one_out):
        if part is not None and part.certificate is not None:
            _check_bias(part, _ends(part.certificate.worst_case_bias)[1])
    return table


def _check_bias(table: Table, bias: Fraction) -> None:
    """Rounded, the bias must be the budget still, or less where that does not bind."""
    kappa = table.kappa or 100
    budget = Fraction(kappa, 100) * remez.least_bias(table.problem.target, table.group_size)
    allowed = Fraction(EXCESS) if kappa == 100 else rounding_share(table, budget)
    if bias > budget * (1 + allowed) and (kappa == 100 or table.proof.get("points")):
        raise SolveError(
            f"`method` {table.problem.method} for K = {table.group_size}, κ = {kappa / 100}, needs coefficients that "
            f"float64 cannot hold: rounded, the bias is {float(bias):.3g} instead of {float(budget):.3g}; use "
            "method='aqp' with a larger budget"
        )


def _ends(claim: Enclosure) -> tuple[Fraction, Fraction]:
    return Fraction(claim.lower_text), Fraction(claim.upper_text)


def _provenance(solution: Solution) -> dict[str, str]:
    packages = ("polyest", "cvxpy", "mpmath", "numpy", "scipy", "python-flint")
    return {name: version(name) for name in packages} | {"digits": str(solution.digits)}

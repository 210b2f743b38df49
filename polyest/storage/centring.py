"""Centring-proof tables, for trainers that subtract a mean themselves (theory.md §5).

Subtracting the group mean turns the surrogate of (c_0, …, c_{K−1}) into (1 − 1/K) times that of the table
(c_0, …, c_{K−2}) of group size K−1; subtracting the mean of the others turns it into that of (c_0, …, c_{K−2}) itself.
So the plain table of K−1, scaled back, survives either.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from polyest.errors import ArgumentError, TableNotFoundError
from polyest.polynomials.bernstein import target_values
from polyest.problems.problem import Problem
from polyest.problems.targets import get_target
from polyest.storage.store import solve_command
from polyest.storage.table import Table

__all__ = ["centring_proof"]


def centring_proof(table: Table, baseline: str) -> Table:
    """The table of group size K whose rewards, less the mean, have the expected gradient of the table of K−1.

    The formula, with c' the table of K−1 and s = K/(K−1) for ``"group_mean"``, s = 1 for ``"leave_one_out_mean"``:
    c_m = s·c'_m for m < K−1, and c_{K−1} = s·r(1), which multiplies an advantage that is always 0.

    Args:
        table: a table of group size K ≥ 3 with its leave-one-out table.
        baseline: the mean that the trainer subtracts.

    Returns:
        A table with the certificate of c'; each coefficient is rounded once.

    Raises:
        ArgumentError: the target is exact at K but not at K−1.
        TableNotFoundError: the table lacks its leave-one-out table.

    Source: theory.md §5.

    >>> from polyest.closed_forms import closed_form
    >>> from polyest.problems.problem import make_problem
    >>> centring_proof(closed_form(make_problem("log", 3, "harmonic")), "group_mean").coefficients
    (-1.5, 0.0, 0.0)
    """
    inner, K = table.leave_one_out, table.group_size
    problem = replace(table.problem, baseline=baseline)
    if inner is None:
        raise TableNotFoundError(
            f"`baseline` needs the table of K−1 = {K - 1}, which the table of {table.problem} lacks; "
            f"solve it again with: {solve_command(table.problem)} --force"
        )
    if inner.problem.method != problem.method:
        raise ArgumentError(
            f"`baseline` needs an {problem.method} table of K−1 = {K - 1}, and {problem.target} has none: its degree "
            f"is {get_target(problem.target).degree}; use a larger group, method='aqp', or .advantages"
        )
    scale = Fraction(K, K - 1) if baseline == "group_mean" else Fraction(1)
    exact = [Fraction(c) for c in inner.coefficients] + [_at_one(problem)]
    return replace(inner, problem=problem, coefficients=tuple(float(scale * c) for c in exact), leave_one_out=None)


def _at_one(problem: Problem) -> Fraction:
    """r(1)."""
    polynomial = get_target(problem.target).polynomial
    if polynomial is not None:
        return sum(polynomial, Fraction(0))
    return Fraction(float(target_values(problem.target, 1.0)))

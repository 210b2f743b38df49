"""Methods that need no solver, one file each: `coefficients(target, group_size)` computes the table on the spot.

The methods that solve a program, `minimax` and `aqp`, are in `polyest.offline.methods`.
"""

from __future__ import annotations

from dataclasses import replace

from polyest.closed_forms import exact, harmonic, plug_in
from polyest.problems.problem import Problem
from polyest.problems.targets import get_target
from polyest.storage.table import Table

__all__ = ["CLOSED_FORM", "closed_form", "leave_one_out_problem"]

CLOSED_FORM = {"plug_in": plug_in.coefficients, "harmonic": harmonic.coefficients, "exact": exact.coefficients}


def closed_form(problem: Problem) -> Table:
    """The table of a problem whose method has a closed form; its leave-one-out table too.

    An exact table of degree K−1 has no exact leave-one-out table; any table serves as a baseline (theory.md §5), so
    the plug-in table of K−1 takes its place.

    >>> from polyest.problems.problem import make_problem
    >>> closed_form(make_problem("log", 2, "harmonic")).coefficients
    (-1.0, 0.0)
    """
    target, other = get_target(problem.target), leave_one_out_problem(problem)
    inner = Table(other, CLOSED_FORM[other.method](target, other.group_size))
    return Table(problem, CLOSED_FORM[problem.method](target, problem.group_size), leave_one_out=inner)


def leave_one_out_problem(problem: Problem) -> Problem:
    """What the table of K−1 answers that belongs to a table: the same, or plug_in where no exact one exists."""
    K, method = problem.group_size - 1, problem.method
    other = "plug_in" if method == "exact" and not get_target(problem.target).is_exact(K) else method
    return replace(problem, group_size=K, method=other)

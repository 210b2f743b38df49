"""Methods that need no solver, one file each: `coefficients(target, group_size)` computes the table on the spot.

The methods that solve a program, `minimax` and `aqp`, are in `polyest.offline.methods`.
"""

from __future__ import annotations

from polyest.methods import exact, harmonic, plug_in
from polyest.problem import Problem
from polyest.table import Table
from polyest.targets import get_target

__all__ = ["CLOSED_FORM", "closed_form"]

CLOSED_FORM = {"plug_in": plug_in.coefficients, "harmonic": harmonic.coefficients, "exact": exact.coefficients}


def closed_form(problem: Problem) -> Table:
    """The table of a problem whose method has a closed form; its leave-one-out table too.

    An exact table of degree K−1 has no exact leave-one-out table; any table serves as a baseline (theory.md §5), so
    the plug-in table of K−1 takes its place.

    >>> from polyest.problem import make_problem
    >>> closed_form(make_problem("log", 2, "harmonic")).coefficients
    (-1.0, 0.0)
    """
    target, K = get_target(problem.target), problem.group_size
    method = problem.method
    other = "plug_in" if method == "exact" and not target.is_exact(K - 1) else method
    inner = Table(Problem(target.name, K - 1, other), CLOSED_FORM[other](target, K - 1))
    return Table(problem, CLOSED_FORM[method](target, K), leave_one_out=inner)

"""The minimax table: the least worst-case bias that any table can have (theory.md §3)."""

from __future__ import annotations

from flint import arb_mat

from polyest.numbers.conversion import to_fraction
from polyest.numbers.mpfr import Mpfr
from polyest.offline import remez
from polyest.offline.linear import column, number, solve_system
from polyest.offline.solution import Solution, settled
from polyest.polynomials.basis import bernstein_basis
from polyest.problems.problem import Problem
from polyest.problems.targets import get_target

__all__ = ["solution"]


def solution(problem: Problem, digits: int | None = None) -> Solution:
    """Solve min_c β(c) by the exchange algorithm, with as many `digits` as the coefficients need, or more.

    Q takes its values at all points of the best approximation but one; 2·K digits above the accuracy wanted pay for the
    conditioning of that system.

    >>> from polyest.problems.problem import make_problem
    >>> [float(c) for c in solution(make_problem("log", 2, "minimax")).coefficients]
    [-1.7113737593684795, 0.07720199246676034]
    """
    K = problem.group_size
    working = max(digits or 0, remez.DIGITS + 2 * K)
    best = remez.best_approximation(get_target(problem.target), K, working)
    with Mpfr(working).precision():
        basis = arb_mat([bernstein_basis(K - 1, number(t)) for t in best.points[:-1]])
        c = solve_system(basis.mid(), column(best.values[:-1])).entries()
    proof = {"alternation": tuple(map(float, best.points))}
    return Solution(problem, settled(c, to_fraction(best.level)), proof=proof, digits=working)

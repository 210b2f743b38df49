"""The table of graded rewards for more draws than the group has: least noise within a bias of the objective.

Its program is `polyest.offline.program.GradedProgram`, solved as aqp's is where float64 does not carry: an exchange of
constraint points from scratch, then all digits.
"""

from __future__ import annotations

from fractions import Fraction

import gmpy2
import numpy as np

from polyest.errors import SolveError
from polyest.numbers.conversion import Array
from polyest.numbers.mpfr import Mpfr
from polyest.numbers.rationals import decimal_text
from polyest.offline import reduction
from polyest.offline.exchange import InMultiprecision, exchanged
from polyest.offline.program import Constraints, GradedProgram, Optimum
from polyest.offline.solution import Solution
from polyest.problems.problem import Problem
from polyest.problems.targets import get_target
from polyest.storage.table import Table

__all__ = ["rounded", "solution"]

DIGITS = 50
GUARD = 40  # digits that the conditioning may cost, and one more for every completion
ROUGHLY = 1e-3  # excess of the bias, relative, at which the exchange of points ends


def solution(problem: Problem, digits: int | None = None) -> Solution:
    """The table within the problem's budget β.

    Raises:
        SolveError: β is below the least bias of any table, or the optimality conditions could not be met.

    >>> from polyest.problems.problem import make_problem
    >>> found = solution(make_problem("best_of(6)", 4, worst_case_bias="0.02"))
    >>> [float(c).__round__(12) for c in found.coefficients]
    [5.474180579116, -1.669065220286, -0.003125137735, 0.198009778906]
    """
    assert problem.budget is not None
    budget, working = problem.budget.value, max(digits or 0, DIGITS)
    ctx = Mpfr(working + GUARD + problem.group_size)
    with ctx.precision():
        program = GradedProgram(get_target(problem.target), problem.group_size, ctx)
        try:
            found = _optimum(program, ctx.rational(budget), working)
        except SolveError as error:
            raise SolveError(
                f"`worst_case_bias` = {decimal_text(budget)} is out of reach ({error}); give a larger one"
            ) from None
    return Solution.of(problem, found, budget, working)


def _optimum(program: GradedProgram, beta: gmpy2.mpfr, digits: int) -> Optimum[Array]:
    """The Bayes table if its bias is within β, else the solution where some points are active."""
    K = program.group_size
    turns = program.convert(np.sin(np.arange(1, K + 1) * np.pi / (2 * K + 2)) ** 2)  # of polynomials of degree K
    signs = np.where(np.arange(K) % 2 == 0, 1, -1)
    near = exchanged(InMultiprecision(program, beta, ROUGHLY), Constraints(turns, signs, 0 * turns), ROUGHLY)
    return reduction.to_all_digits(program, near, beta, digits) if len(near.points) else near


def rounded(solution: Solution) -> Table:
    """The nearest float64 numbers, the least of them moved by some ulps so that the sum stays K·∫_0^1 r.

    All of them are multiples of its ulp, so the sum is exact where K·∫_0^1 r is such a multiple too, as K is.
    """
    c = [float(x) + 0.0 for x in solution.coefficients]
    polynomial = get_target(solution.problem.target).polynomial or ()
    whole = len(c) * sum((a / (j + 1) for j, a in enumerate(polynomial)), Fraction(0))
    least = min(range(len(c)), key=lambda m: abs(c[m]))
    c[least] = float(Fraction(c[least]) + whole - sum(map(Fraction, c)))
    return Table(solution.problem, tuple(c), proof=solution.proof)

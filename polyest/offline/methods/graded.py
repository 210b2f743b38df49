"""The table of graded rewards for more draws than the group has: least noise within a bias of the objective.

Its program is `polyest.offline.program.GradedProgram`, solved by local reduction from the Bayes table.
"""

from __future__ import annotations

from fractions import Fraction

from polyest.errors import SolveError
from polyest.numbers.mpfr import Mpfr
from polyest.numbers.rationals import decimal_text
from polyest.offline.program import GradedProgram
from polyest.offline.reduction import to_all_digits
from polyest.offline.solution import Solution
from polyest.problems.problem import Problem
from polyest.problems.targets import get_target
from polyest.storage.table import Table

__all__ = ["rounded", "solution"]

DIGITS = 50
GUARD = 40  # digits that the conditioning may cost, and one more for every completion


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
            found = to_all_digits(program, program.unconstrained, ctx.rational(budget), working)
        except SolveError as error:
            raise SolveError(
                f"`worst_case_bias` = {decimal_text(budget)} is out of reach ({error}); give a larger one"
            ) from None
    return Solution.of(problem, found, budget, working)


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

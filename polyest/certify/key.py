"""The key of a table, proved: that the coefficients are those of the question that the file says they answer.

What is left to the solver's word, and said to be, is `unproved`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from flint import arb, ctx

from polyest.certify import graded
from polyest.certify.bayes import bayes_means
from polyest.certify.least_bias import Interval, unit_of_kappa
from polyest.closed_forms import CLOSED_FORM, plug_in
from polyest.errors import ArgumentError
from polyest.numbers.balls import BallContext, ball
from polyest.numbers.conversion import to_fraction
from polyest.numbers.rationals import decimal_text, rounded_text
from polyest.polynomials.basis import bernstein_basis
from polyest.polynomials.worst_case import noise_peak
from polyest.problems.budget import BudgetArguments
from polyest.problems.problem import make_problem
from polyest.problems.targets import Target
from polyest.storage.table import Table

__all__ = ["broken_promises", "question", "unproved"]

GAP = Fraction(1, 10**12)  # between the best value there may be and an aqp table's, relative, or what rounding costs
EXCESS = 1e-3  # share by which the rounded minimax table may miss E*_K
ROUNDING = 1e-9  # share by which the rounded aqp table may miss its budgets
MOST_ROUNDING = 1e-6  # and its bias budget where an ulp of the coefficients is more than that, close to E*_K
BITS = 320
NEXT_TO_ZERO = Fraction(1, 2**600)  # where the noise is its limit at 0, if that is the largest

UNPROVED = {
    "noise_budget": "that kappa is the smallest that keeps the noise budget",
    "groups": "that kappa is the best for that many groups",
}


def unproved(table: Table) -> list[str]:
    """What the key says and no proof covers.

    >>> from polyest.problems.problem import make_problem
    >>> unproved(Table(make_problem("log", 2, groups=8), (-1.5, 0.0)))
    ['that kappa is the best for that many groups']
    """
    budget = table.problem.budget
    return [UNPROVED[budget.kind]] if budget is not None and budget.kind in UNPROVED else []


def question(table: Table) -> Iterator[str]:
    """What is wrong with the question in the key, and with the parts that its answer must have."""
    problem, budget = table.problem, table.problem.budget
    given = BudgetArguments() if budget is None else budget.argument
    try:
        canonical = make_problem(problem.target, problem.group_size, problem.method, **given)
    except ArgumentError as error:
        yield f"key makes no sense: {error}"
        return
    if canonical != problem:
        yield f"key must be written as that of {canonical}; it is that of {problem}"
    inner = table.leave_one_out
    if inner is None:
        if problem.method != "graded":  # within that budget there may be none
            yield "leave_one_out is missing"
    elif inner.kappa != table.kappa:
        yield "leave_one_out.kappa differs from that of the table"


def broken_promises(
    target: Target, table: Table, bias: Interval, noise: Interval | None, best: Interval | None
) -> Iterator[str]:
    """What a table's key promises and its coefficients do not keep.

    Args:
        target: the table's.
        table: with or without its leave-one-out table, which is not looked at.
        bias: an enclosure of β.
        noise: an enclosure of V; None if there is none, or none is promised.
        best: an enclosure of the best value of the table's program; None if it solves none.
    """
    closed_form, budget = CLOSED_FORM.get(table.problem.method), table.problem.budget
    if closed_form:
        if table.coefficients != closed_form(target, table.group_size):
            yield f"coefficients must be those of {table.problem.method}, correctly rounded; solve it again"
        return
    if table.problem.method == "graded":
        yield from graded.broken_promises(target, table, bias, best or (Fraction(0), Fraction(0)))
        return
    if budget is not None and budget.kind == "bias_budget" and table.kappa != 100 * budget.value:
        yield f"kappa must be the bias_budget, {decimal_text(budget.value)}; solve it again"
    binds = table.problem.method == "aqp" and table.kappa != 100
    bayes = binds and _is_bayes(target, table)
    if binds:
        yield from _missed_kappa(target, table, bias, bayes)
    if best is not None and not bayes and best[1] - best[0] > best[1] * _allowed_gap(table, best[1]):
        gap = rounded_text(best[1] / best[0] - 1) if best[0] else "nothing"
        yield f"optimality is proved to {gap} only, of the best"
    yield from _missed_noise(target, table, noise)


def _missed_noise(target: Target, table: Table, noise: Interval | None) -> Iterator[str]:
    """Whether V > ρ·V(plug_in), beyond rounding, where the key has a noise budget ρ; plug_in's at a point is enough."""
    budget = table.problem.budget
    if noise is None or budget is None or budget.kind != "noise_budget":
        return
    plain = plug_in.coefficients(target, table.group_size)
    most = budget.value * max(_noise_at(target, plain, p) for p in (Fraction(noise_peak(target, plain)), NEXT_TO_ZERO))
    if noise[1] > most * (1 + Fraction(ROUNDING)):
        yield f"noise must keep the noise_budget, {rounded_text(most)}; it is {rounded_text(noise[1])}"


def _missed_kappa(target: Target, table: Table, bias: Interval, bayes: bool) -> Iterator[str]:
    """The bias must be κ·E*_K, or less where the budget does not bind."""
    kappa = Fraction(table.kappa or 0, 100)
    low, high = (kappa * end for end in unit_of_kappa(target, table.group_size))
    allowed = _rounding_share(table, low)
    if bias[1] > low * (1 + allowed) or (not bayes and bias[0] * (1 + allowed) < high):
        yield (
            f"worst_case_bias must be kappa times the least there is, {decimal_text(kappa)}·"
            f"{rounded_text(low / kappa)} = {rounded_text(low)}; it is {rounded_text(bias[1])}"
        )


def _rounding_share(table: Table, budget: Fraction) -> Fraction:
    """The share by which rounding to float64 may move the bias off its budget."""
    ulp = Fraction(math.ulp(max(map(abs, table.coefficients))))
    return max(Fraction(ROUNDING), min(ulp / budget, Fraction(MOST_ROUNDING)))


def _is_bayes(target: Target, table: Table) -> bool:
    """Whether the coefficients are the Bayes table's, to an ulp: the best where the budget does not bind."""
    if table.proof.get("points"):
        return False
    with ctx.workprec(BITS):
        pairs = zip(table.coefficients, bayes_means(target, table.group_size), strict=True)
        zero = max(map(abs, table.coefficients)) * 2.0**-100  # no enclosure of 0 is narrower than its rounding
        return all(bool(abs(ball(c) - mean) <= ball(max(math.ulp(c), zero))) for c, mean in pairs)


def _allowed_gap(table: Table, best: Fraction) -> Fraction:
    """The share by which a table may miss the best: minimax `EXCESS`, aqp `GAP` or what rounding to float64 costs.

    Half an ulp of every coefficient moves the peaks apart by 2·max_j Σ_m φ_m(p_j)·ulp(c_m)/2 at most, and the
    multipliers are the prices of that.
    """
    if table.problem.method == "minimax" or table.kappa == 100:
        return Fraction(EXCESS)
    points, multipliers = table.proof.get("points", ()), table.proof.get("multipliers", ())
    with ctx.workprec(64):
        ulps = [ball(math.ulp(c)) for c in table.coefficients]
        moved = [_mean(ulps, ball(p)) * ball(p) for p in points]
        price = sum((abs(ball(multiplier)) for multiplier in multipliers), arb(0)) / ball(best)
        cost = to_fraction((max((x.upper() for x in moved), default=arb(0)) * price).upper())
    return max(GAP, min(cost, Fraction(EXCESS)))


def _mean(coefficients: list[arb], p: arb) -> arb:
    basis = bernstein_basis(len(coefficients) - 1, p)
    return sum((c * b for c, b in zip(coefficients, basis, strict=True)), arb(0))


def _noise_at(target: Target, coefficients: tuple[float, ...], p: Fraction) -> Fraction:
    """A lower bound of V_c(p), theory.md §2."""
    K = len(coefficients)
    with ctx.workprec(2 * BITS):
        x = ball(p)
        r, basis = target.formula(x, BallContext), bernstein_basis(K - 1, x)
        deviations = [ball(c) - r for c in coefficients]
        second = sum((b * (m + 1) * d**2 for m, (b, d) in enumerate(zip(basis, deviations, strict=True))), arb(0))
        mean = sum((b * d for b, d in zip(basis, deviations, strict=True)), arb(0))
        return to_fraction((x * second / K - (x * mean) ** 2).lower())

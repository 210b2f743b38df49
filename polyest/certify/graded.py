"""What a table of graded rewards promises beyond its certificate, and the bound that no such table can beat.

The bias of its objective is that of its running means (`polyest.problems.objective`), enclosed as that of any table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from flint import arb, ctx

from polyest.certify.bayes import bayes_means
from polyest.errors import ArgumentError
from polyest.numbers.balls import ball
from polyest.numbers.conversion import to_fraction
from polyest.numbers.rationals import decimal_text, rounded_text
from polyest.polynomials.basis import bernstein_basis
from polyest.problems.objective import mean_slope
from polyest.problems.targets import Target
from polyest.storage.table import Table

__all__ = ["broken_promises", "dual_value"]

BITS = 320
GAP = Fraction(1, 10**12)  # between the best value there may be and a table's, relative
ROUNDING = Fraction(1, 10**9)  # share by which a rounded table may miss its budget

Interval = tuple[Fraction, Fraction]


def broken_promises(target: Target, table: Table, bias: Interval, best: Interval) -> Iterator[str]:
    """What the key promises and the coefficients do not keep: their sum, the bias, and to be the best there is.

    Args:
        target: the table's, a polynomial.
        table: with or without its leave-one-out table, which is not looked at.
        bias: an enclosure of sup |∫_0^p (Q_c − r)|.
        best: an enclosure of the best value of the table's program.
    """
    c, budget, is_bayes = table.coefficients, table.problem.budget, _is_bayes(target, table)
    beta = budget.value if budget is not None else Fraction(0)
    whole = len(c) * sum(mean_slope(target).polynomial or (), Fraction(0))
    total = sum(map(Fraction, c), Fraction(0))
    if abs(total - whole) > min(map(Fraction, map(math.ulp, c))) / 2:
        yield f"coefficients must add up to {rounded_text(whole)}; they are {rounded_text(total - whole)} off it"
    if bias[1] > beta * (1 + ROUNDING) or (not is_bayes and bias[0] * (1 + ROUNDING) < beta):
        yield f"worst_case_bias must be that of the key, {decimal_text(beta)}; it is {rounded_text(bias[1])}"
    if not is_bayes and best[1] - best[0] > best[1] * GAP:
        gap = rounded_text(best[1] / best[0] - 1) if best[0] else "nothing"
        yield f"optimality is proved to {gap} only, of the best"


def _is_bayes(target: Target, table: Table) -> bool:
    """Whether the coefficients are the Bayes table's, but for rounding: the best where the budget does not bind."""
    if table.proof.get("points"):
        return False
    c = table.coefficients
    near = ball(len(c) * math.ulp(max(map(abs, c))))
    with ctx.workprec(BITS):
        pairs = zip(c, bayes_means(target, len(c)), strict=True)
        return all(bool(abs(ball(x) - mean) <= near) for x, mean in pairs)


def dual_value(
    target: Target, group_size: int, points: Sequence[float], multipliers: Sequence[float], beta: Fraction
) -> Fraction:
    """A lower bound on F(c) over all tables of that sum whose objective is off by β at most.

    D_β(λ) = Σ_j λ_j ∫_0^{p_j} (Q_μ − r) − β Σ_j |λ_j| − Σ_m (g_m − ḡ)²/(4 w_m), g_m = Σ_j λ_j ∫_0^{p_j} B_{m,K−1} and
    ḡ their mean with the weights 1/w_m, which is the best multiplier of Σ_m (c_m − μ_m) = 0.
    """
    K, slope = group_size, mean_slope(target).polynomial or ()
    if len(points) != len(multipliers) or not all(0 < p <= 1 for p in points):
        raise ArgumentError("`points` must lie in (0, 1] and match `multipliers` in number; solve it again")
    with ctx.workprec(BITS):
        means, g, value = bayes_means(target, K), [arb(0)] * K, arb(0)
        for p, multiplier in zip(map(ball, points), map(ball, multipliers), strict=True):
            row = _integrals(p, K)
            g = [a + multiplier * b for a, b in zip(g, row, strict=True)]
            mean = sum((m * b for m, b in zip(means, row, strict=True)), arb(0))
            objective = sum((ball(a) * p ** (j + 1) for j, a in enumerate(slope)), arb(0))
            value += multiplier * (mean - objective) - ball(beta) * abs(multiplier)
        inverse = [ball(Fraction(K * K, m + 1)) for m in range(K)]
        middle = sum((x * u for x, u in zip(g, inverse, strict=True)), arb(0)) / sum(inverse, arb(0))
        penalty = sum(((x - middle) ** 2 * u for x, u in zip(g, inverse, strict=True)), arb(0)) / 4
        return max(to_fraction((value - penalty).lower()), Fraction(0))


def _integrals(p: arb, group_size: int) -> list[arb]:
    """∫_0^p B_{m,K−1} = (1/K) Σ_{j>m} B_{j,K}(p), m = 0 … K−1."""
    tail, integrals = arb(0), []
    for b in bernstein_basis(group_size, p)[:0:-1]:
        tail += b
        integrals.append(tail / group_size)
    return integrals[::-1]

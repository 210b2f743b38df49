"""Local reduction: the same optimum from bad starts, also by exchange; its optimality, by independent arithmetic."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import brute
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import SolveError
from polyest.numbers.conversion import to_fraction
from polyest.numbers.mpfr import Mpfr
from polyest.offline import reduction, remez
from polyest.offline.exchange_in_float64 import Discretization
from polyest.offline.methods import aqp
from polyest.offline.program import Optimum, Program
from polyest.offline.solution_path import SolutionPath
from polyest.problems.problem import make_problem
from polyest.problems.targets import get_target

DIGITS = 30


def optimum(target: str, K: int, kappa: int, points: Any, multipliers: Any) -> list[Fraction]:
    row, budget = get_target(target), Fraction(kappa, 100) * remez.least_bias(target, K)
    ctx = Mpfr(90)
    with ctx.precision():
        program = Program(row, K, ctx)
        found = reduction.to_all_digits(program, near(program, points, multipliers), ctx.rational(budget), DIGITS)
        return [to_fraction(c) for c in found.coefficients]


def near(program: Program, points: Any, multipliers: Any) -> Optimum:
    """The table of some points and multipliers (theory.md §3)."""
    points, multipliers = program.convert(points), program.convert(multipliers)
    c = program.means - (multipliers @ program.rows(points)) / (2 * program.weights)
    return Optimum(c, points, multipliers)


@lru_cache(maxsize=16)
def start(target: str, K: int, kappa: int) -> tuple[Any, Any]:
    beta = kappa / 100 * float(remez.least_bias(target, K))
    found = Discretization(Program(get_target(target), K)).first(beta)
    return found.points, found.multipliers


@lru_cache(maxsize=16)
def usual(target: str, K: int, kappa: int) -> list[Fraction]:
    return optimum(target, K, kappa, *start(target, K, kappa))


def same(a: list[Fraction], b: list[Fraction]) -> bool:
    return all(abs(x - y) < Fraction(1, 10**20) for x, y in zip(a, b, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K", "kappa"), [("log", 6, 200), ("log", 14, 247), ("power(0.5)", 9, 240)])
@settings(max_examples=15)
@given(st.data())
def test_the_same_optimum_from_a_disturbed_start(target: str, K: int, kappa: int, data: st.DataObject) -> None:
    """Points moved by up to a quarter of the distance to 0 or 1, multipliers by a factor of two, one point left out."""
    points, multipliers = start(target, K, kappa)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    moved = points + rng.uniform(-0.25, 0.25, len(points)) * np.minimum(points, 1 - points)
    kept = np.arange(len(points)) != rng.integers(0, len(points) + 1)
    scaled = multipliers * rng.uniform(0.5, 2, len(points))
    assert same(optimum(target, K, kappa, moved[kept], scaled[kept]), usual(target, K, kappa))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K", "kappa"), [("log", 3, 200), ("log", 9, 300), ("power(0.5)", 5, 150)])
def test_the_same_optimum_from_the_bayes_table(target: str, K: int, kappa: int) -> None:
    """No point is given at all."""
    assert same(optimum(target, K, kappa, np.array([]), np.array([])), usual(target, K, kappa))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K", "kappa"), [("log", 6, 200), ("log", 64, 695), ("power(0.5)", 24, 230)])
def test_floats_lead_near_the_optimum(target: str, K: int, kappa: int) -> None:
    """float64 is a start, to four digits of the largest coefficient."""
    row, beta = get_target(target), kappa / 100 * float(remez.least_bias(get_target(target), K))
    found = Discretization(Program(row, K)).first(beta)
    ctx = Mpfr(90)
    with ctx.precision():
        best = reduction.to_all_digits(Program(row, K, ctx), found, ctx.rational(to_fraction(beta)), DIGITS)
    c = best.coefficients.astype(float)
    assert found.coefficients == pytest.approx(c, abs=2e-5 * max(abs(c)))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K", "kappa"), [("log", 5, 150), ("js(0.1)", 5, 300), ("power(-0.5)", 6, 200)])
def test_the_bias_keeps_to_the_budget_everywhere_and_touches_it(target: str, K: int, kappa: int) -> None:
    c = tuple(float(x) for x in usual(target, K, kappa))
    budget = kappa / 100 * float(remez.least_bias(target, K))
    assert float(brute.worst_case_bias(target, c)) == pytest.approx(budget, rel=1e-11)  # c rounded to float64


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K", "kappa"), [("log", 6, 200), ("log", 14, 247), ("power(0.5)", 9, 105)])
def test_the_exchange_in_multiprecision_leads_to_the_same_optimum(target: str, K: int, kappa: int) -> None:
    """From the points of the minimax table, whatever the budget."""
    row, least, ctx = get_target(target), remez.best_approximation(get_target(target), K), Mpfr(90)
    with ctx.precision():
        beta = ctx.rational(Fraction(kappa, 100) * remez.least_bias(target, K))
        program = Program(row, K, ctx)
        start = Optimum(program.means, ctx.array(least.points[:-1]), ctx.array(least.signs[:-1].astype(float)))
        found = reduction.exchanged_in_digits(program, start, beta, 1e-11)
        c = [float(x) for x in found.coefficients]
    assert c == pytest.approx([float(x) for x in usual(target, K, kappa)], rel=1e-6)


@pytest.mark.slow
def test_where_float64_is_not_enough_multiprecision_takes_over() -> None:
    problem = make_problem("power(1.5)", 24, bias_budget="1.18")
    path = SolutionPath(problem)
    beta = 1.18 * path.least_bias
    with pytest.raises(SolveError):
        path.in_float64(beta)
    assert brute.float_curves("power(1.5)", path.at(beta).coefficients, brute.grid(24, 4000))[0].max() == pytest.approx(
        beta, rel=1e-4
    )
    assert len(aqp.at_kappa(path, 118).proof["points"]) == 24


def test_a_budget_below_the_least_bias_is_an_error() -> None:
    with pytest.raises(SolveError):
        optimum("log", 4, 90, *start("log", 4, 110))


@pytest.mark.slow
def test_the_road_to_a_budget_does_not_matter_where_float64_is_not_enough() -> None:
    """κ = 1.2 after others from both sides, on a line with them and not, or at once: the same table to six digits."""
    problem = make_problem("power(1.5)", 22, bias_budget="1.2")

    def coefficients(*kappas: float) -> list[float]:
        path = SolutionPath(problem)
        for kappa in kappas:
            found = path.in_multiprecision(kappa * path.least_bias, 1e-9)
        return [float(c) for c in found.coefficients]

    at_once = coefficients(1.2)
    for road in ((1.1, 1.3, 1.2), (1.16, 1.18, 1.2), (1.01, 1.02, 1.2)):
        assert coefficients(*road) == pytest.approx(at_once, rel=1e-6)


@pytest.mark.slow
def test_a_first_budget_close_to_the_least_bias_is_solved_at_any_size() -> None:
    """From the Bayes table alone the exchange in multi-precision does not settle there."""
    problem = make_problem("log", 40, bias_budget="1.2")
    path = SolutionPath(problem)
    beta = 1.2 * path.least_bias
    found = path.at(beta)
    assert brute.float_curves("log", found.coefficients, brute.grid(40, 4000))[0].max() == pytest.approx(beta, rel=1e-6)

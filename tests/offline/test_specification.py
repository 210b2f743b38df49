"""The programs as they are stated in cvxpy against what the solvers make of them."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from polyest.errors import ArgumentError, SolveError
from polyest.offline import remez, specification
from polyest.offline.methods import aqp, minimax
from polyest.offline.program import Program
from polyest.offline.solution import Solution
from polyest.polynomials import bernstein
from polyest.problems.problem import make_problem
from polyest.problems.targets import get_target

# A polynomial of degree K is a sum of waves of frequency ≤ K in θ. Its highest point is at most π/(32K) from one of
# the grid, where it is still cos(π/32) times as high (Ehlich & Zeller 1964). p·r(p) is no polynomial: twice that.
GRID = 2 * (1 / math.cos(math.pi / (2 * specification.PER_WAVE)) - 1)
SOLVER = 1e-9  # relative, of a value: what the solver's tolerances, 1e-10, leave

POINTS = [  # of the frontier as far as float64 carries: ‖x‖ = √F/β ≤ 1e5
    ("log", 2, "1.17"),
    ("log", 3, "1.05"),
    ("log", 8, "1.05"),
    ("log", 8, "2.20"),
    ("log", 8, "6"),
    ("log", 16, "1.2"),
    ("log", 16, "4"),
    ("log", 32, "4.03"),
    ("log", 64, "4"),
    ("log", 64, "6.95"),
    ("power(-0.5)", 16, "3"),
    ("power(0.5)", 8, "1.05"),
    ("power(0.5)", 64, "6.95"),
    ("power(1.5)", 16, "2.47"),
    ("js(0.1)", 32, "4"),
]
each_point = pytest.mark.parametrize(("target", "K", "kappa"), POINTS)


@lru_cache(maxsize=64)
def solved(target: str, K: int, kappa: str) -> tuple[Solution, float]:
    """The solver's table, and β."""
    return aqp.solution(make_problem(target, K, bias_budget=kappa)), float(kappa) * float(remez.least_bias(target, K))


def objective(target: str, coefficients: Any) -> float:
    program = Program(get_target(target), len(coefficients))
    return float(program.weights @ (np.array(coefficients, dtype=float) - program.means) ** 2)


def worst_bias(target: str, coefficients: Any) -> float:
    p = np.union1d(np.geomspace(1e-12, 1e-4, 200), np.sin(np.linspace(0, np.pi, 20_001)[1:] / 2) ** 2)
    return float(np.abs(bernstein.bias(target, coefficients, p)).max())


@pytest.mark.slow
@each_point
def test_the_solver_solves_the_stated_aqp(target: str, K: int, kappa: str) -> None:
    """On the solver's active points alone the program has the value, and the table, that the solver says."""
    solution, beta = solved(target, K, kappa)
    stated = specification.aqp(target, K, beta, solution.proof["points"])
    exact = np.array(solution.coefficients, dtype=float)
    assert stated.value == pytest.approx(objective(target, exact), rel=SOLVER)
    np.testing.assert_allclose(stated.coefficients, exact, rtol=0, atol=SOLVER * np.abs(exact).max())


@pytest.mark.slow
@each_point
def test_aqp_on_a_grid_brackets_the_solution(target: str, K: int, kappa: str) -> None:
    """F_grid ≤ F; and F_grid, at the bias β' ≥ β that its table has in truth, is above the dual F − (β' − β)·Σ|λ|."""
    solution, beta = solved(target, K, kappa)
    stated = specification.aqp(target, K, beta)
    bias, best = worst_bias(target, stated.coefficients), objective(target, solution.coefficients)
    assert beta <= bias * (1 + SOLVER)
    assert bias <= beta * (1 + GRID)
    slope = float(np.abs(solution.proof["multipliers"]).sum())
    assert best - (bias - beta) * slope - SOLVER * best <= stated.value <= best * (1 + SOLVER)


LEAST = [("log", K) for K in (1, 2, 3, 4, 8, 16, 32, 64)]
LEAST += [(target, K) for target in ("power(-0.5)", "power(0.5)", "js(0.1)") for K in (2, 8)]
LEAST += [("power(-0.5)", 64), ("power(1.5)", 16)]


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K"), LEAST)
def test_the_exchange_solves_the_stated_minimax(target: str, K: int) -> None:
    """On the alternation alone the value is E*_K; on a grid it is less, by no more than a grid can miss."""
    best = remez.best_approximation(get_target(target), K)
    least = float(best.level)
    assert specification.minimax(target, K, best.points.astype(float)).value == pytest.approx(least, rel=1e-8)
    assert least * (1 - GRID) <= specification.minimax(target, K).value <= least * (1 + SOLVER)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["log", "power(-0.5)", "power(0.5)", "js(0.1)"])
@pytest.mark.parametrize("K", [2, 3, 5, 8, 12])
def test_minimax_on_a_grid_brackets_the_least_bias(target: str, K: int) -> None:
    """Value ≤ E*_K ≤ the bias of its table: a proof by itself, but for float64. Above K ≈ 20 its table's digits go."""
    stated, least = specification.minimax(target, K), float(remez.least_bias(target, K))
    assert stated.value <= least * (1 + SOLVER)
    assert least <= worst_bias(target, stated.coefficients) <= least * (1 + GRID)
    exact = np.array(minimax.solution(make_problem(target, K, "minimax")).coefficients, dtype=float)
    near = specification.minimax(target, K, np.union1d(specification.grid(K), _alternation(target, K)))
    np.testing.assert_allclose(near.coefficients, exact, rtol=0, atol=1e-4 * np.abs(exact).max())


def _alternation(target: str, K: int) -> Any:
    return remez.best_approximation(get_target(target), K).points.astype(float)


@pytest.mark.slow
def test_a_budget_below_the_least_bias_is_refused() -> None:
    with pytest.raises(SolveError, match="try a larger budget"):
        specification.aqp("log", 8, 0.9 * float(remez.least_bias("log", 8)))


@pytest.mark.parametrize("budget", [0.0, -0.01, math.nan, math.inf])
def test_a_budget_is_positive(budget: float) -> None:
    with pytest.raises(ArgumentError, match="`budget` must be a positive number"):
        specification.aqp("log", 4, budget)


@pytest.mark.slow
@pytest.mark.parametrize("K", [0, -1, 2.5])
def test_a_group_has_a_size(K: Any) -> None:
    with pytest.raises(ArgumentError, match="`group_size` must be"):
        specification.aqp("log", K, 0.1)
    with pytest.raises(ArgumentError, match="`group_size` must be"):
        specification.minimax("log", K)


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K"), [("power(1)", 2), ("power(2)", 4), ("polynomial(1)", 1)])
def test_a_polynomial_has_no_least_bias_but_rounding(target: str, K: int) -> None:
    assert specification.minimax(target, K).value < 1e-14


@pytest.mark.parametrize("points", [[0.0, 0.5], [0.5, 1.5], [-0.1], [math.nan], 0.5])
def test_points_lie_where_the_bias_counts(points: Any) -> None:
    with pytest.raises(ArgumentError, match="`points` must be"):
        specification.aqp("log", 4, 0.1, points)
    with pytest.raises(ArgumentError, match="`points` must be"):
        specification.minimax("log", 4, points)


def test_a_solver_that_is_not_there_is_named() -> None:
    with pytest.raises(SolveError, match="NONE failed"):
        specification.minimax("log", 4, solver="NONE")

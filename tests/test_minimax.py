"""The minimax method: E*_K against published numbers, an independent program, and an independent bracketing."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction

import brute
import mpmath
import numpy as np
import pytest

from polyest.certify import functions, optimality
from polyest.certify.supremum import supremum
from polyest.errors import ArgumentError, SolveError
from polyest.offline import build, exchange
from polyest.offline.methods import minimax
from polyest.problem import make_problem
from polyest.targets import get_target

THEORY = {  # theory.md §3, E*_K of log
    1: "0.2784645427610738",
    2: "0.07720199246676033",
    3: "0.03523656044671662",
    4: "0.02002712411788123",
    7: "0.006602283574551713",
    8: "0.005060565981943172",
    15: "0.001443291364513843",
    16: "0.001268682132183437",
    32: "0.0003173949164165504",
}
PEERS = {  # peers.md, the column p(0) = 0
    4: "0.02002712411788122551445",
    8: "0.005060565981943172087551",
    16: "0.001268682132183436779465",
    32: "0.0003173949164165503757783",
    64: "0.00007936280274199314177829",
}
OTHERS = {  # theory.md §3, E*_8 of other targets
    "power(0.5)": "0.0001917668235268684",
    "power(-0.5)": "0.02812474569457400",
    "js(0.1)": "0.004934946685455988",
}
# Sollya 8.0: prec = 400; m = [|1,...,n|]; p = remez(x*log(x), m, [1b-400;1], default, 1b-200);
# dirtyinfnorm(p - x*log(x), [1b-400;1]);
SOLLYA = {
    5: "1.288206841529511756754594462936222539281e-2",
    7: "6.602283574551713373282697487123089180772e-3",
    23: "6.142544199181815757460491421140521669271e-4",
    61: "8.736041445982227338898649386042957116613e-5",
}


def agrees(value: object, text: str) -> bool:
    """Whether an mpmath number rounds to the decimal."""
    unit = Fraction(10) ** int(Decimal(text).as_tuple().exponent)
    return abs(_fraction(value) - Fraction(text)) <= unit / 2


@pytest.mark.parametrize("K", THEORY)
def test_least_bias_is_that_of_theory(K: int) -> None:
    assert agrees(exchange.least_bias("log", K), THEORY[K])


@pytest.mark.parametrize("K", PEERS)
def test_least_bias_is_the_yardstick_of_peers(K: int) -> None:
    assert agrees(exchange.least_bias("log", K), PEERS[K])


@pytest.mark.parametrize("target", OTHERS)
def test_least_bias_of_other_targets(target: str) -> None:
    assert agrees(exchange.least_bias(target, 8), OTHERS[target])


@pytest.mark.parametrize("K", SOLLYA)
def test_least_bias_is_that_of_an_independent_program(K: int) -> None:
    assert agrees(exchange.least_bias("log", K), SOLLYA[K])


@pytest.mark.parametrize("K", [5, 7, 23])
def test_least_bias_is_bracketed_by_two_independent_proofs(K: int) -> None:
    """De la Vallée Poussin below; above, the certified maximum of the unrounded table's bias (the trap of peers.md)."""
    target = get_target("log")
    solution = minimax.solve(make_problem("log", K, "minimax"))
    value = _fraction(exchange.least_bias("log", K))
    below = optimality.least_bias_bound(target, solution.proof["alternation"])
    above = supremum(functions.bias(target, [_fraction(c) for c in solution.coefficients]))[1]
    assert below <= value * (1 + Fraction(1, 10**60))
    assert value <= above * (1 + Fraction(1, 10**60))
    assert above - below < value / 10**20  # the enclosure is closed to 1e-22


def _fraction(value: object) -> Fraction:
    return Fraction(mpmath.nstr(value, 70))


@pytest.mark.parametrize("K", [2, 5, 9, 14])
def test_least_bias_by_linear_programming(K: int) -> None:
    """An obvious twin: min h with |p·Q(p) − p·log p| ≤ h on a grid, in a Chebyshev basis, by scipy's simplex."""
    from scipy.optimize import linprog

    p = np.sin(np.linspace(0, np.pi, 4001)[1:] / 2) ** 2
    basis = p[:, None] * np.polynomial.chebyshev.chebvander(2 * p - 1, K - 1)
    f, ones = p * np.log(p), -np.ones((len(p), 1))
    sides = np.vstack([np.hstack([basis, ones]), np.hstack([-basis, ones])])
    found = linprog(
        np.eye(K + 1)[K], sides, np.concatenate([f, -f]), bounds=[(None, None)] * (K + 1), method="highs-ds"
    )
    # the grid misses a peak by at most (π/8000)²/8·K² relatively; simplex is feasible to 1e-7
    assert found.fun == pytest.approx(float(exchange.least_bias("log", K)), rel=1e-4, abs=2e-7)


def test_the_table_for_two() -> None:
    table = build.solve(make_problem("log", 2, "minimax"))
    assert table.coefficients == (-1.7113737593684795, 0.07720199246676033)  # theory.md §3


@pytest.mark.parametrize(("K", "largest"), [(4, 3.1), (8, 4.5), (16, 139.0), (32, 2.1e6), (64, 2.1e15)])
def test_growth_of_the_coefficients(K: int, largest: float) -> None:
    # max|c|: peers.md
    solution = minimax.solve(make_problem("log", K, "minimax"))
    assert float(max(map(abs, solution.coefficients))) == pytest.approx(largest, rel=0.04)


@pytest.mark.parametrize(("K", "loss", "slack"), [(8, 3e-15, 0.7), (16, 1.9e-12, 0.1), (32, 1.1e-8, 0.1)])
def test_rounding_costs_what_theory_says(K: int, loss: float, slack: float) -> None:
    # theory.md §3: "Rounding the table to float64 costs 3e-15 of E* at K = 8, 1.9e-12 at 16, 1.1e-8 at 32"
    table = build.solve(make_problem("log", K, "minimax"))
    assert table.certificate is not None
    least = _fraction(exchange.least_bias("log", K))
    excess = Fraction(table.certificate.worst_case_bias.upper_text) / least - 1
    assert float(excess) == pytest.approx(loss, rel=slack)


@pytest.mark.parametrize("target", ["log", "js(0.1)", "power(0.5)", "power(-0.5)", "power(5)"])
def test_the_error_alternates_at_as_many_points_as_there_are_unknowns_and_one(target: str) -> None:
    solution = minimax.solve(make_problem(target, 5, "minimax"))
    points = solution.proof["alternation"]
    assert len(points) == 6
    assert list(points) == sorted(points)
    if target in brute.TARGETS:
        c = [brute.mp.mpf(x) for x in solution.coefficients]
        errors = [brute.bias(target, c, brute.number(p)) for p in points]
        level = brute.mp.mpf(exchange.least_bias(target, 5))
        for left, right in itertools.pairwise(errors):
            assert left * right < 0
        # the points are rounded to float64, which moves an extremal error by 1e-32
        assert all(abs(abs(e) / level - 1) < 1e-28 for e in errors)


@pytest.mark.parametrize("digits", [120, 160])
def test_more_digits_give_the_same_bytes(digits: int) -> None:
    from polyest.table import digest

    problem = make_problem("log", 9, "minimax")
    assert digest(build.solve(problem, digits=digits)) == digest(build.solve(problem))


@pytest.mark.parametrize(("method", "budget"), [("minimax", None), ("aqp", 1)])
def test_a_table_that_float64_cannot_hold_is_refused_with_what_to_use_instead(method: str, budget: int | None) -> None:
    with pytest.raises(SolveError, match=r"float64 cannot hold.*use"):
        build.solve(make_problem("log", 52, method, bias_budget=budget))


def test_minimax_has_no_meaning_where_an_exact_table_exists() -> None:
    with pytest.raises(ArgumentError, match="use method='exact'"):
        make_problem("power(2)", 3, "minimax")


@pytest.mark.parametrize(("target", "K"), [("power(3.5)", 64), ("power(10.5)", 32)])
def test_a_bias_below_what_float64_can_start_from_is_an_error(target: str, K: int) -> None:
    with pytest.raises(SolveError, match="exchange algorithm"):
        exchange.least_bias(target, K)


def test_above_256_the_unit_is_defined_by_its_series() -> None:
    # theory.md §3: (0.32508927345417506 − 0.0787988/K²)/K²
    series = exchange.least_bias("log", 257)
    assert float(series) == pytest.approx((0.32508927345417506 - 0.0787988 / 257**2) / 257**2, rel=1e-15)
    # and the series is E*_K itself, as far as float64 tells: at K = 64 it misses by 1.4e-8 relatively
    assert float(exchange.least_bias("log", 64)) == pytest.approx(
        (0.32508927345417506 - 0.0787988 / 64**2) / 64**2, rel=1e-7
    )

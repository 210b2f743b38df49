"""The minimax method: E*_K against published numbers, an independent program, and an independent bracketing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import brute
import numpy as np
import pytest

from polyest.certify import functions, optimality
from polyest.certify.supremum import supremum
from polyest.errors import ArgumentError, SolveError
from polyest.numbers.float64 import FLOAT64
from polyest.offline import build, remez
from polyest.offline.methods import minimax
from polyest.problems.problem import make_problem
from polyest.problems.targets import Target, get_target

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
MORE_DIGITS = {  # theory.md §3, to more digits
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
# dirtyinfnorm(p - x*log(x), [1b-400;1]); with x^2.5 in place of x*log(x) for power(1.5), and so on
SOLLYA = {
    ("log", 5): "1.288206841529511756754594462936222539281e-2",
    ("log", 7): "6.602283574551713373282697487123089180772e-3",
    ("log", 23): "6.142544199181815757460491421140521669271e-4",
    ("log", 61): "8.736041445982227338898649386042957116613e-5",
    ("power(0.5)", 24): "7.115231236091726889410478577392036559716e-6",
    ("power(1.5)", 7): "1.718064674193971770672460635587040619344e-5",
    ("power(1.5)", 24): "3.501275741219630245890569909809109682324e-8",
    ("power(1.5)", 40): "2.717153607535272178116996407079302949840e-9",
    ("power(1.5)", 64): "2.589510265087732372464819676852530633313e-10",
    ("power(2.5)", 30): "9.286181360570280142098799403143630281476e-11",
    ("power(2.5)", 64): "4.586867287538952121592327384179088181339e-13",
    ("power(10.5)", 20): "1.783620995402217512127792424536645684936e-16",
}


def agrees(value: Fraction, text: str) -> bool:
    """Whether a number rounds to the decimal."""
    unit = Fraction(10) ** int(Decimal(text).as_tuple().exponent)
    return abs(value - Fraction(text)) <= unit / 2


@pytest.mark.parametrize("K", THEORY)
def test_least_bias_is_that_of_theory(K: int) -> None:
    assert agrees(remez.least_bias("log", K), THEORY[K])


@pytest.mark.parametrize("K", MORE_DIGITS)
def test_least_bias_is_that_of_theory_to_22_digits(K: int) -> None:
    assert agrees(remez.least_bias("log", K), MORE_DIGITS[K])


@pytest.mark.parametrize("target", OTHERS)
def test_least_bias_of_other_targets(target: str) -> None:
    assert agrees(remez.least_bias(target, 8), OTHERS[target])


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K"), SOLLYA)
def test_least_bias_is_that_of_an_independent_program(target: str, K: int) -> None:
    assert agrees(remez.least_bias(target, K), SOLLYA[target, K])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "K"), [("log", 5), ("log", 7), ("log", 23), ("power(0.5)", 30), ("power(1.5)", 18), ("js(0.000001)", 9)]
)
def test_least_bias_is_bracketed_by_two_independent_proofs(name: str, K: int) -> None:
    """De la Vallée Poussin below; above, the certified maximum of the exact table's bias (the trap of theory.md §3)."""
    target = get_target(name)
    solution = minimax.solution(make_problem(name, K, "minimax"))
    value = remez.least_bias(name, K)
    below = optimality.least_bias_bound(target, solution.proof["alternation"])
    above = supremum(functions.bias(target, solution.coefficients))[1]
    assert below <= value * (1 + Fraction(1, 10**60))
    assert value <= above * (1 + Fraction(1, 10**60))
    assert above - below < value / 10**20  # the enclosure is closed to 1e-22


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 5, 9, 14])
def test_least_bias_by_linear_programming(K: int) -> None:
    found = by_linear_programming(np.log, K)
    # the grid misses a peak by at most (π/8000)²/8·K² relatively; simplex is feasible to 1e-7
    assert found == pytest.approx(float(remez.least_bias("log", K)), rel=1e-4, abs=2e-7)


def by_linear_programming(r: Callable[[Any], Any], K: int) -> float:
    """An obvious twin: min h with |p·Q(p) − p·r(p)| ≤ h on a grid, in a Chebyshev basis, by scipy's simplex."""
    from scipy.optimize import linprog

    p = np.sin(np.linspace(0, np.pi, 4001)[1:] / 2) ** 2
    basis = p[:, None] * np.polynomial.chebyshev.chebvander(2 * p - 1, K - 1)
    f, ones = p * r(p), -np.ones((len(p), 1))
    sides = np.vstack([np.hstack([basis, ones]), np.hstack([-basis, ones])])
    found = linprog(
        np.eye(K + 1)[K], sides, np.concatenate([f, -f]), bounds=[(None, None)] * (K + 1), method="highs-ds"
    )
    return float(found.fun)


def chebyshev_target(degree: int) -> str:
    """T_degree(2p − 1), whose coefficients float64 cannot add up: the error has more tops than the reference points."""
    p = Fraction(2) * np.polynomial.Polynomial(np.array([Fraction(-1, 2), Fraction(1)], dtype=object))
    before, here = np.polynomial.Polynomial(np.array([Fraction(1)], dtype=object)), p
    for _ in range(degree - 1):
        before, here = here, 2 * p * here - before
    return f"polynomial({','.join(map(str, here.coef))})"


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 3, 8])
def test_tops_away_from_the_reference_are_found(K: int) -> None:
    found = by_linear_programming(lambda p: np.cos(20 * np.arccos(2 * p - 1)), K)
    # as above, for the degree 21
    assert found == pytest.approx(float(remez.least_bias(chebyshev_target(20), K)), rel=3e-4)


@pytest.mark.slow
@pytest.mark.parametrize("width", [400, 40_000])
@pytest.mark.parametrize("K", [3, 8])
def test_narrow_bumps_are_found(K: int, width: int) -> None:
    def bump(p: Any, ctx: Any) -> Any:
        return ctx.exp(-width * (p - ctx.rational(Fraction(3, 10))) ** 2)

    found = by_linear_programming(lambda p: np.exp(-width * (p - 0.3) ** 2), K)
    target = Target(f"bump {width}", bump, (Fraction(1), Fraction(0)))
    assert found == pytest.approx(float(remez.least_bias(target, K)), rel=3e-4)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["log", "power(-0.5)", "power(0.5)", "power(1.5)", "power(3.3)"])
def test_every_group_size_has_its_least_bias(target: str) -> None:
    """K^(2(a+1))·E*_K is a power series in 1/K² (theory.md §3 for log): every K fits the polynomial of the others."""
    exponent = float(get_target(target).exponent or 0)
    sizes = np.arange(16, 65, 4)
    scaled = np.array([float(remez.least_bias(target, int(K))) * K ** (2 * exponent + 2) for K in sizes])
    fit = np.polynomial.Polynomial.fit(1 / sizes**2.0, scaled, 6)
    np.testing.assert_allclose(fit(1 / sizes**2.0), scaled, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("K", [5, 22, 45])
def test_float64_alone_knows_the_least_bias(K: int) -> None:
    for target in ("log", "power(-0.5)", "power(1.5)"):
        t = np.sin((2 * np.arange(K + 1) + 1) / (2 * K + 1) * np.pi / 2) ** 2
        rough = remez._exchange(get_target(target), t, FLOAT64, remez.CLOSE).level
        assert rough == pytest.approx(float(remez.least_bias(target, K)), rel=1e-6)


def test_the_table_for_two() -> None:
    table = build.solve(make_problem("log", 2, "minimax"))
    assert table.coefficients == (-1.7113737593684795, 0.07720199246676033)  # theory.md §3


@pytest.mark.slow
@pytest.mark.parametrize(("K", "largest"), [(4, 3.1), (8, 4.5), (16, 139.0), (32, 2.1e6), (64, 2.1e15)])
def test_growth_of_the_coefficients(K: int, largest: float) -> None:
    # max|c|: theory.md §3
    solution = minimax.solution(make_problem("log", K, "minimax"))
    assert float(max(map(abs, solution.coefficients))) == pytest.approx(largest, rel=0.04)


@pytest.mark.slow
@pytest.mark.parametrize(("K", "loss", "slack"), [(8, 3e-15, 0.7), (16, 1.9e-12, 0.1), (32, 1.1e-8, 0.1)])
def test_rounding_costs_what_theory_says(K: int, loss: float, slack: float) -> None:
    # theory.md §3: "Rounding the table to float64 costs 3e-15 of E* at K = 8, 1.9e-12 at 16, 1.1e-8 at 32"
    table = build.solve(make_problem("log", K, "minimax"))
    assert table.certificate is not None
    least = remez.least_bias("log", K)
    excess = Fraction(table.certificate.worst_case_bias.upper_text) / least - 1
    assert float(excess) == pytest.approx(loss, rel=slack)


@pytest.mark.parametrize("target", ["log", "js(0.1)", "power(0.5)", "power(-0.5)", "power(5)"])
def test_the_error_alternates_at_as_many_points_as_there_are_unknowns_and_one(target: str) -> None:
    solution = minimax.solution(make_problem(target, 5, "minimax"))
    points = solution.proof["alternation"]
    assert len(points) == 6
    assert list(points) == sorted(points)
    if target in brute.TARGETS:
        c = [brute.number(x) for x in solution.coefficients]
        errors = [brute.bias(target, c, brute.number(p)) for p in points]
        level = brute.number(remez.least_bias(target, 5))
        for left, right in itertools.pairwise(errors):
            assert left * right < 0
        # the points are rounded to float64, which moves an extremal error by 1e-32
        assert all(abs(abs(e) / level - 1) < 1e-28 for e in errors)


@pytest.mark.slow
@pytest.mark.parametrize("digits", [120, 160])
def test_more_digits_give_the_same_bytes(digits: int) -> None:
    from polyest.storage.table import digest

    problem = make_problem("log", 9, "minimax")
    assert digest(build.solve(problem, digits=digits)) == digest(build.solve(problem))


@pytest.mark.slow
@pytest.mark.parametrize(("method", "budget"), [("minimax", None), ("aqp", 1)])
def test_a_table_that_float64_cannot_hold_is_refused_with_what_to_use_instead(method: str, budget: int | None) -> None:
    with pytest.raises(SolveError, match=r"float64 cannot hold.*use"):
        build.solve(make_problem("log", 52, method, bias_budget=budget))


def test_minimax_has_no_meaning_where_an_exact_table_exists() -> None:
    with pytest.raises(ArgumentError, match="use method='exact'"):
        make_problem("power(2)", 3, "minimax")


def test_a_bias_that_the_digits_cannot_tell_from_none_is_an_error() -> None:
    with pytest.raises(SolveError, match=r"agrees with a polynomial.*raise `digits`"):
        remez.least_bias("power(100.5)", 128)


def test_above_256_the_unit_is_defined_by_its_series() -> None:
    # theory.md §3: (0.32508927345417506 − 0.0787988/K²)/K²
    series = remez.least_bias("log", 257)
    assert float(series) == pytest.approx((0.32508927345417506 - 0.0787988 / 257**2) / 257**2, rel=1e-15)
    # and the series is E*_K itself, as far as float64 tells: at K = 64 it misses by 1.4e-8 relatively
    assert float(remez.least_bias("log", 64)) == pytest.approx(
        (0.32508927345417506 - 0.0787988 / 64**2) / 64**2, rel=1e-7
    )

"""Rounding to float64: what it costs of optimality is proved; nearest where that will do; always the same bytes."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from polyest import certify
from polyest.numbers.mpfr import Mpfr
from polyest.offline import rounding
from polyest.offline.methods import aqp, minimax
from polyest.offline.solution import Solution
from polyest.problems.problem import make_problem
from polyest.storage import store
from polyest.storage.table import Table

MOST_ULPS = 50


@lru_cache(maxsize=8)
def solution(K: int, kappa: int, target: str = "power(0.5)", **options: Any) -> Solution:
    return aqp.solution(make_problem(target, K, bias_budget=Fraction(kappa, 100)), **options)


def nearest(found: Solution) -> tuple[float, ...]:
    return tuple(float(c) for c in found.coefficients)


def proved_gap(table: Table) -> float:
    best = certify.certificate(table).optimality
    assert best is not None
    return float(1 - Fraction(best.lower_text) / Fraction(best.upper_text))


def gap(found: Solution, coefficients: tuple[float, ...]) -> float:
    with Mpfr(rounding.DIGITS).precision():
        return rounding._Neighbourhood(found).gap(coefficients)


@pytest.mark.slow
@pytest.mark.parametrize(("K", "kappa"), [(10, 111), (12, 124), (24, 250), (32, 313)])
def test_what_rounding_costs(K: int, kappa: int) -> None:
    """Nearest rounding costs too much, some numbers nearby do not: proved, and as foreseen."""
    found = solution(K, kappa)
    table = rounding.rounded(found)
    for c, is_good in ((nearest(found), False), (table.coefficients, True)):
        proved = proved_gap(replace(table, coefficients=c))
        assert (proved <= 1e-12) == is_good
        assert gap(found, c) == pytest.approx(proved, rel=0.01)
    for c, value in zip(table.coefficients, found.coefficients, strict=True):
        assert abs(Fraction(c) - value) <= MOST_ULPS * Fraction(math.ulp(c))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"digits": 40}, {"digits": 90}, {"solver": "CLARABEL"}, {"solver": "DAQP"}], ids=str
)
def test_another_road_gives_the_same_bytes(options: dict[str, Any]) -> None:
    if "solver" in options:
        cvxpy = pytest.importorskip("cvxpy")
        if options["solver"] not in cvxpy.installed_solvers():
            pytest.skip("not installed")
    assert rounding.rounded(solution(12, 124, **options)) == rounding.rounded(solution(12, 124))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K"), [("log", 4), ("log", 8), ("log", 16), ("power(-0.5)", 8), ("power(0.5)", 9)])
def test_shipped_tables_are_rounded_to_nearest(target: str, K: int) -> None:
    shipped = store.read(store.shipped_folder() / store.relative_path(make_problem(target, K)))
    assert shipped.kappa is not None
    found = solution(K, shipped.kappa, target)
    assert rounding.rounded(found).coefficients == nearest(found) == shipped.coefficients


def test_minimax_and_bayes_tables_are_rounded_to_nearest() -> None:
    for found in (minimax.solution(make_problem("log", 5, "minimax")), solution(12, 100), solution(3, 10**6)):
        assert rounding.rounded(found).coefficients == nearest(found)


@pytest.mark.slow
@pytest.mark.parametrize("value", ["0", "1e-310", "-1e-20", "0.9999999999999999", "-2.0000000000000000001", "1e5"])
def test_any_number_is_a_coefficient(value: str) -> None:
    """Near a power of two the step is that of the larger side; next to 0 a number stays where it is."""
    usual = solution(12, 124)
    found = replace(usual, coefficients=(Fraction(value), *usual.coefficients[1:]))
    coefficients = rounding.rounded(found).coefficients
    assert gap(found, coefficients) <= gap(found, nearest(found))
    assert abs(Fraction(coefficients[0]) - Fraction(value)) <= MOST_ULPS * Fraction(math.ulp(coefficients[0]))
    assert math.copysign(1, coefficients[0]) == math.copysign(1, float(value))


def test_where_nothing_helps_the_nearest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = solution(12, 124)
    monkeypatch.setattr(rounding, "GOAL", 0.0)
    assert rounding.rounded(found).coefficients == tuple(float(c) for c in found.coefficients)


@pytest.mark.slow
@pytest.mark.parametrize(("K", "kappa"), [(10, 111), (24, 250), (32, 313)])
def test_each_single_step_makes_the_peaks_more_alike(K: int, kappa: int) -> None:
    found = solution(K, kappa)
    with Mpfr(rounding.DIGITS).precision():
        near = rounding._Neighbourhood(found)
        way = [nearest(found), *near.descended()]
        spreads = [np.var(near.rises @ (near.ctx.array(c) - near.coefficients)) for c in way]
    assert len(way) > 1
    assert spreads == sorted(spreads, reverse=True)
    for before, after in itertools.pairwise(way):
        changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        assert [abs(a - b) for a, b in changed] == [math.ulp(max(map(abs, changed[0])))]

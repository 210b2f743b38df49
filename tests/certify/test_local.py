"""Local polynomials and enclosures against exact values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import brute
import numpy as np
import pytest
from flint import arb, arb_poly
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest import load
from polyest.certify import functions
from polyest.certify.cells import TERMS, Cell
from polyest.certify.certificate import worst_case_bias, worst_noise
from polyest.certify.local import fold, taylor, weighted_powers
from polyest.certify.supremum import supremum
from polyest.errors import SolveError
from polyest.numbers.balls import BallContext, ball, rational, working
from polyest.polynomials.basis import bernstein_basis
from polyest.problems.targets import Target, get_target

BITS = 256
PLACES = [Fraction(k, 7) for k in range(-7, 8)]
CELLS = st.builds(
    lambda a, e, right: bare(1 - a - a / 2**e, 1 - a) if right else bare(a, min(a + a / 2**e, Fraction(1))),
    st.builds(Fraction, st.integers(1, 800), st.just(1601)),
    st.integers(0, 8),
    st.booleans(),
)


def bare(low: Fraction, high: Fraction) -> Cell:
    return Cell(rational(low), rational(high), (), BITS)


def place(cell: Cell, t: Fraction) -> Fraction:
    low, high = (Fraction(int(end.p), int(end.q)) for end in (cell.low, cell.high))
    return (low + high) / 2 + (high - low) / 2 * t


@pytest.mark.parametrize("target", ["log", "js(0.1)", "power(0.5)", "power(-0.5)", "power(3)"])
@given(CELLS)
@settings(max_examples=15, deadline=None)
def test_taylor_with_lagranges_remainder_contains_the_target(target: str, cell: Cell) -> None:
    row = get_target(target)
    with working(BITS, TERMS + 1):
        powers = weighted_powers(row, cell, 3)
        for t in PLACES:
            p = ball(place(cell, t))
            for i, power in enumerate(powers):
                truth = p * row.formula(p, BallContext) ** i
                assert power(ball(t)).overlaps(truth)
                assert not power.length() > TERMS


def test_the_remainder_of_a_narrow_spike_is_not_forgotten() -> None:
    """exp(−(1000(p − ½))²) on [¼, ¾]: TERMS terms of Taylor's series are nowhere near it, and the ball says so."""

    def spike(p: Any) -> Any:
        x = (p - ball(Fraction(1, 2))) * 1000
        return (-x * x).exp()

    cell = bare(Fraction(1, 4), Fraction(3, 4))
    with working(BITS, TERMS + 1):
        local = taylor(spike, cell.centre, cell.radius)
        for t in PLACES:
            assert not local.coeffs()[0].is_finite() or local(ball(t)).contains(spike(ball(place(cell, t))))


@pytest.mark.slow
@given(st.lists(st.integers(-(10**6), 10**6), min_size=TERMS + 1, max_size=2 * TERMS))
@settings(max_examples=20, deadline=None)
def test_folding_contains_what_it_cuts_off(coefficients: list[int]) -> None:
    with working(BITS, TERMS + 1):
        whole = arb_poly(coefficients)
        assert fold(whole).length() <= TERMS
        assert all(fold(whole)(ball(t)).overlaps(whole(ball(t))) for t in PLACES)
        assert all(fold(whole)(ball(t)).contains(whole(ball(t)).mid()) for t in PLACES)


@pytest.mark.parametrize("p", [Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(1), Fraction(1, 2**50)])
def test_the_basis_is_that_of_the_definition(p: Fraction) -> None:
    n = 70
    with working(BITS, TERMS + 1):
        for m, value in enumerate(bernstein_basis(n, ball(p))):
            truth = math.comb(n, m) * p**m * (1 - p) ** (n - m)
            assert value.contains(ball(truth)) or value.overlaps(ball(truth))
            assert value.rad() <= ball(truth) * arb(2) ** -230


def twin(target: str, c: Sequence[float], p: Fraction) -> tuple[Any, Any]:
    """Bias and noise in 60 digits, term by term."""
    numbers = [brute.number(x) for x in c]
    return abs(brute.bias(target, numbers, brute.number(p))), brute.noise(target, numbers, brute.number(p))


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([20, TERMS, TERMS + 1, TERMS + 2, 110]),
    st.integers(0, 10**6),
    st.sampled_from(["log", "js(0.1)", "power(-0.5)", "power(3)"]),
)
def test_enclosures_of_large_tables_are_tight_and_contain_the_truth(K: int, seed: int, target: str) -> None:
    rng, row = np.random.default_rng(seed), get_target(target)
    c = tuple(map(float, np.log((np.arange(K) + 0.6) / K) * (1 + 0.1 * rng.normal(size=K))))
    for index, enclosure in enumerate((worst_case_bias(row, c), worst_noise(row, c))):
        assert enclosure is not None
        lower, upper = enclosure
        assert lower <= upper <= lower * (1 + Fraction(1, 10**20))
        points = [Fraction(int(x), 2**40) for x in rng.integers(1, 2**40, 20)]
        assert max(twin(target, c, p)[index] for p in points) <= brute.number(upper)


@pytest.mark.slow
@pytest.mark.parametrize("K", [150, 300])
def test_the_bias_of_a_large_harmonic_table(K: int) -> None:
    c = tuple(load("log", K, method="harmonic").coefficients)
    lower, upper = worst_case_bias(get_target("log"), c)
    truth, tiny = brute.worst_case_bias("log", c), 1 + brute.mp.mpf(10) ** -28
    assert brute.number(lower) <= truth * tiny
    assert truth <= brute.number(upper) * tiny


@pytest.mark.slow
def test_the_bias_of_the_harmonic_table_of_1024() -> None:
    """β = sup p·Σ_{j≥K}(1−p)^j/j but for the rounding of the table; K·β → 0.28148 (theory.md §3)."""
    lower, upper = worst_case_bias(get_target("log"), load("log", 1024, method="harmonic").coefficients)
    assert upper <= lower * (1 + Fraction(1, 10**25))
    assert 1024 * float(upper) == pytest.approx(0.28148, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("flaw", ["log", "pole"])
def test_a_target_that_is_not_finite_is_refused(flaw: str) -> None:
    def formula(p: Any, ctx: Any) -> Any:
        x = p - ctx.rational(Fraction(1, 2))
        return ctx.log(x) if flaw == "log" else 1 / x

    with pytest.raises(SolveError, match="enclosure"):
        supremum(functions.bias(Target("flawed", formula, growth=(Fraction(2), Fraction(1, 4))), [0.0, 1.0]))

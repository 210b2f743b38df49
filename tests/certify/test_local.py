"""The pieces of an enclosure against exact rationals: local polynomials with their remainders, cells, maxima."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import brute
import numpy as np
import pytest
from flint import arb, arb_poly, fmpq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polyest import load
from polyest.certify import functions
from polyest.certify.cells import TERMS, Cell, partition
from polyest.certify.certificate import worst_case_bias, worst_noise
from polyest.certify.local import BernsteinForm, expand, fold, halves, taylor, weighted_powers
from polyest.certify.peaks import TIGHT_BITS, maximum
from polyest.certify.supremum import supremum
from polyest.errors import SolveError
from polyest.numbers.balls import BallContext, ball, split, working
from polyest.polynomials.basis import bernstein_basis
from polyest.problems.targets import Target, get_target

BITS = 256
PLACES = [Fraction(k, 7) for k in range(-7, 8)]
DEGREES = [0, 1, 5, 40, TERMS - 1, TERMS, TERMS + 1, 100, 200]
CELLS = st.builds(
    lambda a, e, right: Cell(1 - a - a / 2**e, 1 - a) if right else Cell(a, min(a + a / 2**e, Fraction(1))),
    st.builds(Fraction, st.integers(1, 800), st.just(1601)),
    st.integers(0, 8),
    st.booleans(),
)


def exactly(form: BernsteinForm, p: Fraction) -> Fraction:
    """Σ_m c_m C(n,m) p^m (1−p)^{n−m} in rationals."""
    n, x, y = form.degree, fmpq(p.numerator, p.denominator), fmpq((1 - p).numerator, (1 - p).denominator)
    value = sum((c * math.comb(n, m) * x**m * y ** (n - m) for m, c in enumerate(form.numerators)), fmpq(0))
    return Fraction(int(value.p), int(value.q)) / form.denominator


def random_form(degree: int, seed: int) -> BernsteinForm:
    values = np.random.default_rng(seed).integers(-(10**9), 10**9, degree + 1)
    return BernsteinForm(tuple(map(int, values)), 10**9)


def place(cell: Cell, t: Fraction) -> Fraction:
    return (cell.low + cell.high) / 2 + (cell.high - cell.low) / 2 * t


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.sampled_from(DEGREES), st.integers(0, 10**6), CELLS)
@example(TERMS, 0, Cell(Fraction(1, 4), Fraction(1)))
@example(200, 0, Cell(Fraction(1, 8), Fraction(7, 8)))
def test_a_local_polynomial_with_its_remainder_contains_the_polynomial(degree: int, seed: int, cell: Cell) -> None:
    """On cells of any width, also where the terms left out are the larger part of the polynomial."""
    form = random_form(degree, seed)
    with working(BITS, TERMS + 1):
        ((local,),) = expand((form,), [cell])
        assert local.length() <= TERMS
        for t in PLACES:
            assert local(ball(t)).contains(ball(exactly(form, place(cell, t))))
        left, right = halves(local)
        for t in PLACES:
            half = left if t < 0 else right
            assert half(ball(2 * t + 1 if t < 0 else 2 * t - 1)).contains(ball(exactly(form, place(cell, t))))


@pytest.mark.parametrize("degree", DEGREES)
def test_the_cells_of_a_partition_adjoin_and_leave_little_out(degree: int) -> None:
    low, form = Fraction(1, 2**20), random_form(degree, 1)
    cells = partition(low, Fraction(1), degree, 144)
    assert cells[0].high == 1
    assert cells[-1].low == low
    assert all(a.low == b.high and a.low < a.high for a, b in zip(cells, [*cells[1:], Cell(low / 2, low)], strict=True))
    with working(BITS, TERMS + 1):
        for (local,) in expand((form,), cells):
            assert split(local)[1] < arb(2) ** -135
    assert len(cells) < 60 + 3 * math.isqrt(degree)


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

    cell = Cell(Fraction(1, 4), Fraction(3, 4))
    with working(BITS, TERMS + 1):
        local = taylor(spike, cell)
        for t in PLACES:
            assert not local.coeffs()[0].is_finite() or local(ball(t)).contains(spike(ball(place(cell, t))))


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


SCALE = 10**60


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=12))
@example([5, 0, 0, 0, -3])
@example([5, 0, -1, 0, 0, 0, 0])
@example([-7])
@example([0, 0, 1])
@example([1, 0, 2, 0, -1])
def test_the_maximum_of_a_polynomial(coefficients: list[int]) -> None:
    """Bounds against 401 points in integers; a maximum between them is at most curvature·h²/8 higher."""
    values = [sum(c * Fraction(k, 200) ** j for j, c in enumerate(coefficients)) for k in range(-200, 201)]
    bend = sum(j * (j - 1) * abs(c) for j, c in enumerate(coefficients))
    with working(BITS, TERMS + 1):
        bounds = maximum([c * SCALE for c in coefficients], 0, -(10**70))
    assert bounds is not None
    lower, upper = (Fraction(x, SCALE) for x in bounds)
    assert max(values) <= upper
    assert lower <= max(values) + Fraction(bend, 8 * 200**2)
    assert upper - lower <= abs(upper) / 2**TIGHT_BITS * 4 + Fraction(1, 10**55)


def test_a_maximum_below_the_threshold_has_no_bounds() -> None:
    with working(BITS, TERMS + 1):
        assert maximum([0, SCALE], 0, SCALE + 1) is None
        assert maximum([0, SCALE], 2, SCALE + 1) is not None


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

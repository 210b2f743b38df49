"""Polynomials on cells and their halves against exact rationals."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq, fmpz, fmpz_poly
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polyest.certify.cells import SINGULAR, TERMS, Cell
from polyest.certify.fixed_point import BernsteinForm, FixedPoint
from polyest.numbers.balls import ball, split, working

BITS = 256
PLACES = [Fraction(k, 7) for k in range(-7, 8)]
DEGREES = [0, 1, 5, 40, TERMS - 1, TERMS, TERMS + 1, 100, 200]


def exactly(form: BernsteinForm, p: Fraction) -> Fraction:
    """Σ_m c_m C(n,m) p^m (1−p)^{n−m} in rationals."""
    n, x, y = form.degree, fmpq(p.numerator, p.denominator), fmpq((1 - p).numerator, (1 - p).denominator)
    value = sum((c * math.comb(n, m) * x**m * y ** (n - m) for m, c in enumerate(form.numerators)), fmpq(0))
    return Fraction(int(value.p), int(value.q)) / form.denominator


def random_form(degree: int, seed: int) -> BernsteinForm:
    values = np.random.default_rng(seed).integers(-(10**9), 10**9, degree + 1)
    return BernsteinForm(tuple(map(int, values)), 10**9)


def place(cell: Cell, t: Fraction) -> Fraction:
    low, high = (Fraction(int(end.p), int(end.q)) for end in (cell.low, cell.high))
    return (low + high) / 2 + (high - low) / 2 * t


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(DEGREES), st.integers(0, 10**6), st.sampled_from([0, 40, BITS]), st.lists(st.booleans(), max_size=8)
)
@example(TERMS, 0, BITS, [])
@example(0, 34, BITS, [])
@example(200, 0, 0, [True] * 8)
@example(40, 0, BITS, [False] * 100)
def test_a_polynomial_stays_within_its_error_on_every_cell(degree: int, seed: int, bits: int, path: list[bool]) -> None:
    """Also in units as coarse as the polynomial, and on short cells, where fewer terms are left."""
    form = random_form(degree, seed)
    cell = Cell.whole([form], bits)
    for right in path:
        cell = cell.halves()[right]
    with working(BITS, TERMS + 1):
        (local,) = cell.local
        found = [local(ball(t)) for t in PLACES]
    with working(4 * BITS, TERMS + 1):  # a ball that was rounded like the first need not lie within it
        for enclosure, t in zip(found, PLACES, strict=True):
            assert enclosure.contains(ball(exactly(form, place(cell, t))))


@pytest.mark.parametrize("degree", DEGREES)
def test_parts_adjoin_and_are_short_enough(degree: int) -> None:
    form = random_form(degree, 1)
    zero, right = Cell.whole([form], BITS).halves()
    cells = list(right.parts())
    for _ in range(8):
        zero, right = zero.halves()
        cells[:0] = right.parts()
    assert (cells[0].low, cells[-1].high) == (zero.high, 1)
    assert all(a.high == b.low for a, b in itertools.pairwise(cells))
    with working(BITS, TERMS + 1):
        for cell in cells:
            (local,) = cell.local
            assert local.length() <= TERMS
            assert split(local)[1] < arb(2) ** (16 - BITS)
            assert cell.high - cell.low <= SINGULAR * (cell.high + cell.low)
    assert len(cells) < 30 + 4 * math.isqrt(degree)


@pytest.mark.slow
@given(st.lists(st.integers(-(10**6), 10**6), max_size=40), st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_halves_and_dropped_terms_are_within_the_error(coefficients: list[int], error: int) -> None:
    def at(polynomial: list[int] | list[fmpz], t: Fraction) -> Fraction:
        return sum((int(a) * t**j for j, a in enumerate(polynomial)), Fraction(0))

    whole = FixedPoint.of(fmpz_poly(coefficients), error)
    assert whole.error >= error
    for half, sign in zip(whole.halves(), (-1, 1), strict=True):
        assert half.error >= whole.error
        for u in PLACES:
            t = (u + sign) / 2
            assert abs(at(half.polynomial.coeffs(), u) - at(coefficients, t)) <= half.error - error

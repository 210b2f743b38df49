"""Maxima of polynomials with whole coefficients against a grid."""

from __future__ import annotations

from fractions import Fraction

import pytest
from flint import fmpz_poly
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polyest.certify.cells import TERMS
from polyest.certify.fixed_point import FixedPoint
from polyest.certify.peaks import TIGHT_BITS, maximum
from polyest.numbers.balls import working

BITS = 256
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
        bounds = maximum(FixedPoint.of(fmpz_poly(coefficients) * SCALE, 0), -(10**70))
    assert bounds is not None
    lower, upper = (Fraction(x, SCALE) for x in bounds)
    assert max(values) <= upper
    assert lower <= max(values) + Fraction(bend, 8 * 200**2)
    assert upper - lower <= abs(upper) / 2**TIGHT_BITS * 4 + Fraction(1, 10**55)


def test_a_maximum_below_the_threshold_has_no_bounds() -> None:
    with working(BITS, TERMS + 1):
        assert maximum(FixedPoint.of(fmpz_poly([0, SCALE]), 0), SCALE + 1) is None
        assert maximum(FixedPoint.of(fmpz_poly([0, SCALE]), 2), SCALE + 1) is not None

"""Numbers for the solvers: jets against numerical derivatives, and the same formula on every kind of number."""

from __future__ import annotations

from fractions import Fraction

import brute
import mpmath
import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import example, given
from hypothesis import strategies as st

from polyest.numbers.balls import BallContext, rational
from polyest.numbers.conversion import to_fraction
from polyest.numbers.float64 import FLOAT64, NumpyContext
from polyest.numbers.jets import Jet, weighted_formula
from polyest.numbers.mpfr import Mpfr
from polyest.numbers.multiprecision import Multiprecision
from polyest.offline.program import Program
from polyest.polynomials.bernstein import target_values
from polyest.problems.targets import Target, get_target

NAMES = [
    "log",
    "power(0.5)",
    "power(-0.5)",
    "power(-0.75)",
    "power(1.5)",
    "power(3)",
    "js(0.1)",
    "polynomial(1,-2,1/3)",
]
PROBABILITIES = st.floats(1e-9, 1, exclude_max=True)
MP = Multiprecision(60)

SPECIAL = Target(  # every function of a context, every operation of a jet
    "special",
    lambda p, ctx: (
        (2 - ctx.sqrt(1 + p)) ** 3 * ctx.exp(-p) / (p - 3)
        - 1 / ctx.power(p + ctx.rational(Fraction(1, 2)), Fraction(1, 3))
    ),
    growth=(Fraction(99), Fraction(0)),
)


def target_named(name: str) -> Target:
    return SPECIAL if name == "special" else get_target(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES, "special"])
@given(PROBABILITIES)
@example(0.5)
@example(1 - 2**-53)
def test_jets_carry_the_derivatives_of_the_weighted_target(name: str, p: float) -> None:
    target, x = target_named(name), MP.mp.mpf(p)
    jet = weighted_formula(target.formula, x, MP)
    mp = mpmath.mp.clone()
    mp.dps = 100
    wide = Multiprecision(100)
    value, first, second = (
        f for f in mp.taylor(lambda t: t * target.formula(t, wide), wide.mp.mpf(p), 2, h=mp.mpf(p) * mp.mpf(10) ** -25)
    )
    for ours, truth, scale in ((jet.value, value, 1), (jet.first, first, x), (jet.second / 2, second, x**2)):
        assert abs(ours - truth) * scale <= (abs(truth) * scale + abs(jet.value)) * mp.mpf(10) ** -20


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES, "special"])
@given(st.lists(PROBABILITIES, min_size=1, max_size=4))
def test_jets_on_arrays_are_jets_on_numbers(name: str, points: list[float]) -> None:
    target = target_named(name)
    jet = weighted_formula(target.formula, np.array(points), FLOAT64)
    for i, p in enumerate(points):
        wide = weighted_formula(target.formula, MP.mp.mpf(p), MP)
        for ours, truth in ((jet.value, wide.value), (jet.first, wide.first), (jet.second, wide.second)):
            assert np.broadcast_to(ours, len(points))[i] == pytest.approx(float(truth), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("name", [*NAMES, "special"])
@given(PROBABILITIES)
@example(1.0)
def test_the_same_formula_on_floats_multiprecision_and_balls(name: str, p: float) -> None:
    target = target_named(name)
    with ctx.workprec(160):
        ball = target.formula(arb(rational(p)), BallContext)
        ball = ball if isinstance(ball, arb) else arb(ball)
        wide = target.formula(MP.mp.mpf(p), MP)
        exact = Fraction(mpmath.nstr(wide, 59)) if wide else Fraction(0)
        margin = arb(0, max(abs(float(wide)), 1e-3) * 1e-40)
        assert (ball + margin).contains(arb(rational(exact)))
        assert float(ball.rad()) <= 1e-40 * max(1.0, abs(float(wide)))
    in_float = float(np.asarray(target.formula(np.array([p]), NumpyContext)).ravel()[0])
    assert in_float == pytest.approx(float(wide), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("name", list(brute.TARGETS))
@given(PROBABILITIES)
def test_targets_are_those_written_out_in_mpmath(name: str, p: float) -> None:
    wide = get_target(name).formula(MP.mp.mpf(p), MP)
    assert abs(wide - brute.TARGETS[name](brute.number(p))) <= abs(wide) * MP.mp.mpf(10) ** -57 + MP.mp.mpf(10) ** -58
    assert float(target_values(name, [p])[0]) == pytest.approx(float(wide), rel=1e-13, abs=1e-14)


def test_rationals_are_exact_to_the_precision() -> None:
    third = MP.rational(Fraction(1, 3))
    assert abs(3 * third - 1) < MP.mp.mpf(10) ** -59
    assert Multiprecision(30).digits == 30


def test_jet_arithmetic_with_plain_numbers() -> None:
    x = Jet(2.0, 1.0, 0.0)
    assert (1 - x, x - 1) == (Jet(-1.0, -1.0, 0.0), Jet(1.0, 1.0, 0.0))
    assert (1 / x).second == pytest.approx(2 / 8)
    assert (3 + x * 2).value == 7.0
    assert (x**3).second == 12.0


@given(st.integers(1, 12), st.lists(st.floats(1e-6, 1), min_size=1, max_size=3))
def test_rows_are_the_bernstein_basis(K: int, points: list[float]) -> None:
    wide = Mpfr(40)
    with wide.precision():
        for context, error in ((FLOAT64, 1e-12), (wide, 1e-30)):
            found = Program(get_target("log"), K, context).rows(context.array(points))
            for i, p in enumerate(map(brute.number, points)):
                for ours, truth in zip(found[i], brute.bernstein(K - 1, p), strict=True):
                    assert abs(to_fraction(ours) - to_fraction(p * truth)) <= error


@pytest.mark.slow
@given(st.integers(1, 12), st.lists(st.floats(1e-6, 1), min_size=1, max_size=3))
@example(K=3, points=[1.0])
def test_scaled_rows_are_those_over_the_roots_of_the_weights(K: int, points: list[float]) -> None:
    mp = brute.mp
    with Mpfr(40).precision():
        values, slopes = Program(get_target("log"), K).scaled_rows(np.array(points))
        for i, p in enumerate(map(brute.number, points)):
            for m in range(K):
                truths = mp.taylor(lambda t, m=m: t * brute.bernstein(K - 1, t)[m], p, 1)
                scale = mp.sqrt(2 * mp.mpf(m + 1)) / K
                for ours, truth in zip((values[i, m], slopes[i, m]), truths, strict=True):
                    assert abs(mp.mpf(ours.mid()._mpf_) * scale - truth) <= 1e-15 * max(1, abs(truth)) * 4**K


@given(st.floats(min_value=-1e300, max_value=1e300))
def test_exact_keeps_the_value_and_the_sign(x: float) -> None:
    fast = Mpfr(40)
    with fast.precision():
        assert to_fraction(x) == to_fraction(MP.mp.mpf(x)) == to_fraction(fast.array([x])[0]) == Fraction(x)


@pytest.mark.parametrize("name", ["log", "power(0.5)", "power(-0.5)", "js(0.1)", "polynomial(1,-2,1)"])
@pytest.mark.parametrize("p", [1e-9, 0.3, 1.0])
def test_both_kinds_of_numbers_agree(name: str, p: float) -> None:
    """p·r(p) with two derivatives: gmpy2's numbers against mpmath's, 60 digits each."""
    target, fast = target_named(name), Mpfr(60)
    slow = weighted_formula(target.formula, MP.mp.mpf(p), MP)
    with fast.precision():
        quick = weighted_formula(target.formula, fast.array([p])[0], fast)
        for a, b in zip(vars(slow).values(), vars(quick).values(), strict=True):
            assert abs(to_fraction(a) - to_fraction(b)) <= (abs(to_fraction(a)) + Fraction(1, 10**3)) * Fraction(
                1, 10**55
            )

"""Targets: names, domains, and formulas against mpmath and rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest.errors import ArgumentError
from polyest.polynomials.bernstein import target_values
from polyest.problems.targets import TARGETS, get_target, names

POLYNOMIALS = ["power(2)", "polynomial(1,-2,0.5)", "best_of(4)"]
NAMES = ["log", "power(0.5)", "power(-0.5)", "power(1/3)", "js(0.1)", "js(1)", *POLYNOMIALS]
RATIONALS = st.fractions(-5, 5, max_denominator=40)
TRUTHS = {  # the formulas of theory.md §6, written a second time
    "log": mpmath.log,
    "power(2)": lambda p: p**2,
    "power(0.5)": mpmath.sqrt,
    "power(-0.5)": lambda p: -1 / mpmath.sqrt(p),
    "power(1/3)": mpmath.cbrt,
    "polynomial(1,-2,0.5)": lambda p: 1 - 2 * p + p**2 / 2,
    "best_of(4)": lambda p: 4 * (1 - p) ** 3,
    "js(0.1)": lambda p: mpmath.log(2 * p) - mpmath.log(p + mpmath.mpf("0.1")),
    "js(1)": lambda p: mpmath.log(2 * p / (p + 1)),
}


class Rationals:
    """A context for polynomial targets in exact arithmetic."""

    rational = staticmethod(Fraction)


@pytest.mark.parametrize("name", NAMES)
def test_formula_in_float64_agrees_with_mpmath(name: str) -> None:
    p = np.array([1e-12, 1e-3, 0.1, 0.5, 0.999, 1.0])
    with mpmath.workdps(40):
        truth = [float(TRUTHS[name](mpmath.mpf(float(x)))) for x in p]
    np.testing.assert_allclose(target_values(name, p), truth, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_growth_bounds_the_target_near_zero_and_elsewhere(name: str) -> None:
    C, alpha = (float(x) for x in get_target(name).growth)
    p = np.concatenate([np.geomspace(1e-300, 1, 2000), np.linspace(0.001, 1, 2000)])
    assert alpha < 1
    assert np.all(np.abs(target_values(name, p)) <= C * p**-alpha * (1 + 1e-12))


@pytest.mark.parametrize("name", [name for name in NAMES if get_target(name).mean is not None])
@pytest.mark.parametrize("K", [1, 2, 5])
def test_mean_is_the_mean_under_the_beta_distribution(name: str, K: int) -> None:
    mean = get_target(name).mean
    assert mean is not None
    for m in range(K):
        weight = mpmath.beta(m + 1, K - m)
        integral = mpmath.quad(lambda p, m=m: TRUTHS[name](p) * p**m * (1 - p) ** (K - 1 - m), [0, 0.01, 0.5, 1])
        assert float(mean(m, K)) == pytest.approx(float(integral / weight), rel=1e-6)


@pytest.mark.slow
@given(st.lists(RATIONALS, min_size=1, max_size=6), st.fractions(0, 1, max_denominator=99))
def test_polynomials_are_evaluated_exactly(coefficients: list[Fraction], p: Fraction) -> None:
    target = get_target(f"polynomial({','.join(map(str, coefficients))})")
    assert target.formula(p, Rationals) == sum(a * p**j for j, a in enumerate(coefficients))
    assert get_target(target.name) == target


@given(st.fractions(-5, 5, max_denominator=64))
def test_power_is_read_exactly_or_refused(a: Fraction) -> None:
    if a <= -1 or a == 0:
        with pytest.raises(ArgumentError, match="needs a"):
            get_target(f"power({a})")
        return
    target = get_target(f"power({a})")
    assert get_target(target.name) == target
    assert (target.degree == a) == (a.denominator == 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [("power(2)", "power(2.0)"), ("power(2)", " power( 2 ) "), ("power(0.5)", "power(1/2)"), ("js(0.1)", "js(1e-1)")],
)
def test_names_are_canonical(first: str, second: str) -> None:
    assert get_target(first).name == get_target(second).name == first


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lgo", "did you mean 'log'"),
        ("powr(2)", "did you mean 'power'"),
        ("log(2)", "must be written log"),
        ("power", "must be written power"),
        ("power(1,2)", "must be written power"),
        ("power(-1)", "p·r\\(p\\) does not tend to 0"),  # Itakura–Saito, theory.md §6
        ("power(0)", "constant"),
        ("power(x)", "numbers such as 2"),
        ("power(1/0)", "numbers such as 2"),
        ("polynomial()", "must be written polynomial"),
        ("js(0)", "0 < q"),
        ("js(1.5)", "0 < q"),
        ("", "must be one of"),
        ("__import__('os')", "must be one of"),
    ],
)
def test_bad_names_are_refused_with_a_reason(name: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as caught:
        get_target(name)
    assert "`target`" in str(caught.value)


def test_something_else_than_a_string_is_refused() -> None:
    with pytest.raises(ArgumentError, match="must be one of"):
        get_target(2)  # type: ignore[arg-type]


def test_every_row_is_named_once() -> None:
    assert len(names()) == len(set(names())) == len(TARGETS)
    assert all(signature.startswith(name) for name, signature in zip(TARGETS, names(), strict=True))

"""The closed forms: plug_in, harmonic and exact against rational arithmetic and mpmath."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from polyest.closed_forms import CLOSED_FORM, closed_form, exact, harmonic, plug_in
from polyest.errors import ArgumentError
from polyest.polynomials import bernstein
from polyest.problems.problem import make_problem
from polyest.problems.targets import get_target

LOG = get_target("log")
RATIONALS = st.fractions(-9, 9, max_denominator=60)
PROBABILITIES = st.fractions(0, 1, max_denominator=97)


def mean(coefficients: tuple[Fraction, ...], p: Fraction) -> Fraction:
    """Q_c(p) in rational arithmetic."""
    n = len(coefficients) - 1
    return sum((c * math.comb(n, m) * p**m * (1 - p) ** (n - m) for m, c in enumerate(coefficients)), start=Fraction(0))


@pytest.mark.slow
@given(st.lists(RATIONALS, min_size=1, max_size=7), PROBABILITIES, st.integers(0, 9))
@example([Fraction(0)] * 3 + [Fraction(1)], Fraction(1), 0)
@example([Fraction(1, 3)], Fraction(0), 1)
def test_exact_tables_are_unbiased_in_rational_arithmetic(a: list[Fraction], p: Fraction, spare: int) -> None:
    target = get_target(f"polynomial({','.join(map(str, a))})")
    K = max(len(a) + spare, 2)
    assert mean(exact.rational_coefficients(target, K), p) == sum(a_j * p**j for j, a_j in enumerate(a))


@pytest.mark.slow
@given(st.lists(RATIONALS, min_size=2, max_size=7))
def test_exact_coefficients_are_correctly_rounded(a: list[Fraction]) -> None:
    target, K = get_target(f"polynomial({','.join(map(str, a))})"), len(a)
    for rounded, truth in zip(exact.coefficients(target, K), exact.rational_coefficients(target, K), strict=True):
        assert rounded == truth.numerator / truth.denominator  # int/int is correctly rounded


@pytest.mark.parametrize("name", ["power(4)", "log"])
def test_exact_refuses_what_no_table_of_this_size_can_do(name: str) -> None:
    with pytest.raises(ArgumentError, match="polynomial of degree"):
        exact.rational_coefficients(get_target(name), 4)


@given(st.integers(2, 12), PROBABILITIES)
def test_harmonic_is_unbiased_for_the_taylor_polynomial(K: int, p: Fraction) -> None:
    table = tuple(-sum((Fraction(1, j) for j in range(m + 1, K)), start=Fraction(0)) for m in range(K))
    assert mean(table, p) == -sum(((1 - p) ** j / j for j in range(1, K)), start=Fraction(0))
    assert harmonic.coefficients(LOG, K) == tuple(c.numerator / c.denominator for c in table)


@pytest.mark.parametrize("K", [2, 7, 64, 300])
def test_harmonic_is_a_difference_of_digammas(K: int) -> None:
    with mpmath.workdps(40):
        truth = [float(mpmath.digamma(m + 1) - mpmath.digamma(K)) for m in range(K)]
    assert list(harmonic.coefficients(LOG, K)) == truth


@pytest.mark.parametrize("unit", [1, 2**30, 2**50, 2**60])
def test_harmonic_is_rounded_from_the_exact_sum_where_its_integers_do_not_tell(
    monkeypatch: pytest.MonkeyPatch, unit: int
) -> None:
    expected = harmonic.coefficients(LOG, 64)
    monkeypatch.setattr(harmonic, "UNIT", unit)
    assert harmonic.coefficients(LOG, 64) == expected


@pytest.mark.slow
def test_harmonic_of_the_largest_group() -> None:
    """Digits of ψ(1) − ψ(65536) and ψ(65535) − ψ(65536) in 40 digits of mpmath."""
    with mpmath.workdps(40):
        ends = [float(mpmath.digamma(m) - mpmath.digamma(2**16)) for m in (1, 2**16 - 1)]
    table = harmonic.coefficients(LOG, 2**16)
    assert [table[0], table[-2], table[-1]] == [*ends, 0.0]


@pytest.mark.slow
def test_harmonic_bias_tends_to_its_limit() -> None:
    # K·β → 0.28148, and β at K = 8 (theory.md §3)
    p = np.geomspace(1e-5, 1, 40001)
    at_512 = np.abs(bernstein.bias("log", harmonic.coefficients(LOG, 512), p[::10])).max()  # to 1e-6 of it
    assert 512 * at_512 == pytest.approx(0.28148, abs=3e-4)
    at_8 = np.abs(bernstein.bias("log", harmonic.coefficients(LOG, 8), p)).max()
    assert at_8 == pytest.approx(0.03645385118613845, abs=1e-8)


@pytest.mark.parametrize("K", [1, 2, 7, 64, 300])
@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("log", mpmath.log),
        ("power(-0.5)", lambda p: -1 / mpmath.sqrt(p)),
        ("power(1/3)", mpmath.cbrt),
        ("power(3)", lambda p: p**3),
        ("js(0.1)", lambda p: mpmath.log(2 * p / (p + mpmath.mpf(1) / 10))),
    ],
)
def test_plug_in_is_correctly_rounded(name: str, formula: object, K: int) -> None:
    with mpmath.workdps(60):
        truth = [float(formula(mpmath.mpf(m + 1) / K)) for m in range(K)]  # type: ignore[operator]
    assert list(plug_in.coefficients(get_target(name), K)) == truth


@pytest.mark.parametrize("method", CLOSED_FORM)
def test_a_closed_form_comes_with_the_table_of_one_completion_less(method: str) -> None:
    target = "power(2)" if method == "exact" else "log"
    table = closed_form(make_problem(target, 6, method))
    assert table.leave_one_out is not None
    assert table.leave_one_out.coefficients == closed_form(make_problem(target, 5, method)).coefficients
    assert table.leave_one_out.leave_one_out is None


def test_an_exact_table_of_full_degree_has_a_plug_in_baseline() -> None:
    inner = closed_form(make_problem("power(2)", 3, "exact")).leave_one_out
    assert inner is not None
    assert inner.problem.method == "plug_in"
    assert inner.coefficients == (0.25, 1.0)

"""The float64 Bernstein basis, and bias and noise as functions of p, against rational arithmetic and enumeration."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest.closed_forms import plug_in
from polyest.polynomials import bernstein
from polyest.problems.targets import get_target

PROBABILITIES = st.one_of(st.floats(0, 1), st.floats(1e-300, 1e-3), st.floats(0.999, 1))


@given(st.integers(0, 40), PROBABILITIES)
def test_basis_agrees_with_rational_arithmetic(n: int, p: float) -> None:
    x = Fraction(p)
    exact = [float(math.comb(n, m) * x**m * (1 - x) ** (n - m)) for m in range(n + 1)]
    np.testing.assert_allclose(bernstein.basis(n, [p])[0], exact, rtol=3e-13, atol=1e-300)


@pytest.mark.parametrize("n", [0, 1, 31, 255, 1023])
def test_basis_is_a_probability_distribution(n: int) -> None:
    p = np.concatenate([np.geomspace(1e-300, 1, 50), np.linspace(0, 1, 50)])
    basis = bernstein.basis(n, p)
    assert np.all(basis >= 0)
    np.testing.assert_allclose(basis.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(basis @ np.arange(n + 1), n * p, rtol=1e-11, atol=1e-300)


@pytest.mark.slow
@given(
    st.lists(st.fractions(-3, 3, max_denominator=30), min_size=2, max_size=6),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
)
def test_mean_of_any_table_is_its_bernstein_polynomial(coefficients: list[Fraction], shares: list[int]) -> None:
    """By enumeration of all groups: E[c[m_1] | z_1 = z] = Q_c(p_z) = Σ_m c_m B_{m,K−1}(p_z) (theory.md §2)."""
    K, p = len(coefficients), [Fraction(share, sum(shares)) for share in shares]
    for answer in range(len(p)):
        mean = Fraction(0)
        for others in itertools.product(range(len(p)), repeat=K - 1):
            mean += math.prod((p[z] for z in others), start=Fraction(1)) * coefficients[others.count(answer)]
        x = p[answer]
        exact = sum(c * math.comb(K - 1, m) * x**m * (1 - x) ** (K - 1 - m) for m, c in enumerate(coefficients))
        assert mean == exact
        assert bernstein.mean([float(c) for c in coefficients], [float(x)])[0] == pytest.approx(float(exact), abs=1e-13)


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("name", ["log", "power(-0.5)", "js(0.1)"])
def test_bias_and_noise_are_mean_and_variance_of_the_weight_of_an_answer(name: str, K: int) -> None:
    """By enumeration: the weight is (N/K)(c[N−1] − r(p)), N the answer's count in a group (theory.md §2)."""
    coefficients = plug_in.coefficients(get_target(name), K)
    for p in (0.05, 0.4, 0.9, 1.0):
        r = float(bernstein.target_values(name, [p])[0])
        mean = square = 0.0
        for group in itertools.product((True, False), repeat=K):
            N = Counter(group)[True]
            probability = p**N * (1 - p) ** (K - N)
            weight = N / K * (coefficients[N - 1] - r)
            mean, square = mean + probability * weight, square + probability * weight**2
        assert bernstein.bias(name, coefficients, [p])[0] == pytest.approx(mean, abs=1e-14)
        assert bernstein.noise(name, coefficients, [p])[0] == pytest.approx(square - mean**2, abs=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("K", "expected"),
    # K·β(plug_in) for log: theory.md §3
    [(4, 0.487), (8, 0.524), (16, 0.549), (32, 0.563), (64, 0.571)],
)
def test_worst_case_bias_of_plug_in(K: int, expected: float) -> None:
    p = np.geomspace(1e-4, 1, 20001)
    bias = bernstein.bias("log", plug_in.coefficients(get_target("log"), K), p)
    assert K * np.abs(bias).max() == pytest.approx(expected, abs=6e-4)

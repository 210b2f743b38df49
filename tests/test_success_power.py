"""Powers of a success rate, and any target as the derivative of a value; peers' formulas digit by digit."""

from __future__ import annotations

import itertools
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest import graded, success
from polyest.errors import ArgumentError, TableNotFoundError

RATES = [success.power(-0.5, 4), success.power("-1/2", 5), success.integral("log", 4), success.integral("power(2)", 4)]
names = [f"{rate.name}-{rate.group_size}" for rate in RATES]


def surrogate(c, s: Fraction) -> Fraction:
    n = len(c) - 1
    return sum((Fraction(x) * math.comb(n, m) * s**m * (1 - s) ** (n - m) for m, x in enumerate(c)), Fraction(0))


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES, ids=names)
@given(s=st.fractions(Fraction(1, 20), Fraction(19, 20), max_denominator=50))
def test_the_expected_gradient_is_what_the_table_estimates(rate, s: Fraction) -> None:
    K, sign = rate.group_size, -1 if rate.name.startswith("−") else 1
    assert rate.coefficients.tolist() == (sign * rate.estimator.coefficients).tolist()
    expected = float(surrogate(rate.coefficients.tolist(), s))
    for kind in ("rewards", "advantages"):
        total = Fraction(0)
        for verdict in itertools.product([False, True], repeat=K):
            scores = [Fraction(float(x)) for x in getattr(rate, kind)(np.array(verdict))]
            slopes = [1 / s if hit else -1 / (1 - s) for hit in verdict]
            chance = s ** sum(verdict) * (1 - s) ** (K - sum(verdict))
            total += chance * sum(a * b for a, b in zip(scores, slopes, strict=True)) / K
        assert float(total) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("rate", RATES, ids=names)
def test_values_are_those_of_the_integral(rate) -> None:
    K, c = rate.group_size, [Fraction(x) for x in rate.coefficients.tolist()]
    assert rate.value_coefficients.tolist() == [float(sum(c[:h], Fraction(0)) / K) for h in range(K + 1)]


@pytest.mark.parametrize("K", [4, 16, 64])
def test_the_certificate_bounds_the_error_of_the_gradient(K: int) -> None:
    rate = success.power(-0.5, K)
    for s in [Fraction(1, 10**k) for k in range(1, 6)] + [Fraction(j, 20) for j in range(1, 20)]:
        error = float(s * (1 - s)) * abs(float(surrogate(rate.coefficients.tolist(), s)) - float(s) ** -0.5)
        assert error <= rate.certificate.worst_case_bias.upper


def test_copies_are_equal_and_keep_the_certificate() -> None:
    rate = pickle.loads(pickle.dumps(RATES[0]))
    assert rate.name == RATES[0].name
    assert rate.polynomial == RATES[0].polynomial
    assert rate.certificate.worst_case_bias.upper == RATES[0].certificate.worst_case_bias.upper


# MaxRL, arXiv 2602.02710: the mean score of the h correct completions of K, so that each of these is paid K/h
@pytest.mark.parametrize("K", [2, 8, 16])
def test_maxrl_is_the_full_truncated_log_digit_by_digit(K: int) -> None:
    groups = np.array([[True] * h + [False] * (K - h) for h in range(1, K + 1)])
    rewards = success.truncated_log(K, K).rewards(groups)
    assert rewards.tolist() == [[K / h] * h + [0.0] * (K - h) for h in range(1, K + 1)]


# PKPO, arXiv 2505.15201: rho = Σ_{i≥k} C(i−1, k−1) g_(i)/C(n, k), g sorted upwards
@pytest.mark.parametrize(("k", "n"), [(1, 4), (3, 5), (4, 8), (16, 16)])
def test_pkpos_rho_is_the_value_of_best_of_k(k: int, n: int) -> None:
    for h in range(n + 1):
        rho = Fraction(sum(math.comb(i - 1, k - 1) for i in range(max(k, n - h + 1), n + 1)), math.comb(n, k))
        correct = [True] * h + [False] * (n - h)
        assert float(success.pass_at(k, n).values(correct)) == float(rho)
        assert float(graded.best_of(k, n).values(correct)) == float(rho)
    rewards = np.random.default_rng(k).integers(-9, 9, n).tolist()
    ranked = enumerate(sorted(rewards), start=1)
    rho = Fraction(sum(math.comb(i - 1, k - 1) * r for i, r in ranked), math.comb(n, k))
    assert float(graded.best_of(k, n).values(rewards)) == pytest.approx(float(rho), rel=4e-16, abs=4e-15)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: success.power(0.5, 8), "`a` must be between −1 and 0"),
        (lambda: success.power(2, 8), "`a` must be between −1 and 0"),
        (lambda: success.power(-1, 8), "`a` must be between −1 and 0, got -1; .*log s is truncated_log"),
        (lambda: success.power(0, 8), "`a` must be between −1 and 0, got 0"),
        (lambda: success.power("x", 8), "`a` must be a number between −1 and 0"),
        (lambda: success.power(math.nan, 8), "`a` must be a number between −1 and 0"),
        (lambda: success.power(-0.75, 8), "`bias_budget` is required"),
        (lambda: success.integral("log", 8, sign=0), "`sign` must be the integer 1 or -1, got 0; "),
        (lambda: success.integral("log", 8, sign=1.0), "`sign` must be the integer 1 or -1, got 1.0; "),  # type: ignore[arg-type]
        (lambda: success.integral("log", 8, sign=True), "`sign` must be the integer 1 or -1, got True; "),
        (lambda: success.integral("log", 8, baseline="group_mean"), "`baseline` is not supported"),
        (lambda: success.power(-0.5, 1), "`group_size` must be at least 2"),
    ],
)
def test_bad_input_is_refused_with_the_reason(call, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        call()


def test_tables_that_are_not_there_are_not_replaced() -> None:
    with pytest.raises(TableNotFoundError, match=r"polyest solve --target 'power\(-0.3\)'"):
        success.power(-0.3, 8)
    assert polyest.load("power(-0.5)", 8).problem == success.power(-0.5, 8).estimator.problem

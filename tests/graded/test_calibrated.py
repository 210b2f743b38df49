"""Calibrated rewards: reference values, means over all draws of the references, bounds, ties, bad input."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest import graded
from polyest.errors import ArgumentError

F = Fraction
probabilities = st.fractions(0, 1, max_denominator=60)


def mean(coefficients, C: Fraction) -> Fraction:
    """E[c[m]], m ~ Binomial(N, C)."""
    N = len(coefficients) - 1
    return sum((F(c) * math.comb(N, m) * C**m * (1 - C) ** (N - m) for m, c in enumerate(coefficients)), F(0))


# docs/graded.md §6
@pytest.mark.parametrize(
    ("transform", "N", "expected"),
    [
        ("exp(2)", 4, "1 3/2 7/3 23/6 7"),
        ("exp(1)", 3, "1 4/3 11/6 8/3"),
        ("log", 4, "-25/12 -13/12 -7/12 -1/4 0"),
        ("power(2)", 4, "0 0 1/6 1/2 1"),  # line 13: u²
    ],
)
def test_coefficients_are_the_references(transform: str, N: int, expected: str) -> None:
    assert graded.calibrated(transform, N).coefficients.tolist() == [float(F(x)) for x in expected.split()]


# docs/graded.md §6: ranks of T are T against the others of T
@pytest.mark.parametrize(
    ("transform", "rewards", "references", "expected"),
    [
        ("exp(2)", [2], [1, 2, 2, 3], "23/9"),
        ("power(2)", [3, 1, 0], [3, 1, 0, 1], ""),
        ("power(2)", [3], [1, 3, 0, 1], "3/4"),
        ("power(2)", [1], [3, 3, 0, 1], "1/12"),
        ("power(1)", [3], [1, 3, 0, 1], "7/8"),
        ("power(1)", [1], [3, 3, 0, 1], "3/8"),
        ("power(1)", [0], [3, 1, 3, 1], "0"),
    ],
)
def test_ties_get_the_mean_over_tied_places(transform: str, rewards, references, expected: str) -> None:
    scores = graded.calibrated(transform, 4).rewards(rewards, references)
    if expected:
        assert scores.tolist() == [float(F(expected))]
    for score, r in zip(scores, rewards, strict=True):
        c = graded.calibrated(transform, 4).coefficients
        m, e = sum(x < r for x in references), sum(x == r for x in references)
        assert score == pytest.approx(c[m : m + e + 1].mean(), rel=1e-15)


@given(probabilities, st.sampled_from(["power(1)", "power(3)", "power(7)"]), st.integers(7, 12))
def test_powers_are_exact(C: Fraction, transform: str, N: int) -> None:
    calibrated = graded.calibrated(transform, N)
    assert float(mean(calibrated.coefficients, C)) == pytest.approx(float(C ** int(transform[6])), abs=1e-15)
    assert calibrated.error_bound == 0


@given(probabilities, st.fractions(-6, 6, max_denominator=7), st.integers(1, 20))
def test_the_error_of_exp_is_one_sided_and_within_its_bound(C: Fraction, t: Fraction, N: int) -> None:
    calibrated = graded.calibrated(f"exp({t})", N)
    with mpmath.workdps(40):
        exact = mpmath.exp(mpmath.mpf(t.numerator) / t.denominator * C.numerator / C.denominator)
        got = mean(calibrated.coefficients, C)
        error = exact - mpmath.mpf(got.numerator) / got.denominator
        rounding = 1e-15 * float(calibrated.coefficients.max())
        assert -rounding <= error <= calibrated.error_bound + rounding


@pytest.mark.parametrize("t", [-700, -10, -2, -0.5, 0.25, 1, 4, 33, 700])
@pytest.mark.parametrize("N", [1, 2, 8, 40])
def test_the_error_bound_of_exp_is_attained_at_an_end(t: float, N: int) -> None:
    with mpmath.workdps(800):
        size = abs(mpmath.mpf(t))
        taylor = mpmath.fsum(size**j / mpmath.factorial(j) for j in range(N + 1))
        exact = (mpmath.exp(size) - taylor) * mpmath.exp(min(t, 0))
        bound = graded.calibrated(f"exp({t})", N).error_bound
        assert exact <= bound <= exact * (1 + mpmath.mpf("1e-15")) + mpmath.mpf("1e-70")


@given(st.fractions(F(1, 50), 1, max_denominator=50), st.integers(1, 20))
def test_the_error_of_log_is_within_its_formula(C: Fraction, N: int) -> None:
    error = float(mean(graded.calibrated("log", N).coefficients, C)) - math.log(C)
    assert -1e-13 <= error <= float((1 - C) ** (N + 1) / ((N + 1) * C)) + 1e-13


@pytest.mark.slow
@given(st.lists(st.integers(1, 5), min_size=3, max_size=3), st.sampled_from(["exp(1)", "power(2)", "log"]))
def test_ties_average_over_the_mass_of_the_tie(weights, transform: str) -> None:
    """The mean over all draws of N references is that of Q_c over the uniform distribution on [F(R−), F(R)]."""
    law, N = [F(w, sum(weights)) for w in weights], 3
    calibrated = graded.calibrated(transform, N)
    c = [F(x) for x in calibrated.coefficients]
    for r in range(3):
        total = sum(
            math.prod((law[x] for x in drawn), start=F(1)) * F(float(calibrated.rewards([r], list(drawn))[0]))
            for drawn in product(range(3), repeat=N)
        )
        low, high = sum(law[:r], F(0)), sum(law[: r + 1], F(0))
        assert float(total) == pytest.approx(float((_integral(c, high) - _integral(c, low)) / (high - low)), abs=1e-14)


def _integral(c, u: Fraction) -> Fraction:
    """∫_0^u Q_c: Σ_m c_m P(Binomial(N+1, u) > m)/(N+1)."""
    n = len(c)
    above = [sum(math.comb(n, k) * u**k * (1 - u) ** (n - k) for k in range(m + 1, n + 1)) for m in range(n)]
    return sum((x * p for x, p in zip(c, above, strict=True)), F(0)) / n


def test_batches_score_as_their_prompts() -> None:
    rng = np.random.default_rng(0)
    rewards, references = rng.integers(0, 9, (2, 3, 5)), rng.integers(0, 9, (2, 3, 8))
    calibrated = graded.calibrated("exp(3)", 8)
    scores = calibrated.rewards(rewards, references)
    for i, j in np.ndindex(2, 3):
        assert scores[i, j].tolist() == calibrated.rewards(rewards[i, j], references[i, j]).tolist()
    shared = calibrated.rewards(rewards, references[0, 0])
    assert shared[1, 2].tolist() == calibrated.rewards(rewards[1, 2], references[0, 0]).tolist()
    assert calibrated.rewards(np.float16([0.1]), np.float16([0.1] * 8)).tolist() == [float(sum(calibrated.exact) / 9)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: graded.calibrated("sin(1)", 4), "`transform` must be 'exp"),
        (lambda: graded.calibrated("exp", 4), "`transform` must be 'exp"),
        (lambda: graded.calibrated(None, 4), "`transform` must be 'exp"),
        (lambda: graded.calibrated("exp(x)", 4), "`transform` must have a number"),
        (lambda: graded.calibrated("exp(inf)", 4), "`transform` must have a number"),
        (lambda: graded.calibrated("exp(1e400000000)", 4), "`transform` must have a number"),
        (lambda: graded.calibrated("log", 10**8), "`references` must be at most 65536"),
        (lambda: graded.calibrated("exp(701)", 4), "`transform` exp"),
        (lambda: graded.calibrated("power(5)", 4), r"`transform` power\(a\) must have a whole a from 1 to .* 4; got 5"),
        (lambda: graded.calibrated("power(0.5)", 4), "whole a from 1"),
        (lambda: graded.calibrated("power(0)", 4), "whole a from 1"),
        (lambda: graded.calibrated("log", 0), "`references` must be at least 1"),
        (lambda: graded.calibrated("log", 2).rewards([1], [1, 2, 3]), "`reference_rewards` must have shape"),
        (lambda: graded.calibrated("log", 2).rewards([[1]], [[1, 2], [1, 2]]), "`reference_rewards` must have shape"),
        (lambda: graded.calibrated("log", 2).rewards(1, [1, 2]), "array or a"),
        (lambda: graded.calibrated("log", 2).rewards([math.nan], [1, 2]), "`rewards` must be numbers"),
        (lambda: graded.calibrated("log", 2).rewards([1], [1, math.nan]), "`reference_rewards` must be numbers"),
        (lambda: graded.calibrated("log", 2).rewards([1], [1, math.inf]), "`reference_rewards` must be finite"),
    ],
)
def test_bad_input_is_refused_with_the_reason(call, words: str) -> None:
    with pytest.raises(ArgumentError, match=words) as error:
        call()
    assert "\n" not in str(error.value)

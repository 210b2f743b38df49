"""Success rates against known estimators and enumeration of all verdicts, in rational arithmetic."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest import success
from polyest.errors import ArgumentError

rates = st.fractions(0, 1, max_denominator=50)
OBJECTIVES = [
    (success.pass_at(2, 4), lambda s: 1 - (1 - s) ** 2),
    (success.pass_at(5, 5), lambda s: 1 - (1 - s) ** 5),
    (success.majority_at(3, 5), lambda s: 3 * s**2 * (1 - s) + s**3),
    (success.variance(3), lambda s: s * (1 - s)),
    (success.truncated_log(4, 4), lambda s: -sum((1 - s) ** j / Fraction(j) for j in range(1, 5))),
    (success.polynomial([1, 0, Fraction(1, 3), -2], 3), lambda s: 1 + s**2 / Fraction(3) - 2 * s**3),
]


def _verdicts(K):
    return [np.array(v, dtype=bool) for v in itertools.product([False, True], repeat=K)]


def _probability(verdict, s):
    hits = int(verdict.sum())
    return s**hits * (1 - s) ** (len(verdict) - hits)


@pytest.mark.slow
@pytest.mark.parametrize(("objective", "g"), OBJECTIVES, ids=lambda x: getattr(x, "name", ""))
@given(s=rates)
def test_values_are_unbiased(objective, g, s):
    mean = sum(_probability(v, s) * Fraction(float(objective.values(v))) for v in _verdicts(objective.group_size))
    assert float(mean) == pytest.approx(float(g(s)), abs=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize(("objective", "g"), OBJECTIVES, ids=lambda x: getattr(x, "name", ""))
@pytest.mark.parametrize("form", ["rewards", "advantages"])
@given(s=st.fractions(Fraction(1, 20), Fraction(19, 20), max_denominator=50))
def test_the_expected_gradient_is_that_of_g(objective, g, form, s):
    # d/ds E_s[...] of one completion's log-probability: 1/s if correct, −1/(1−s) if not
    total = Fraction(0)
    for v in _verdicts(objective.group_size):
        scores = [Fraction(float(x)) for x in getattr(objective, form)(v)]
        slopes = [1 / s if hit else -1 / (1 - s) for hit in v]
        total += _probability(v, s) * sum(a * b for a, b in zip(scores, slopes, strict=True)) / objective.group_size
    derivative = sum(j * a * s ** (j - 1) for j, a in enumerate(objective.polynomial) if j)
    assert float(total) == pytest.approx(float(derivative), abs=1e-12)
    step = Fraction(1, 10**6)
    assert float((g(s + step) - g(s - step)) / (2 * step)) == pytest.approx(float(derivative), abs=1e-4)


@pytest.mark.parametrize(("k", "K"), [(1, 2), (3, 8), (8, 8), (4, 16)])
def test_pass_at_k_is_the_known_estimator(k, K):
    # Chen et al. 2021, eq. 1: 1 − C(K−h, k)/C(K, k)
    expected = [float(1 - Fraction(math.comb(K - h, k), math.comb(K, k))) for h in range(K + 1)]
    assert success.pass_at(k, K).value_coefficients.tolist() == expected


@pytest.mark.parametrize("K", [2, 5, 16])
def test_full_truncated_log_is_maxrl(K):
    # theory.md §6: at T = K a correct completion is paid K/(m+1)
    assert success.truncated_log(K, K).coefficients.tolist() == [K / (m + 1) for m in range(K)]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: success.pass_at(9, 8), "`group_size` must be at least 9"),
        (lambda: success.majority_at(4, 8), "must be odd"),
        (lambda: success.pass_at(0, 8), "`k` must be at least 1"),
        (lambda: success.variance(1), "`group_size` must be at least 2"),
        (lambda: success.polynomial([float("nan")], 8), "finite numbers"),
        (lambda: success.polynomial([float("inf")], 8), "finite numbers"),
        (lambda: success.polynomial([np.ma.masked], 8), "finite numbers"),
        (lambda: success.polynomial([True], 8), "finite numbers"),
        (lambda: success.polynomial({1: 2}, 4), "`coefficients` must be finite numbers, in order, got {1: 2}"),  # type: ignore[arg-type]
        (lambda: success.polynomial({1, 2}, 4), "`coefficients` must be finite numbers, in order"),  # type: ignore[arg-type]
        (lambda: success.polynomial("12", 4), "`coefficients` must be finite numbers, in order, got '12'"),
        (lambda: success.polynomial(5, 4), "`coefficients` must be finite numbers, in order, got 5"),  # type: ignore[arg-type]
        (lambda: success.polynomial(np.ma.array([1.0, 2.0], mask=[1, 0]), 4), "in order, got a masked array"),
        (lambda: success.polynomial([10**400, 1], 4), "`coefficients` must be between −1e100 and 1e100"),
        (lambda: success.polynomial([0, 1e308, 1e308, 1e308], 4), "`coefficients` must be between −1e100 and 1e100"),
        (lambda: success.pass_at(1, 4).values([0.5, 1, 0, 0]), "booleans"),
        (lambda: success.pass_at(1, 4).values([2, 1, 0, 0]), "booleans"),
        (lambda: success.pass_at(1, 4).rewards([True] * 5), r"shape \(\.\.\., 4\)"),
    ],
)
def test_bad_input_is_refused(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


@pytest.mark.parametrize("method", ["values", "rewards", "advantages"])
@pytest.mark.parametrize(
    "correct",
    [
        [[True, False, True, True], [True, False]],
        [[1, 0, 1, 1], []],
        np.array([[1, 0, 1, 1], [1, 0]], dtype=object),
        [[True, None, False, True]],
        np.ma.array([1, 0, 0, 0], mask=[1, 0, 0, 0]),
        [np.ma.array([1, 0, 0, 0], mask=[1, 0, 0, 0])],
        ["yes", None, "no", "yes"],
    ],
    ids=["ragged", "an empty group", "objects", "None", "masked", "masked rows", "words"],
)
def test_verdicts_on_groups_of_different_sizes_are_refused_with_the_remedy(method: str, correct: Any) -> None:
    message = r"`correct` must be booleans, .* shape \(\.\.\., 4\), .*(different lengths|masked).*objective for each"
    with pytest.raises(ArgumentError, match=message):
        getattr(success.pass_at(2, 4), method)(correct)

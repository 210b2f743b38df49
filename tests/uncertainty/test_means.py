"""Means over groups and prompts, differences of two samples: against numbers worked by hand and against scipy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import polyest
from polyest.errors import ArgumentError
from polyest.uncertainty import ValueEstimate
from polyest.uncertainty.student import two_sided

numbers = st.lists(st.floats(-5, 5), min_size=3, max_size=12).filter(lambda x: np.ptp(x) > 1e-3)


def estimate(values: list[float], variances: list[float]) -> ValueEstimate:
    arrays = [np.array(x, float) for x in (values, variances)]
    return ValueEstimate(*arrays, np.full(len(values), 0.25), np.zeros(len(values), bool), "multinomial")


def test_every_prompt_counts_alike_and_the_error_is_clustered() -> None:
    """Means 2, 5, 8 of the prompts; their standard deviation is 3, over √3. One group of four would say otherwise."""
    found = polyest.summary([1, 3, 5, 8, 8, 8], ["x", "x", "y", "z", "z", "z"])
    assert (found.mean, found.standard_error, found.degrees_of_freedom) == pytest.approx((5, math.sqrt(3), 2))
    assert found.prompts == ("x", "y", "z")
    assert found.means.tolist() == [2, 5, 8]
    assert (found.groups, found.left_out) == (6, 0)
    assert found.interval(0.95) == pytest.approx((5 - 4.302653 * 3**0.5, 5 + 4.302653 * 3**0.5), rel=1e-6)  # t, 2 d.f.
    assert "population" in found.of


def test_without_prompts_every_group_is_one() -> None:
    found = polyest.summary([[1.0, 2.0], [3.0, 4.0]])
    assert (found.mean, found.standard_error) == pytest.approx((2.5, math.sqrt(5 / 3 / 4)))
    assert found.prompts is None


def test_completions_redrawn_from_the_spread_of_each_prompts_groups() -> None:
    """Variances of the means 2/2 = 1 (1 d.f.) and 4/3 (2 d.f.); error √(1 + 4/3)/2, Welch's degrees of freedom."""
    found = polyest.summary([0, 2, 6, 8, 10], [7, 7, 9, 9, 9], redrawn="completions")
    freedom = (1 + 4 / 3) ** 2 / (1 / 1 + (4 / 3) ** 2 / 2)
    assert (found.mean, found.standard_error) == pytest.approx((4.5, math.sqrt(7 / 3) / 2))
    assert found.degrees_of_freedom == pytest.approx(freedom)
    assert "these very prompts" in found.of


def test_completions_redrawn_from_known_errors() -> None:
    """Prompt x: (1 + 3)/4 of its mean; y: 2; error √(1 + 2)/2, a normal quantile; biases averaged."""
    found = polyest.summary(estimate([0, 2, 6], [1, 3, 2]), ["x", "x", "y"], redrawn="completions")
    assert (found.mean, found.standard_error, found.bias) == pytest.approx((3.5, math.sqrt(3) / 2, 0.25))
    assert found.degrees_of_freedom == math.inf
    assert found.interval()[1] == pytest.approx(3.5 + 1.959963985 * math.sqrt(3) / 2)


def test_values_that_are_not_there_are_left_out_and_counted() -> None:
    found = polyest.summary([1.0, math.nan, 3.0, math.nan], ["x", "x", "y", "z"])
    assert (found.mean, found.groups, found.left_out, found.prompts) == (2, 2, 2, ("x", "y"))
    assert math.isnan(found.bias)


@pytest.mark.slow
@given(numbers, st.randoms())
def test_paired_differences_are_those_of_a_paired_t_test(values: list[float], random) -> None:
    rng, names = np.random.default_rng(0), [f"prompt {i}" for i in range(len(values))]
    others = np.array(values) + rng.normal(size=len(values))
    order = random.sample(range(len(values)), len(values))
    first = polyest.summary(values, names)
    second = polyest.summary(others[order], [names[i] for i in order])
    found, expected = first.minus(second), stats.ttest_rel(values, others)
    assert found.mean / found.standard_error == pytest.approx(expected.statistic, rel=1e-9)
    assert found.interval(0.9) == pytest.approx(tuple(expected.confidence_interval(0.9)), rel=1e-4, abs=1e-6)


@pytest.mark.slow
@given(numbers, numbers)
def test_unpaired_differences_are_welchs(values: list[float], others: list[float]) -> None:
    found = polyest.summary(values).minus(polyest.summary(others), paired=False)
    expected = stats.ttest_ind(values, others, equal_var=False)
    assert found.mean / found.standard_error == pytest.approx(expected.statistic, rel=1e-6, abs=1e-9)
    assert found.degrees_of_freedom == pytest.approx(expected.df)
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-4, abs=1e-6)


def test_the_difference_of_two_runs_on_given_prompts_adds_their_errors() -> None:
    """√(1 + 3)/2 and √(2 + 2)/2 make √2; what the prompts differ in is in neither."""
    first = polyest.summary(estimate([0, 100], [1, 3]), ["x", "y"], redrawn="completions")
    second = polyest.summary(estimate([99, 1], [2, 2]), ["y", "x"], redrawn="completions")
    found = first.minus(second)
    assert (found.mean, found.standard_error, found.bias) == pytest.approx((0, math.sqrt(2), 0))
    assert found == first.minus(second, paired=False)


@given(numbers, st.randoms())
def test_the_order_of_groups_does_not_matter(values: list[float], random) -> None:
    order = random.sample(range(len(values)), len(values))
    names = [i // 2 for i in range(len(values))]
    one = polyest.summary(values, names)
    other = polyest.summary([values[i] for i in order], np.array(names)[order])
    assert (one.mean, one.standard_error) == pytest.approx((other.mean, other.standard_error))


@pytest.mark.parametrize("freedom", [1, 2, 2.5, 3, 7.3, 63, 1000, 2e6])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_students_quantiles_are_scipys(confidence: float, freedom: float) -> None:
    assert two_sided(confidence, freedom) == pytest.approx(stats.t.ppf((1 + confidence) / 2, freedom), rel=1e-5)


@pytest.mark.slow
def test_intervals_of_both_kinds_cover() -> None:
    """400 samples of 20 prompts, two groups each, all normal: 0.95 ± 0.011; the bound is five deviations away."""
    rng = np.random.default_rng(1)
    hits = {"prompts": 0, "completions": 0}
    for _ in range(400):
        truths = rng.normal(size=20)
        values = truths[:, None] + rng.normal(size=(20, 2))
        for redrawn, truth in (("prompts", 0.0), ("completions", truths.mean())):
            lower, upper = polyest.summary(values, np.repeat(range(20), 2), redrawn=redrawn).interval()
            hits[redrawn] += lower <= truth <= upper
    assert all(count / 400 >= 0.895 for count in hits.values())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: polyest.summary([1.0]), "at least two prompts"),
        (lambda: polyest.summary([1.0, 2.0], ["x", "x"]), "at least two prompts"),
        (lambda: polyest.summary([math.nan, math.nan]), "at least two prompts"),
        (lambda: polyest.summary([]), "at least two prompts"),
        (lambda: polyest.summary([1.0, math.inf]), "must be finite"),
        (lambda: polyest.summary(["a", "b"]), "must be numbers"),
        (lambda: polyest.summary(["1", "2"]), "must be numbers"),
        (lambda: polyest.summary([1.0, 2j]), "must be numbers"),
        (lambda: polyest.summary([1.0, 10**400]), "must be numbers"),
        (lambda: polyest.summary(np.ma.masked_array([1.0, 2.0], mask=[True, False])), "masked"),
        (lambda: polyest.summary([1e308, 1.0]), "must be finite"),
        (lambda: polyest.summary([1.0, 2.0], ["x", None]), "got None"),
        (lambda: polyest.summary([1.0, 2.0], [math.nan, 1.0]), "None or NaN"),
        (lambda: polyest.summary([1.0, 2.0], ["x"]), "for each of 2 groups, got 1"),
        (lambda: polyest.summary([1.0, 2.0], [["x"], ["y"]]), "hashable"),
        (lambda: polyest.summary([1.0, 2.0], 7), "must be a sequence"),
        (lambda: polyest.summary([1.0, 2.0], {"x", "y"}), "must be a sequence"),
        (lambda: polyest.summary([1.0, 2.0]).minus(5), "`other` must be a Summary like this one, got 5"),  # type: ignore[arg-type]
        (lambda: polyest.summary([1.0, 2.0]).apart([1.0]), r"`other` must be a Mean like this one, got \[1.0\]"),  # type: ignore[arg-type]
        (lambda: polyest.summary([1.0, 2.0], redrawn="groups"), "one of prompts, completions"),
        (lambda: polyest.summary([1.0, 2.0], ["x", "y"], redrawn="completions"), "two groups for each prompt"),
        (lambda: polyest.summary([1.0, 2.0]).interval(1.0), "`confidence`"),
        (lambda: polyest.summary([1.0, 2.0]).minus(polyest.summary([1.0, 2.0])), "two summaries of the same prompts"),
        (
            lambda: polyest.summary([1.0, 2.0], "xy").minus(polyest.summary([1.0, 2.0], "xz")),
            "two summaries of the same prompts",
        ),
        (
            lambda: polyest.summary([1.0, 2.0]).minus(
                polyest.summary(estimate([1, 2], [1, 1]), redrawn="completions"), paired=False
            ),
            "redrawn='prompts' as well",
        ),
    ],
)
def test_what_makes_no_mean_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()

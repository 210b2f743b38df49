"""Problems: defaults and refusals of the arguments of `polyest.load`."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.errors import ArgumentError
from polyest.problems.budget import Budget
from polyest.problems.problem import METHODS, Problem, make_problem


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        (("log", 16), {}, Problem("log", 16, "aqp", Budget("noise_budget", Fraction(3, 2)))),
        (("log", 16, "aqp"), {"bias_budget": 4}, Problem("log", 16, "aqp", Budget("bias_budget", Fraction(4)))),
        (("log", 16), {"bias_budget": 2.47}, Problem("log", 16, "aqp", Budget("bias_budget", Fraction(247, 100)))),
        (("log", 16), {"groups": np.int64(64)}, Problem("log", 16, "aqp", Budget("groups", Fraction(64)))),
        (("log", 16), {"noise_budget": "1.1"}, Problem("log", 16, "aqp", Budget("noise_budget", Fraction(11, 10)))),
        (("log", np.int32(4), "minimax"), {}, Problem("log", 4, "minimax")),
        (("power(2)", 3), {}, Problem("power(2)", 3, "exact")),
        (("power(2)", 2), {}, Problem("power(2)", 2, "aqp", Budget("noise_budget", Fraction(3, 2)))),
        (("power(-0.7)", 4), {"bias_budget": 3}, Problem("power(-0.7)", 4, "aqp", Budget("bias_budget", Fraction(3)))),
        (("log", 3, "plug_in"), {"baseline": "group_mean"}, Problem("log", 3, "plug_in", None, "group_mean")),
    ],
)
def test_defaults_are_filled_in(arguments: Any, options: Any, expected: Problem) -> None:
    assert make_problem(*arguments, **options) == expected


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("log", 0), {}, "`group_size` must be at least 2"),
        (("log", 1), {}, "`group_size` must be at least 2"),
        (("log", -3), {}, "`group_size` must be at least 2"),
        (("log", 2.0), {}, "`group_size` must be a whole number"),
        (("log", "16"), {}, "`group_size` must be a whole number"),
        (("log", True), {}, "`group_size` must be a whole number, got True"),
        (("log", 4, "minmax"), {}, "did you mean 'minimax'"),
        (("log", 4, "AQP"), {}, "got 'AQP'; did you mean 'aqp'"),
        (("log", 4, ["aqp"]), {}, r"`method` must be one of .*; got \['aqp'\]"),
        (("log", 4, "exact"), {}, "needs a polynomial target"),
        (("log", 4), {"worst_case_bias": 0.05}, "`worst_case_bias`, a budget of the method graded, needs a polynomial"),
        (("log", 4), {"worst_case_bias": 0.05}, "use aqp, with noise_budget, bias_budget or groups$"),
        (("best_of(12)", 12), {"noise_budget": 2}, "`noise_budget`, a budget of the method aqp, makes no sense"),
        (("best_of(17)", 8), {}, r"`method` graded, the default for best_of\(17\), needs"),
        (("power(3)", 3, "exact"), {}, "K ≥ 4 would do"),
        (("power(2)", 3, "harmonic"), {}, "log only"),
        (("power(2)", 3, "aqp"), {}, "makes no sense"),
        (("power(2)", 3, "minimax"), {}, "makes no sense"),
        (("power(2)", 16), {"bias_budget": 2}, "makes no sense"),
        (("log", 4, "minimax"), {"bias_budget": 2}, "belongs to method='aqp'"),
        (("log", 4), {"bias_budget": 2, "groups": 8}, "exclude each other"),
        (("log", 4), {"bias_budget": 0.99}, "at least 1"),
        (("log", 4), {"bias_budget": 1.005}, "multiple of 0.01"),
        (("log", 4), {"bias_budget": "many"}, "finite number .*; got 'many'; write it as 2, 0.5 or 1e-3"),
        (("log", 4), {"bias_budget": float("nan")}, "finite number"),
        (("log", 4), {"noise_budget": float("inf")}, "finite number"),
        (("log", 4), {"noise_budget": 0}, "positive decimal"),
        (("log", 4), {"noise_budget": Fraction(1, 3)}, "positive decimal"),
        (("log", 4), {"groups": 0}, "`groups` must be at least 1"),
        (("log", 4), {"groups": 1.5}, "whole number"),
        (("power(-0.7)", 4), {}, "infinite noise"),
        (("power(-0.7)", 4), {"noise_budget": 1.5}, "infinite noise"),
        (("log", 4), {"baseline": "groupmean"}, "did you mean 'group_mean'"),
        (("log", 4), {"baseline": "GROUP_MEAN"}, "did you mean 'group_mean'"),
        (("log", 2), {"baseline": "group_mean"}, "needs groups of at least 3 completions, got 2"),
    ],
)
def test_bad_arguments_are_refused_with_a_reason(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make_problem(*arguments, **options)


@given(st.integers(100, 10**6))
def test_bias_budgets_are_exact_hundredths_however_they_are_written(n: int) -> None:
    as_float = make_problem("log", 8, bias_budget=n / 100)
    assert as_float == make_problem("log", 8, bias_budget=f"{n / 100:.2f}")
    assert as_float.budget == Budget("bias_budget", Fraction(n, 100))


def test_a_problem_says_what_it_is() -> None:
    assert str(make_problem("log", 16, bias_budget=4)) == "log K=16 aqp bias_budget=4"
    assert str(make_problem("log", 5, "plug_in", baseline="group_mean")) == "log K=5 plug_in baseline=group_mean"


def test_every_method_is_described() -> None:
    assert list(METHODS) == ["plug_in", "harmonic", "exact", "minimax", "aqp", "graded"]
    assert all(METHODS.values())


GRADED = r"rewards that are numbers are scored by polyest\.graded\.best_of\(12, group_size=8\); for answers name"


def test_the_default_method_of_best_of_is_the_one_that_graded_loads() -> None:
    assert str(make_problem("best_of(12)", 8)) == "best_of(12) K=8 graded worst_case_bias=0.05"
    assert make_problem("best_of(8)", 8).method == "exact"
    assert make_problem("best_of(12)", 8, noise_budget=2).method == make_problem("power(20)", 8).method == "aqp"
    with pytest.raises(ArgumentError, match="the noise is hopeless"):
        make_problem("best_of(17)", 8)


@pytest.mark.parametrize(
    "score",
    [
        lambda: polyest.load("best_of(12)", 8),
        lambda: polyest.load("best_of(12)", 8, baseline="group_mean"),
        lambda: polyest.rewards([1, 2, 3, 4] * 2, [0] * 8, "best_of(12)"),
        lambda: polyest.advantages(["a"] * 8, [0] * 8, "best_of(12)"),
        lambda: polyest.value_with_error([0.5] * 8, [0] * 8, "best_of(12)"),
        lambda: polyest.success.integral("best_of(12)", 8),
    ],
)
def test_answers_are_not_scored_with_a_table_of_graded_rewards_unasked(score) -> None:
    with pytest.raises(ArgumentError, match=GRADED):
        score()
    assert (
        polyest.load("best_of(12)", 8, "graded").problem == polyest.load("best_of(12)", 8, worst_case_bias=0.05).problem
    )

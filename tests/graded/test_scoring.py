"""Graded rewards of any dtype, shape and engine: ties, permutations, shifts, ragged groups, missing ones, bad input."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from fractions import Fraction
from itertools import product

import ml_dtypes
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest import graded, success
from polyest.errors import ArgumentError

F = Fraction


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.longdouble, np.int16, np.uint8, bool])
@pytest.mark.parametrize("kind", ["values", "rewards", "advantages"])
def test_any_real_dtype_scores_as_its_float64_numbers(dtype, kind: str) -> None:
    given_rewards = np.random.default_rng(0).normal(1, 2, size=(3, 4, 6)).astype(dtype)
    objective = graded.median_of(3, 6)
    expected = getattr(objective, kind)(given_rewards.astype(np.float64))
    scores = getattr(objective, kind)(given_rewards)
    assert scores.dtype == np.float64
    assert scores.tobytes() == expected.tobytes()


def test_nested_lists_and_fractions_are_rewards() -> None:
    objective = graded.best_of(2, 3)
    assert objective.rewards([[1, 2.0, 4], [F(1, 2), 0, True]]).tolist() == [[0, 1, 5], [0.5, 0, 1.5]]
    assert objective.values(np.zeros((0, 3))).shape == (0,)
    assert objective.advantages(np.zeros((2, 0, 3))).shape == (2, 0, 3)


finite = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
groups_of_six = st.lists(st.one_of(finite, st.sampled_from([0.0, -0.0, 1.0, 1.0])), min_size=6, max_size=6)
kinds = st.sampled_from(["rewards", "advantages"])
objectives = st.sampled_from(
    [graded.best_of(3, 6), graded.worst_of(6, 6), graded.median_of(5, 6), graded.best_of(1, 6)]
)


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 3, 8, 47, 48, 49, 130])
@pytest.mark.parametrize("kind", ["values", "rewards", "advantages"])
def test_numba_scores_as_numpy_does_to_the_bit(size: int, kind: str) -> None:
    rng = np.random.default_rng(size)
    groups = np.concatenate(
        [rng.normal(size=(40, size)), rng.integers(-2, 3, (40, size)) * 1.0, np.full((1, size), -0.0)]
    )
    for objective in (
        graded.best_of(2, size),
        graded.worst_of(2, size),
        graded.best_of(1, size, baseline="group_mean"),
    ):
        if kind == "advantages" and objective.baseline:
            continue
        found = []
        for engine in oracle.BACKENDS:
            with oracle.using(engine):
                found.append(getattr(objective, kind)(groups).tobytes())
        assert found[0] == found[1]


@given(groups_of_six, st.permutations(range(6)), objectives)
def test_permuting_a_group_permutes_its_scores_to_the_bit(group, order, objective) -> None:
    x = np.array(group)
    for kind in ("rewards", "advantages"):
        score = getattr(objective, kind)
        assert score(x[order]).tobytes() == score(x)[order].tobytes()
    assert objective.values(x[order]) == objective.values(x)


@given(groups_of_six, objectives, kinds)
def test_equal_rewards_have_equal_scores(group, objective, kind) -> None:
    scores = getattr(objective, kind)(group).tolist()
    assert len(set(zip(group, scores, strict=True))) == len(set(group))


@given(groups_of_six, st.floats(-1e3, 1e3), st.integers(-8, 8), objectives)
def test_advantages_ignore_a_shift_and_follow_a_scale(group, shift, power, objective) -> None:
    x = np.array(group)
    advantages, size = objective.advantages(x), np.abs(x).max() + abs(shift) + 1
    assert objective.advantages(x + shift) == pytest.approx(advantages, abs=1e-13 * size)
    assert (objective.advantages(x * 2.0**power) == advantages * 2.0**power).all()
    assert float(objective.values(x + shift)) == pytest.approx(float(objective.values(x)) + shift, abs=1e-13 * size)
    assert (objective.rewards(x * 2.0**power) == objective.rewards(x) * 2.0**power).all()


def test_a_group_without_spread_gets_no_advantage() -> None:
    for level in (0.0, 0.1, -7.3, 1e300):
        assert not graded.best_of(4, 8).advantages([level] * 8).any()


def test_the_mean_is_paid_the_reward_itself() -> None:
    assert graded.best_of(1, 4).rewards([1, -2, 5, -4]).tolist() == [1, -2, 5, -4]
    assert graded.best_of(1, 4).rewards([-1, -2, -5, -4]).tolist() == [-1, -2, -5, -4]


def test_one_far_reward_does_not_spoil_the_value_of_the_others() -> None:
    value = graded.best_of(2, 4).values([-1e18, 0.5, 0.25, 0.75])
    assert value == pytest.approx((3 * 0.75 + 2 * 0.5 + 0.25) / 6, rel=1e-15)


@pytest.mark.slow
@given(st.data())
def test_ragged_groups_score_as_dense_ones_to_the_bit(data) -> None:
    sizes = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=6))
    groups = np.repeat(np.arange(len(sizes)), sizes)
    rewards = np.array(data.draw(st.lists(finite, min_size=len(groups), max_size=len(groups))))
    order = np.array(data.draw(st.permutations(range(len(groups)))), dtype=int)
    n = data.draw(st.integers(1, 4))
    given_rewards, given_groups = rewards[order], groups[order]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {
            "rewards": graded.rewards(given_rewards, given_groups, graded.best_of(n)),
            "advantages": graded.advantages(given_rewards, given_groups, graded.best_of(n)),
        }
        ids, values = graded.values(given_rewards, given_groups, graded.best_of(n, 9))
    assert ids.tolist() == list(dict.fromkeys(groups[order].tolist()))
    for g, size in enumerate(sizes):
        own = groups[order] == g
        too_small = size < max(n, 2)
        for kind, scores in found.items():
            expected = None if too_small else getattr(graded.best_of(n, size), kind)(rewards[order][own])
            assert np.isnan(scores[own]).all() if too_small else scores[own].tobytes() == expected.tobytes()
        value = values[ids.tolist().index(g)]
        assert np.isnan(value) if too_small else value == graded.best_of(n, size).values(rewards[order][own])


def test_groups_too_small_for_the_objective_warn_once() -> None:
    words = r"2 of 3 groups have fewer than the 3 completions that best_of\(3\) needs"
    with pytest.warns(UserWarning, match=words) as seen:
        scores = graded.rewards([1, 2, 3, 4, 5, 6], ["x", "x", "x", "y", "y", "z"], graded.best_of(3))
    assert len(seen) == 1
    assert scores[:3].tolist() == [0, 0, 3]
    assert np.isnan(scores[3:]).all()


def test_missing_rewards_leave_a_smaller_group() -> None:
    nan, objective = math.nan, graded.best_of(2, 4)
    rewards = [[1, nan, 2, 4], [3, 1, 2, 0]]
    for kind in ("rewards", "advantages"):
        scores = getattr(objective, kind)(rewards, missing="drop")
        assert scores[0, [0, 2, 3]].tolist() == getattr(graded.best_of(2, 3), kind)([1, 2, 4]).tolist()
        assert np.isnan(scores[0, 1])
        assert scores[1].tolist() == getattr(objective, kind)(rewards[1]).tolist()
        flat = getattr(graded, kind)(np.ravel(rewards), [0] * 4 + [1] * 4, objective, missing="drop")
        assert flat.tobytes() == scores.tobytes()
    assert objective.values(rewards, missing="drop").tolist() == [
        graded.best_of(2, 3).values([1, 2, 4]),
        objective.values(rewards[1]),
    ]
    assert graded.values([nan, 1, nan, 2], ["a", "b", "a", "b"], objective, missing="drop") == (["b"], [2.0])


@pytest.mark.slow
@given(st.data())
def test_completions_that_are_not_usable_leave_the_group_of_the_others(data) -> None:
    """Whatever their rewards are, in both forms, as if these were missing."""
    K = data.draw(st.integers(3, 7))
    rewards = np.array(data.draw(st.lists(st.floats(-9, 9, width=16), min_size=2 * K, max_size=2 * K))).reshape(2, K)
    usable = np.array(data.draw(st.lists(st.booleans(), min_size=2 * K, max_size=2 * K))).reshape(2, K)
    usable[:, :3] = True
    filled, objective = np.where(usable, rewards, data.draw(st.sampled_from([NAN, INF, 5.0]))), graded.best_of(2, K)
    groups = np.repeat([0, 1], K)
    for kind in ("rewards", "advantages", "values"):
        scores = getattr(objective, kind)(filled, usable=usable)
        holes = np.where(usable, rewards, NAN)
        assert scores.tobytes() == getattr(objective, kind)(holes, missing="drop").tobytes()
        flat = getattr(graded, kind)(filled.ravel(), groups, objective, usable=usable.ravel())
        assert (flat[1] if kind == "values" else flat).tobytes() == scores.tobytes()
    for own, rest, scores in zip(usable, rewards, objective.advantages(filled, usable=usable), strict=True):
        assert scores[own].tobytes() == graded.best_of(2, int(own.sum())).advantages(rest[own]).tobytes()
        assert np.isnan(scores[~own]).all()


def test_lost_and_missing_add_up_and_a_nan_that_is_usable_is_still_an_error() -> None:
    objective, rewards = graded.best_of(2, 4), [1, NAN, 2, NAN]
    both = objective.advantages(rewards, missing="drop", usable=[True, True, True, False])
    assert both[[0, 2]].tolist() == graded.best_of(2, 2).advantages([1, 2]).tolist()
    assert np.isnan(both[[1, 3]]).all()
    with pytest.raises(ArgumentError, match="got NaN at 1: it has no rank"):
        objective.advantages(rewards, usable=[True, True, True, False])
    with pytest.warns(UserWarning, match="1 of 1 groups have fewer than the 2"):
        assert np.isnan(objective.advantages([1, 2, 3, 4], usable=[False] * 4)).all()
    for usable in ([1, 1, 1, 1], [True] * 3, "yes"):
        with pytest.raises(ArgumentError, match="`usable` must be booleans of the rewards' shape"):
            objective.values([1, 2, 3, 4], usable=usable)


def test_losing_completions_by_chance_leaves_values_unbiased() -> None:
    """Of the law {0: ½, 1: ¼, 3: ¼}, whichever completions are lost."""
    law, K = {0.0: 0.5, 1.0: 0.25, 3.0: 0.25}, 4
    groups = np.array([*product(law, repeat=K)])
    chances = np.prod([[law[x] for x in group] for group in groups], axis=1)
    for lost in ([], [1], [0, 3]):
        usable = np.ones(groups.shape, bool)
        usable[:, lost] = False
        # P(max ≤ 0) = 1/4, P(max ≤ 1) = 9/16: E = 1·(9/16 − 1/4) + 3·(7/16)
        assert chances @ graded.best_of(2, K).values(groups, usable=usable) == pytest.approx(26 / 16, abs=1e-14)


def test_groups_with_too_few_left_score_nan_with_one_warning() -> None:
    with pytest.warns(UserWarning, match="1 of 2 groups have fewer than the 3"):
        values = graded.best_of(3, 4).values([[1, None, None, 2], [1, 2, 3, 4]], missing="drop")
    assert np.isnan(values[0])
    with pytest.warns(UserWarning, match="1 of 1 groups"):
        assert np.isnan(graded.best_of(1, 3).advantages([math.nan] * 3, missing="drop")).all()


@pytest.mark.parametrize("made", [graded.best_of(3, 6), graded.best_of(2), graded.calibrated("exp(2)", 4)], ids=str)
def test_copies_and_pickles_are_equal_and_read_only(made) -> None:
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert twin == made
        if getattr(made, "group_size", 1):
            assert twin.coefficients.tolist() == made.coefficients.tolist()
            assert not twin.coefficients.flags.writeable


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: graded.best_of(9, 8), r"`group_size` must be at least 9 for best_of\(9\); got 8.*larger groups"),
        (lambda: graded.best_of(8, 8, baseline="group_mean"), "`group_size` must be at least 9 .*with a baseline"),
        (lambda: graded.best_of(0, 8), "`n` must be at least 1"),
        (lambda: graded.best_of(2.5, 8), "`n` must be a whole number"),
        (lambda: graded.best_of(1, 1), "`group_size` must be at least 2"),
        (lambda: graded.median_of(4, 8), "`n` must be odd"),
        (lambda: graded.l_statistic([], 8), "`weights` must be at least one"),
        (lambda: graded.l_statistic([1, NAN], 8), "`weights` must be finite"),
        (lambda: graded.l_statistic([1, INF], 8), "`weights` must be finite"),
        (lambda: graded.l_statistic(3, 8), "`weights` must be finite"),
        (lambda: graded.best_of(2, 8, baseline="mean"), "`baseline` must be None or one of"),
        (lambda: graded.quantile(0.9, 8), "`quantile` .*cannot be estimated.*order statistic"),
        (lambda: graded.majority_vote(8), "`majority_vote` without a verifier.*success.majority_at"),
        (
            lambda: graded.best_of(2, 3).rewards([1, NAN, 2]),
            "`rewards` must be numbers, got NaN at 1: .*missing='drop'",
        ),
        (lambda: graded.best_of(2, 3).values([[1, 2, 3], [1, NAN, NAN]]), r"got NaN at \(1, 1\) and 1 more"),
        (lambda: graded.best_of(2, 3).advantages([1, None, 2]), "got NaN at 1"),
        (lambda: graded.best_of(2, 3).advantages([1, INF, 2]), "`rewards` must be finite, got ±inf at 1"),
        (lambda: graded.best_of(2, 3).advantages([1, -INF, 2], missing="drop"), "`rewards` must be finite"),
        (lambda: graded.best_of(2, 3).advantages(np.array([1, -INF, 2], np.float16)), "`rewards` must be finite"),
        (lambda: graded.best_of(2, 3).advantages(np.array([1, NAN, 2], ml_dtypes.bfloat16)), "got NaN"),
        (lambda: graded.best_of(2, 3).advantages([1e308, -1e308, 2]), "float64 overflows"),
        (lambda: graded.best_of(2, 3).rewards([1, 2, 3, 4]), r"shape \(\.\.\., 3\).*\(4,\)"),
        (lambda: graded.best_of(2, 3).rewards(4.0), "array or a"),
        (lambda: graded.best_of(2).rewards([1, 2]), "`group_size` must be given"),
        (lambda: graded.best_of(2, 3).rewards([1, 2j, 3]), "`rewards` must be real numbers"),
        (lambda: graded.best_of(2, 3).rewards(["1", "2", "3"]), "`rewards` must be real numbers"),
        (lambda: graded.best_of(2, 3).rewards([1, "2", None]), "`rewards` must be real numbers"),
        (lambda: graded.best_of(2, 2).rewards(np.array(["2020", "2021"], "M8[Y]")), "`rewards` must be real numbers"),
        (lambda: graded.best_of(2, 2).rewards(np.zeros(2, [("a", float)])), "`rewards` must be real numbers"),
        (lambda: graded.best_of(2, 2).rewards([2**53, 2**53 + 1]), r"within ±2\^53"),
        (lambda: graded.best_of(2, 2).rewards([-(2**63), 0]), r"within ±2\^53"),
        (lambda: graded.best_of(2, 2).rewards([2**63, -1]), r"within ±2\^53"),
        (lambda: graded.best_of(2, 2).rewards([2**64, 2**64 + 1]), r"within ±2\^53"),
        (lambda: graded.best_of(2, 3).rewards([2**53 + 1, 2**53, 0.5]), r"within ±2\^53"),
        (lambda: graded.best_of(2, 2).rewards(np.array([2**53 + 1, 2**53], dtype=object)), r"within ±2\^53"),
        (lambda: graded.best_of(2, 2).values([2**2000, 2**2000]), r"within ±2\^53"),
        (lambda: graded.best_of(2, 2).values([F(2**60, 3), 0]), r"within ±2\^53"),
        (lambda: graded.best_of(2, 2).values([np.ma.array([1, 2], mask=[1, 0])]), "masked array; fill it"),
        (lambda: graded.best_of(10**8, 8), "`n` must be at most 65536, the completions of the largest groups"),
        (lambda: graded.worst_of(10**8), "`n` must be at most 65536"),
        (lambda: graded.median_of(10**8 + 1), "`n` must be at most 65536"),
        (lambda: graded.best_of(2, 70_000), "`group_size` must be at most 65536"),
        (lambda: graded.best_of(12, worst_case_bias=0.05).at(70_000), "`group_size` must be at most 65536"),
        (lambda: graded.l_statistic(range(10**5)), "`weights` must be at most 65536"),
        (lambda: graded.l_statistic("12", 5), "`weights` must be finite numbers, in order, got '12'"),
        (lambda: graded.l_statistic({1: 1}, 5), "`weights` must be finite numbers, in order, got {1: 1}"),
        (lambda: graded.l_statistic([1e200], 5), "`weights` must be between −1e100 and 1e100"),
        (lambda: graded.l_statistic([1 / 3] * 300, 5), r"for l_statistic\(.{60}… of 300 weights\); got 5"),
        (lambda: graded.best_of(2, 2).rewards([[1, 2], [1]]), "nested lists of equal lengths"),
        (lambda: graded.best_of(2, 2).rewards(np.ma.array([1, 2])), "masked"),
        (lambda: graded.best_of(2, 2).rewards([1, 2], missing="ignore"), "`missing` must be None"),
        (
            lambda: graded.best_of(2, 3, baseline="group_mean").advantages([1, 2, 3]),
            "need an objective without baseline",
        ),
        (lambda: graded.rewards([1, 2, 3], [0, 0], graded.best_of(2)), "`rewards` and `groups` must be flat"),
        (lambda: graded.rewards([[1, 2]], [[0, 0]], graded.best_of(2)), "must be flat"),
        (lambda: graded.rewards([1, 2], [0, None], graded.best_of(2)), "`groups` must name the group"),
        (lambda: graded.rewards([1, 2], [0, 0], success.pass_at(2, 4)), "`objective` must be"),
        (lambda: graded.rewards([1, 2], [0, 0], "best_of(2)"), "`objective` must be"),
    ],
)
def test_bad_input_is_refused_with_the_reason(call, words: str) -> None:
    with pytest.raises(ArgumentError, match=words) as error:
        call()
    assert "\n" not in str(error.value)
    assert isinstance(error.value, polyest.PolyestError)


@pytest.mark.parametrize(
    "score",
    [
        lambda: graded.best_of(2, 3).advantages([1, 2, 3], usable=[True, False, False]),
        lambda: graded.best_of(2, 3).values([1, NAN, NAN], missing="drop"),
        lambda: graded.rewards([1, 2, 3], [0, 0, 1], graded.best_of(2)),
        lambda: graded.values([1, 2, 3], [0, 0, 1], graded.best_of(2)),
        lambda: polyest.load("log", 3, "harmonic").rewards([1, 1, 2], usable=[True, False, False]),
        lambda: polyest.load("log", 3, "harmonic").value([1, 1, 2], padding_id=1),
        lambda: polyest.value([1, 1, 2], [0, 0, 1], "log", "harmonic"),
        lambda: polyest.value_with_error([1, 1, 2], [0, 0, 1], "log", "harmonic"),
    ],
)
def test_warnings_name_the_line_of_the_caller(score) -> None:
    with pytest.warns(UserWarning, match="groups have") as caught:
        score()
    assert [(w.filename, w.lineno) for w in caught] == [(__file__, score.__code__.co_firstlineno)]

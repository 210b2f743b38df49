"""Graded rewards on JAX arrays are those of numpy, to a few units in the last place."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest import graded
from polyest.errors import ArgumentError

jax = pytest.importorskip("jax")
adapter = pytest.importorskip("polyest.adapters.jax")

KINDS = ("values", "rewards", "advantages")
OBJECTIVES = [graded.best_of(3, 8), graded.worst_of(2, 8), graded.median_of(5, 8), graded.l_statistic([-1, 0.5], 8)]


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
@pytest.mark.parametrize("x64", [False, True])
def test_scores_are_numpys(objective, x64: bool) -> None:
    rng = np.random.default_rng(0)
    rewards = np.concatenate([rng.normal(size=(50, 8)), rng.integers(-2, 3, (50, 8)), np.zeros((1, 8))]).astype("f4")
    with jax.enable_x64(x64):
        twin = adapter.GradedObjective(objective)

        def scores(rewards):
            return {kind: getattr(twin, kind)(rewards) for kind in KINDS}

        functions = (scores, jax.jit(jax.vmap(scores))) if objective is OBJECTIVES[0] else (scores,)
        for kind, found in (item for function in functions for item in function(rewards).items()):
            exact = getattr(objective, kind)(rewards)
            # sums of 8 terms of sizes up to 3·|x|, in the precision of the result
            assert np.asarray(found) == pytest.approx(exact, abs=96 * float(np.finfo(found.dtype).eps))
            if kind != "values":
                assert all(len(set(zip(a, b, strict=True))) == len(set(a)) for a, b in _rows(rewards, found))


def _rows(rewards, scores):
    return zip(rewards.tolist(), np.asarray(scores).tolist(), strict=True)


unoptimised = pytest.mark.usefixtures("unoptimised")  # those above are compiled as users have it


@pytest.mark.slow
@unoptimised
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32", "bool"])
def test_any_real_dtype_is_scored(dtype: str) -> None:
    rewards = jax.numpy.asarray([0, 1, 1, 0, 1, 0, 0, 1], dtype)
    assert adapter.GradedObjective(OBJECTIVES[0]).values(rewards) == pytest.approx(OBJECTIVES[0].values([0, 1] * 4))


@pytest.mark.slow
@unoptimised
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_group_with_a_number_that_has_no_rank_scores_nan_and_no_other(wrong: float) -> None:
    rewards = np.arange(16.0).reshape(2, 8)
    rewards[0, 3] = wrong
    for kind in KINDS:
        scores = getattr(adapter.GradedObjective(OBJECTIVES[0]), kind)(rewards)
        assert np.isnan(scores[0]).all()
        assert np.isfinite(scores[1]).all()


levels = st.one_of(st.floats(-1e3, 1e3, width=32), st.sampled_from([0.0, 1.0, 1.0]))


@unoptimised
@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
@settings(max_examples=20)
@given(
    st.lists(levels, min_size=8, max_size=8),
    st.integers(-1000, 1000),
    st.sampled_from([0.0, 0.25, 2.0, 1024.0]),
    st.permutations(range(8)),
)
def test_a_shift_a_scale_and_a_permutation_do_what_they_should(objective, x64, rewards, shift, scale, order) -> None:
    """To 64 units in the last place of what is added up; see the same test of torch. Ties stay ties."""
    with jax.enable_x64(x64):
        twin, x = adapter.GradedObjective(objective), jax.numpy.asarray(rewards, float)
        size = 8 * len(objective.weights) * float(abs(x).max() + abs(shift))
        tolerance = {"rtol": 0, "atol": 64 * float(jax.numpy.finfo(x.dtype).eps) * size}
        counted = float(sum(objective.weights)) * shift
        np.testing.assert_allclose(twin.values(x + shift), twin.values(x) + counted, **tolerance)
        np.testing.assert_allclose(twin.advantages(x + shift), twin.advantages(x), **tolerance)
        for kind in KINDS:
            score, places = getattr(twin, kind), np.array(order)
            scores = np.asarray(score(x))
            np.testing.assert_allclose(score(scale * x), scale * scores, rtol=0, atol=scale * tolerance["atol"])
            np.testing.assert_allclose(score(x[places]), scores if kind == "values" else scores[places], **tolerance)
            if kind != "values":
                assert len(set(zip(rewards, scores.tolist(), strict=True))) == len(set(rewards))


@pytest.mark.slow
def test_no_gradient_flows() -> None:
    score = adapter.GradedObjective(OBJECTIVES[0]).values
    assert not jax.grad(lambda x: score(x).sum())(jax.numpy.arange(8.0)).any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: adapter.GradedObjective(graded.best_of(3)), "`objective` must be made by polyest.graded with a"),
        (lambda: adapter.GradedObjective(OBJECTIVES[0]).rewards([1.0]), r"`rewards` must have shape \(\.\.\., 8\)"),
        (lambda: adapter.GradedObjective(OBJECTIVES[0]).rewards(np.zeros(8, complex)), "must be real numbers"),
        (
            lambda: adapter.GradedObjective(OBJECTIVES[0]).rewards(np.ma.zeros(8)),
            "`rewards` must not be a masked array",
        ),
        (lambda: adapter.GradedObjective(OBJECTIVES[0]).rewards([np.ma.zeros(8)]), "must not be a masked array"),
        (
            lambda: adapter.GradedObjective(graded.best_of(2, 3, baseline="group_mean")).advantages([1.0, 2, 3]),
            "need an objective without baseline",
        ),
    ],
)
def test_bad_input_is_refused_with_the_reason(call, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        call()


@unoptimised
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
@pytest.mark.filterwarnings("ignore:.*groups have fewer than")
def test_missing_rewards_leave_the_group_of_the_others(objective) -> None:
    rng = np.random.default_rng(1)
    rewards, lost = rng.integers(-2, 3, (40, 8)).astype(float), rng.random((40, 8)) < 0.4
    holes = np.where(lost, np.nan, rewards)
    with jax.enable_x64(True):
        twin = adapter.GradedObjective(objective)

        def scores(rewards, **lost):
            return [getattr(twin, kind)(rewards, **lost) for kind in KINDS]

        expected = [getattr(objective, kind)(holes, missing="drop") for kind in KINDS]
        compiled = jax.jit(scores) if objective is OBJECTIVES[0] else scores
        for found in (scores(holes, missing="drop"), compiled(rewards, usable=~lost)):
            for mine, true in zip(found, expected, strict=True):
                np.testing.assert_allclose(mine, true, rtol=0, atol=1e-13)

"""Weighted and usable completions in JAX: the numbers of numpy, under jit and vmap, in every width and dtype."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyest
from polyest.errors import ArgumentError

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
adapter = pytest.importorskip("polyest.adapters.jax")
arrays = pytest.importorskip("polyest.adapters.jax.arrays")

KINDS = ("rewards", "advantages", "value")


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*one completion")
        yield


@pytest.mark.parametrize(("K", "padding_id", "x64"), [(2, None, False), (8, None, True), (33, 2, False)])
def test_scores_are_numpys_under_jit_and_vmap(K: int, padding_id: int | None, x64: bool) -> None:
    """To 64 units in the last place of the largest number that is added up; without jit see also below."""
    rng = np.random.default_rng(K)
    answers, w = rng.integers(0, 5, (6, K)), rng.normal(size=(6, K)).astype(np.float32)
    w[0], w[1, 0], q = 0.0, -3.0, rng.uniform(0.1, 1, (6, K)).astype(np.float32)
    usable, est = rng.random((6, K)) < 0.8, polyest.load("log", K, "harmonic")
    usable[2] = False
    size = K * np.abs(est.coefficients).max() * 3
    with jax.enable_x64(x64):
        twin, ids = adapter.load("log", K, "harmonic", padding_id=padding_id), adapter.ids(answers)
        tolerance = 64 * np.spacing(size if x64 else np.float32(size))

        def scores(i, q, w, u):
            return [getattr(twin, kind)(i, q, weights=w, usable=u) for kind in KINDS]

        for mask in (None, usable):
            compiled = jax.jit(jax.vmap(scores, in_axes=(0, 0, 0, None if mask is None else 0)))
            for function in (compiled, scores) if K == 2 else (compiled,):
                for kind, found in zip(KINDS, function(ids, q, w, mask), strict=True):
                    expected = getattr(est, kind)(answers, q, padding_id=padding_id, weights=w, usable=mask)
                    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


unoptimised = pytest.mark.usefixtures("unoptimised")  # those above are compiled as users have it
K = 6
numbers = st.one_of(st.floats(-9, 9, width=16), st.sampled_from([0.0, 1.0, -1.0]))
masks = st.one_of(st.none(), st.lists(st.booleans(), min_size=K, max_size=K), st.just([False] * K))


@unoptimised
@pytest.mark.parametrize("x64", [False, True])
@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 3), min_size=K, max_size=K),
    st.lists(numbers, min_size=K, max_size=K),
    masks,
    st.permutations(range(K)),
)
def test_permuting_completions_permutes_their_scores_which_are_numpys(x64, answers, w, usable, order) -> None:
    """Also with ties, zero and negative weights and all masked; to 64 units in the last place of what is added up."""
    est, places = polyest.load("log", K, "harmonic"), np.array(order)
    size = K * float(np.abs(est.coefficients).max()) * max(map(abs, [*w, 1.0]))
    with jax.enable_x64(x64):
        twin, tolerance = adapter.load("log", K, "harmonic"), 64 * np.spacing(size if x64 else np.float32(size))
        ids, weights = np.array(answers), np.array(w)
        mask = None if usable is None else np.array(usable)
        for kind in KINDS:
            scores = np.asarray(getattr(twin, kind)(ids, weights=weights, usable=mask))
            moved = None if mask is None else mask[places]
            permuted = getattr(twin, kind)(ids[places], weights=weights[places], usable=moved)
            expected = scores if kind == "value" else scores[places]
            np.testing.assert_allclose(permuted, expected, rtol=0, atol=tolerance)
            same = getattr(est, kind)(ids, weights=weights, usable=mask)
            np.testing.assert_allclose(scores, same, rtol=0, atol=tolerance)


@unoptimised
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32", "bool"])
def test_weights_of_any_dtype_are_taken_by_value(dtype: str) -> None:
    w = (3 * jax.random.uniform(jax.random.key(0), (4, 8))).astype(dtype)
    ids, twin = jnp.arange(32).reshape(4, 8) % 5, adapter.load("log", 8, "harmonic")
    for kind in KINDS:
        score = getattr(twin, kind)
        assert score(ids, weights=w).tolist() == score(ids, weights=w.astype("float32")).tolist()


@unoptimised
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_weight_that_is_no_number_spoils_its_group_and_no_other(wrong: float) -> None:
    ids, w = jnp.array([[1, 1, 2], [1, 1, 2]]), jnp.ones((2, 3)).at[0, 2].set(wrong)
    twin = adapter.load("log", 3, "harmonic")
    assert jnp.isnan(twin.rewards(ids, weights=w)).tolist() == [[False, False, True], [False] * 3]
    assert jnp.isnan(twin.advantages(ids, weights=w)).tolist() == [[True] * 3, [False] * 3]
    assert not jax.grad(lambda w: twin.value(ids, weights=w)[1])(w).any()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weights": [1.0] * 3}, "`weights` must be an array of real numbers, got list"),
        ({"weights": jnp.ones(3, complex)}, "`weights` must be an array of real numbers"),
        ({"weights": jnp.ones(2)}, r"`weights` must have the answers' shape \(3,\), got \(2,\)"),
        ({"padding_id": 1}, r"^`padding_id` is no argument of an estimator's methods.*load\(…, padding_id=…\)"),
        ({"weight": jnp.ones(3)}, "^`weight` is no argument; give weights or usable.*did you mean 'weights'"),
        ({"weights": np.ma.ones(3)}, "`weights` must not be a masked array"),
        ({"usable": np.ma.ones(3, bool)}, "`usable` must not be a masked array"),
        ({"usable": [True] * 3}, "`usable` must be an array of booleans, got list"),
        ({"usable": jnp.ones(3)}, "`usable` must be an array of booleans, got float32"),
        ({"usable": jnp.ones((1, 3), bool)}, "`usable` must have the answers' shape"),
    ],
)
def test_bad_weights_and_masks_are_refused_with_the_reason(given, words: str) -> None:
    twin = adapter.load("log", 3, "harmonic")
    for kind in KINDS:
        with pytest.raises(ArgumentError, match=words):
            getattr(twin, kind)(jnp.array([1, 1, 2]), **given)


def test_weights_that_are_floats_already_are_not_converted() -> None:
    ids, weights = jnp.array([1, 1, 2]), jnp.array([1.0, 2.0, 3.0])
    assert arrays.numbers(weights, ids) is weights
    assert isinstance(arrays.numbers(np.ones(3), ids), np.ndarray)  # put on the device by the compiled function

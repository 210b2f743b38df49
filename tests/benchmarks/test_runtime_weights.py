"""What weights must not cost: more than twice the call in numpy, conversions in JAX."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import polyest
from benchmarks.rollout_groups import DIRICHLET, groups_of, race
from benchmarks.runtime_weights import engine


@pytest.mark.parametrize("K", [32, 64, 128])
def test_numpy_compares_answers_no_more_often_for_weights(K: int) -> None:
    answers, est = groups_of(DIRICHLET, 10**4, K), polyest.load("log", K, "harmonic")
    weights = np.random.default_rng(0).normal(size=answers.shape)
    with engine(1 << 62):
        calls = [partial(est.advantages, answers), partial(est.advantages, answers, weights=weights)]
        plain, weighted = race(calls, answers.size, 10)
    assert weighted <= 2 * plain  # not yet BOUND; 2.6 to 4.5 where weights were added up over pairs


def test_jax_converts_no_weights_that_are_floats_already() -> None:
    jnp = pytest.importorskip("jax.numpy")
    from polyest.adapters.jax.arrays import numbers

    ids, weights = jnp.array([1, 1, 2]), jnp.array([1.0, 2.0, 3.0])
    assert numbers(weights, ids) is weights
    assert isinstance(numbers(np.ones(3), ids), np.ndarray)  # put on the device by the compiled function

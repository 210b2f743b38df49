"""The dense form against the oracle, to the bit, with both backends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import oracle
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import polyest

DTYPES = [np.dtype(kind) for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4", "?")]
METHODS = ("harmonic", "plug_in")
backends = pytest.mark.parametrize("backend", oracle.BACKENDS)


@st.composite
def batches(draw: st.DrawFn) -> np.ndarray:
    """Integer answers of any width, few or many different ones, contiguous or not, any number of groups."""
    dtype, size = draw(st.sampled_from(DTYPES)), draw(st.integers(2, 70))
    lead = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4))
    limits = (0, 1) if dtype == np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    few = st.sampled_from(draw(st.lists(st.integers(*limits), min_size=1, max_size=5)))
    elements = draw(st.sampled_from([few, st.integers(*limits)]))
    array = draw(hnp.arrays(dtype, (*lead, size), elements=elements, fill=few))
    return draw(
        st.sampled_from([array, np.repeat(array, 2, axis=-1)[..., ::2], np.asfortranarray(array), array[..., ::-1]])
    )


def by_group(score, answers: np.ndarray) -> np.ndarray:
    rows = [score(row) for row in answers.reshape(-1, answers.shape[-1]).tolist()]
    return np.array(rows).reshape(answers.shape if rows and isinstance(rows[0], Sequence) else answers.shape[:-1])


@pytest.mark.slow
@backends
@given(batches(), st.sampled_from(METHODS))
@example(np.zeros((0, 2), np.int8), "harmonic")
@example(np.array([[1, 2**63]], np.uint64), "harmonic")
@example(np.array([[-1, 2**32 - 1]]), "plug_in")
def test_every_score_agrees_with_the_oracle_to_the_bit(backend: str, answers: np.ndarray, method: str) -> None:
    est = polyest.load("log", answers.shape[-1], method)
    c, others = est.coefficients.tolist(), est.leave_one_out_coefficients.tolist()
    with oracle.using(backend):
        rewards, advantages, value = est.rewards(answers), est.advantages(answers), est.value(answers)
    assert rewards.shape == advantages.shape == answers.shape
    assert np.shape(value) == answers.shape[:-1]
    if answers.size:
        np.testing.assert_array_equal(rewards, by_group(lambda group: oracle.rewards(group, c), answers))
        np.testing.assert_array_equal(advantages, by_group(lambda group: oracle.advantages(group, c, others), answers))
        np.testing.assert_array_equal(value, by_group(lambda group: oracle.value(group, c), answers))


@pytest.mark.slow
@backends
@given(batches(), st.randoms())
def test_permuting_completions_permutes_and_relabelling_changes_nothing(
    backend: str, answers: np.ndarray, random
) -> None:
    K = answers.shape[-1]
    est = polyest.load("log", K, "harmonic")
    order = random.sample(range(K), K)
    labels = {answer: f"label {i}" for i, answer in enumerate(np.unique(answers).tolist())}
    relabelled = np.array([labels[a] for a in answers.ravel().tolist()], object).reshape(answers.shape)
    q = 1 / (1 + np.argsort(np.argsort(answers.ravel(), kind="stable")).reshape(answers.shape))
    with oracle.using(backend):
        for reference in (None, q):
            moved = None if reference is None else reference[..., order]
            for score in (est.rewards, est.advantages):
                np.testing.assert_array_equal(score(answers[..., order], moved), score(answers, reference)[..., order])
                np.testing.assert_array_equal(score(relabelled, reference), score(answers, reference))
            np.testing.assert_array_equal(est.value(answers[..., order], moved), est.value(answers, reference))


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 1000])
@backends
def test_large_and_small_groups(backend: str, K: int) -> None:
    answers = np.random.default_rng(1).integers(-3, 300, (7, K)) * (1 << 40)
    est = polyest.load("log", K, "harmonic")
    c, others = est.coefficients.tolist(), est.leave_one_out_coefficients.tolist()
    with oracle.using(backend):
        np.testing.assert_array_equal(est.rewards(answers), by_group(lambda g: oracle.rewards(g, c), answers))
        np.testing.assert_array_equal(
            est.advantages(answers), by_group(lambda g: oracle.advantages(g, c, others), answers)
        )
        np.testing.assert_array_equal(est.value(answers), by_group(lambda g: oracle.value(g, c), answers))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=9), st.sampled_from(METHODS))
def test_advantages_are_the_leave_one_out_definition(group: list[int], method: str) -> None:
    est = polyest.load("log", len(group), method)
    exact = oracle.exact_advantages(group, est.coefficients.tolist(), est.leave_one_out_coefficients.tolist())
    np.testing.assert_allclose(est.advantages(group), [float(a) for a in exact], rtol=0, atol=1e-14)


@pytest.mark.slow
@backends
@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=4), st.data())
def test_reference_enters_with_its_own_leave_one_out_mean(
    backend: str, answers: list[list[int]], data: st.DataObject
) -> None:
    q = np.array(data.draw(st.lists(st.floats(1e-300, 1), min_size=6, max_size=6)))
    est = polyest.load("log", 6, "harmonic")
    q = np.broadcast_to(q, (len(answers), 6))
    r = np.log(q)
    with oracle.using(backend):
        np.testing.assert_array_equal(est.rewards(answers, q), est.rewards(answers) - r)
        others = (r.sum(axis=1, keepdims=True) - r) / 5
        np.testing.assert_allclose(est.advantages(answers, q), est.advantages(answers) - r + others, rtol=0, atol=1e-11)
        np.testing.assert_allclose(est.value(answers, q), est.value(answers) - r.mean(axis=1), rtol=0, atol=1e-11)


@backends
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_out_and_dtype(backend: str, dtype: type) -> None:
    answers = np.random.default_rng(2).integers(0, 4, (5, 3, 8))
    est = polyest.load("log", 8, "harmonic")
    with oracle.using(backend):
        for score in (est.rewards, est.advantages):
            expected = score(answers).astype(dtype)
            out, wide = np.empty(answers.shape, dtype), np.empty((5, 3, 16), dtype)
            assert score(answers, out=out) is out
            score(answers, out=wide[..., ::2])
            np.testing.assert_array_equal(out, expected)
            np.testing.assert_array_equal(wide[..., ::2], expected)
            new = score(answers, dtype=dtype)
            assert new.dtype == dtype
            np.testing.assert_array_equal(new, expected)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_change_nothing(threads: int) -> None:
    answers = np.random.default_rng(3).integers(0, 9, (5, 4, 50))
    est = polyest.load("log", 50, "harmonic")
    expected = est.rewards(answers), est.advantages(answers), est.value(answers)
    with oracle.using("compiled"):
        np.testing.assert_array_equal(est.rewards(answers, threads=threads), expected[0])
        np.testing.assert_array_equal(est.advantages(answers, threads=threads), expected[1])
        np.testing.assert_array_equal(est.value(answers, threads=threads), expected[2])


@pytest.mark.parametrize("dtype", ["float16", "int8", "object", "bfloat16"])
def test_reference_of_any_real_numbers(dtype: str) -> None:
    if dtype == "bfloat16":
        dtype = pytest.importorskip("ml_dtypes").bfloat16
    est, q = polyest.load("log", 3, "harmonic"), np.array([1, 1, 1]).astype(dtype)
    np.testing.assert_array_equal(est.rewards([1, 1, 2], q), est.rewards([1, 1, 2]))

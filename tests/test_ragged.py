"""The ragged form against the dense form and the oracle, to the bit, with both backends."""

from __future__ import annotations

import warnings

import numpy as np
import oracle
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import polyest
from polyest.online import compiled, numpy_backend
from polyest.online.compiled import hashing, sorting

backends = pytest.mark.parametrize("backend", oracle.BACKENDS)
rows = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=60)
names = st.sampled_from([int, str, lambda g: ("prompt", g), lambda g: g * 2**60 - 2**62])


@pytest.mark.slow
@backends
@given(rows, names, st.booleans(), st.booleans())
@example([], int, False, True)
@example([(3, 1)], int, True, True)
def test_ragged_agrees_with_the_oracle_to_the_bit(backend: str, pairs, name, contiguous: bool, as_array: bool) -> None:
    pairs = sorted(pairs, key=lambda pair: pair[0]) if contiguous else pairs
    groups, answers = [name(g) for g, _ in pairs], [a for _, a in pairs]
    members = {g: [i for i, other in enumerate(groups) if other == g] for g in groups}
    expected = {kind: np.full(len(pairs), np.nan) for kind in ("rewards", "advantages")}
    means = {}
    for g, where in members.items():
        means[g] = np.nan
        if len(where) > 1:
            est = polyest.load("log", len(where), "harmonic")
            c, others = est.coefficients.tolist(), est.leave_one_out_coefficients.tolist()
            group = [answers[i] for i in where]
            expected["rewards"][where] = oracle.rewards(group, c)
            expected["advantages"][where] = oracle.advantages(group, c, others)
            means[g] = oracle.value(group, c)
    given_groups = np.array(groups, np.int64) if as_array and all(isinstance(g, int) for g in groups) else groups
    given_answers = np.array(answers, np.int16) if as_array else answers
    with oracle.using(backend), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind, numbers in expected.items():
            scores = getattr(polyest, kind)(given_answers, given_groups, "log", "harmonic")
            np.testing.assert_array_equal(scores, numbers)
        ids, values = polyest.value(given_answers, given_groups, "log", "harmonic")
    assert list(ids) == list(members)
    np.testing.assert_array_equal(values, list(means.values()))


@pytest.mark.slow
@backends
@given(rows, st.randoms(), st.booleans())
def test_order_of_rows_does_not_matter(backend: str, pairs, random, padded: bool) -> None:
    order = random.sample(range(len(pairs)), len(pairs))
    groups, answers = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    q, padding_id = 1 / (1.0 + np.arange(len(pairs))), 0 if padded else None
    with oracle.using(backend), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for score in (polyest.rewards, polyest.advantages):
            scores = score(answers, groups, "log", "harmonic", reference=q, padding_id=padding_id)
            moved = score(answers[order], groups[order], "log", "harmonic", reference=q[order], padding_id=padding_id)
            np.testing.assert_array_equal(moved, scores[order])


@backends
def test_equal_groups_agree_with_the_dense_form(backend: str) -> None:
    rng = np.random.default_rng(4)
    answers, q = rng.integers(0, 5, (40, 12)), 1 - rng.random((40, 12))
    flat, groups = answers.ravel(), np.repeat(rng.permutation(40), 12)
    est = polyest.load("log", 12, "harmonic")
    with oracle.using(backend):
        for kind in ("rewards", "advantages"):
            dense = getattr(est, kind)(answers, q)
            np.testing.assert_array_equal(
                getattr(polyest, kind)(flat, groups, "log", "harmonic", reference=q.ravel()), dense.ravel()
            )


def test_groups_of_one_warn_once_and_are_nan() -> None:
    with pytest.warns(UserWarning, match="2 of 3 groups have one completion") as caught:
        scores = polyest.rewards(["a", "a", "b", "b"], [1, 2, 2, 3], "log", "harmonic")
    np.testing.assert_array_equal(scores, [np.nan, -1, -1, np.nan])
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_missing_tables_are_all_named_before_anything_is_written() -> None:
    out = np.full(1003, 7.0)
    groups = np.repeat([0, 1, 2], [500, 501, 2])
    with pytest.raises(polyest.PolyestError, match=r"of 2, 500, 501 .*polyest solve .*-k 2,500,501 --bias-budget 1.23"):
        polyest.rewards(np.arange(1003), groups, "log", bias_budget=1.23, out=out)
    assert (out == 7).all()


@given(rows, st.sampled_from([np.int8, np.uint16, np.int64, np.uint64]))
@example([(0, 0), (1, 0), (0, 0)], np.int64)
def test_the_engines_arrange_rows_alike(pairs, dtype: type) -> None:
    ids = (np.array([g for g, _ in pairs], np.int64) * 37 - 100).astype(dtype)
    for arrange in (compiled.arrange, numpy_backend.arrange):
        order, starts = arrange(ids)
        rows = np.split(np.arange(len(ids)) if order is None else order, starts[1:-1])
        expected = {g: np.flatnonzero(ids == g).tolist() for g in ids.tolist()}
        assert {ids[row[0]]: row.tolist() for row in rows if len(row)} == expected
        assert len(starts) == len(expected) + 1
        assert starts.dtype == np.int64
    contiguous = all(np.ptp(where) == len(where) - 1 for where in expected.values())
    assert (compiled.arrange(ids)[0] is None) == (numpy_backend.arrange(ids)[0] is None) == contiguous


@pytest.mark.slow
@pytest.mark.parametrize("size", [63, 64, 65, 66, 129, 1000])
@pytest.mark.parametrize("longest", [1, 3, 70, 400])
@pytest.mark.parametrize("factor", [1, 2**24, 2**24 + 1, -(2**53)])
def test_the_engines_arrange_long_rows_alike(size: int, longest: int, factor: int) -> None:
    """Runs across the words of 64 comparisons; ids whose span needs 32 bits, or more."""
    rng = np.random.default_rng(size)
    runs = np.repeat(rng.permutation(size) % 256, rng.integers(1, longest + 1, size))[:size]
    for ids in (runs * factor, np.sort(runs) * factor, rng.permutation(runs) * factor):
        for arrange in (compiled.arrange, numpy_backend.arrange):
            order, starts = arrange(ids)
            rows = np.split(np.arange(size) if order is None else order, starts[1:-1])
            assert {ids[row[0]]: row.tolist() for row in rows} == {g: np.flatnonzero(ids == g).tolist() for g in ids}
            assert len(rows) == len(np.unique(ids))


@pytest.mark.parametrize("size", [2, 1000, 5000])
@pytest.mark.parametrize("lowest", [-(2**63), -5])
@pytest.mark.parametrize("span", [0, 1, 999, 1999, 2000, 2**32, 2**63 - 1])
def test_rows_are_counted_in_stable_order(size: int, lowest: int, span: int) -> None:
    """Ids of a range of at most twice as many numbers as rows are counted as they are, others by first appearance."""
    rng = np.random.default_rng(0)
    ids = lowest + np.array([*rng.integers(0, span, size - 2, endpoint=True), span, 0])
    order, starts = sorting.sort_rows(ids)
    names, numbers = np.unique(ids, return_inverse=True)
    if span >= 2 * size:
        numbers = np.argsort(np.argsort(np.unique(ids, return_index=True)[1]))[numbers]
    np.testing.assert_array_equal(order, np.argsort(numbers, kind="stable"))
    np.testing.assert_array_equal(np.diff(starts), np.bincount(numbers))
    assert len(starts) == len(names) + 1


@pytest.mark.parametrize("count", [1, 31, 32, 33, 2047, 2048, 9000])
@pytest.mark.parametrize("stride", [1, 2**40, 2**61 - 1])
def test_ids_are_numbered_by_first_appearance(count: int, stride: int) -> None:
    rng = np.random.default_rng(count)
    ids = rng.integers(-count, count, 2 * count) * np.int64(stride)
    numbers, distinct = hashing.numbered(ids)
    known: dict[int, int] = {}
    assert numbers.tolist() == [known.setdefault(value, len(known)) for value in ids.tolist()]
    assert distinct == len(known)


@pytest.mark.slow
@backends
@pytest.mark.parametrize("kinds", [40, 10**6])
@pytest.mark.parametrize("shuffled", [False, True])
def test_many_hashable_answers_are_compared_by_python_equality(backend: str, kinds: int, shuffled: bool) -> None:
    """So many that they are read piece by piece where groups lie together."""
    rng = np.random.default_rng(6)
    codes, groups = rng.integers(0, kinds, 9000), np.repeat(np.arange(900), 10)
    groups = rng.permutation(groups) if shuffled else groups
    repeated = rng.random(9000) < 0.5
    codes[repeated] = groups[repeated] % 7
    forms = (str, lambda c: (c, "x"), lambda c: float(c) if c % 2 else c, lambda c: bool(c) if c < 2 else -c)
    answers = [forms[(c + i % 2) % 4](c) if i % 11 else (None, np.nan)[i % 2] for i, c in enumerate(codes.tolist())]
    with oracle.using(backend):
        scores = polyest.advantages(answers, groups, "log", "harmonic", no_answer_reward=-2)
        as_array = np.fromiter(answers, np.object_, len(answers))
        np.testing.assert_array_equal(
            polyest.advantages(as_array, groups, "log", "harmonic", no_answer_reward=-2), scores
        )
    for g in range(0, 900, 50):
        row = [answers[i] for i in np.flatnonzero(groups == g)]
        est = polyest.load("log", len(row), "harmonic")
        np.testing.assert_array_equal(scores[groups == g], est.advantages([row], no_answer_reward=-2)[0])


@pytest.mark.parametrize("threads", [1, 3])
def test_ragged_threads_change_nothing(threads: int) -> None:
    rng = np.random.default_rng(5)
    groups, answers = rng.integers(0, 30, 900), rng.integers(0, 6, 900)
    expected = polyest.advantages(answers, groups, "log", "harmonic")
    with oracle.using("compiled"):
        np.testing.assert_array_equal(polyest.advantages(answers, groups, "log", "harmonic", threads=threads), expected)
        out = np.empty(900, np.float32)
        polyest.advantages(answers, groups, "log", "harmonic", threads=threads, out=out)
        np.testing.assert_array_equal(out, expected.astype(np.float32))

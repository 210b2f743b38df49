"""What counts as an answer, as no answer, and as padding."""

from __future__ import annotations

import math
from contextlib import nullcontext
from itertools import chain
from typing import Any

import numpy as np
import oracle
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import polyest
from polyest.online import hashable_answers

NAN = float("nan")
plain = st.one_of(
    st.integers(-2, 2), st.sampled_from(["1", "", "a"]), st.booleans(), st.sampled_from([(1, 2), (), 0.5, b"a"])
)
answers_or_none = st.one_of(plain, st.none(), st.just(NAN), st.builds(float, st.just("nan")))
backends = pytest.mark.parametrize("backend", oracle.BACKENDS)


def groups_of(elements: st.SearchStrategy, size: int = 5) -> st.SearchStrategy:
    return st.lists(st.lists(elements, min_size=size, max_size=size), max_size=5)


@pytest.mark.slow
@backends
@given(groups_of(answers_or_none))
@example([[1, True, 1.0, "1", (1,)], [None, None, NAN, NAN, 0]])
def test_hashable_answers_are_compared_by_python_equality(backend: str, answers: list[list[object]]) -> None:
    est = polyest.load("log", 5, "harmonic")
    c, others = est.coefficients.tolist(), est.leave_one_out_coefficients.tolist()
    if not answers:
        return
    array = np.empty((len(answers), 5), object)
    for i, row in enumerate(answers):
        for j, answer in enumerate(row):
            array[i, j] = answer
    with oracle.using(backend):
        for form in (answers, array):
            np.testing.assert_array_equal(est.rewards(form), [oracle.rewards(row, c) for row in answers])
            np.testing.assert_array_equal(est.advantages(form), [oracle.advantages(row, c, others) for row in answers])
            np.testing.assert_array_equal(est.value(form), [oracle.value(row, c) for row in answers])


def test_strings_and_lists_of_arrays() -> None:
    est = polyest.load("log", 3, "harmonic")
    expected = est.rewards([[1, 1, 2], [3, 4, 5]])
    words = [["one", "one", "two"], ["x", "y", "é"]]
    for form in (words, np.array(words), np.array(words, object), [np.array(row) for row in words]):
        np.testing.assert_array_equal(est.rewards(form), expected)
    for dtype in (np.int8, np.uint64):
        np.testing.assert_array_equal(est.rewards([np.array([1, 1, 2], dtype), np.array([3, 4, 5], dtype)]), expected)
    np.testing.assert_array_equal(est.rewards([10**30, 10**30, 1]), expected[0])


@backends
@given(groups_of(answers_or_none), st.floats(-9, 9))
def test_no_answer_reward(backend: str, answers: list[list[object]], pay: float) -> None:
    """The whole reward of no answer; the others' baselines and the value count it as that."""
    if not answers:
        return
    est = polyest.load("log", 5, "harmonic")
    c, others = est.coefficients.tolist(), est.leave_one_out_coefficients.tolist()

    def paid(row: list[object], table: list[float]) -> list[float]:
        return [pay if oracle.is_missing(a) else r for a, r in zip(row, oracle.rewards(row, table), strict=True)]

    def baseline(row: list[object], i: int) -> float:
        rest = [*row[:i], *row[i + 1 :]]
        return math.fsum(paid(rest, others)) / 4

    with oracle.using(backend):
        rewards, advantages = (score(answers, no_answer_reward=pay) for score in (est.rewards, est.advantages))
        value = est.value(answers, no_answer_reward=pay)
    for g, row in enumerate(answers):
        expected = paid(row, c)
        np.testing.assert_array_equal(rewards[g], expected)
        np.testing.assert_allclose(value[g], math.fsum(expected) / 5, rtol=0, atol=1e-14)
        np.testing.assert_allclose(advantages[g], [r - baseline(row, i) for i, r in enumerate(expected)], atol=1e-14)


def test_no_answer_with_a_reference_needs_no_reference_where_its_reward_is_given() -> None:
    est, q = polyest.load("log", 3, "harmonic"), np.array([0.5, NAN, 0.25])
    rewards = est.rewards(["a", None, "b"], q, no_answer_reward=-7)
    np.testing.assert_array_equal(rewards, [-1.5 - math.log(0.5), -7, -1.5 - math.log(0.25)])
    with pytest.raises(polyest.PolyestError, match="`reference`"):
        est.rewards(["a", None, "b"], q)


@pytest.mark.slow
@backends
@given(groups_of(st.integers(-1, 2)), st.booleans(), st.booleans())
@example([[-1] * 5, [-1, -1, -1, -1, 2], [0, 0, -1, 0, 1]], False, True)
def test_a_padded_group_is_a_smaller_group(
    backend: str, answers: list[list[int]], strings: bool, referenced: bool
) -> None:
    if not answers:
        return
    est = polyest.load("log", 5, "harmonic")
    given_answers = [[str(a) for a in row] for row in answers] if strings else np.array(answers)
    q = np.where(np.array(answers) == -1, NAN, 1 / (2.0 + np.array(answers))) if referenced else None
    alone = any(sum(a != -1 for a in row) == 1 for row in answers)
    with oracle.using(backend):
        for kind in ("rewards", "advantages", "value"):
            with pytest.warns(UserWarning, match="one completion") if alone else nullcontext():
                scores = getattr(est, kind)(given_answers, q, padding_id="-1" if strings else -1)
            for g, row in enumerate(answers):
                kept = [i for i, a in enumerate(row) if a != -1]
                expected = np.full(5 if kind != "value" else (), np.nan)
                if len(kept) > 1:
                    small = polyest.load("log", len(kept), "harmonic")
                    part = None if q is None else q[g, kept]
                    expected[kept if kind != "value" else ()] = getattr(small, kind)([row[i] for i in kept], part)
                np.testing.assert_array_equal(scores[g], expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.int16])
def test_padding_id_that_the_dtype_cannot_hold_pads_nothing(dtype: type) -> None:
    est, answers = polyest.load("log", 3, "harmonic"), np.array([255 if dtype is np.uint8 else 7, 1, 1]).astype(dtype)
    for padding_id in (-(10**6), 10**6, -(2**70)):
        np.testing.assert_array_equal(est.rewards(answers, padding_id=padding_id), [-1.5, -0.5, -0.5])


@pytest.mark.parametrize("padding_id", [2**63, 2**70, -(2**64)])
def test_boolean_ids_take_a_padding_id_that_no_integer_type_holds(padding_id):
    answers = np.array([True, False, True])
    expected = polyest.load("log", 3, "harmonic").rewards(answers)
    assert np.array_equal(polyest.load("log", 3, "harmonic").rewards(answers, padding_id=padding_id), expected)


few = st.sampled_from(["a", "b", 1, True, 1.0, -0.0, 0, None, NAN, (1, "a"), frozenset([1]), frozenset([1.0])])


@given(st.lists(st.lists(few, min_size=3, max_size=3), min_size=1, max_size=20), few)
def test_a_small_dictionary_reads_as_one_for_all(rows: list[list[Any]], padding_id: Any) -> None:
    size = 3 * len(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashable_answers, "MANY", 1)
        small = hashable_answers.by_small_dictionary(rows, size, padding_id, "answers")
    plain = hashable_answers.by_dictionary([[*chain.from_iterable(rows)]], size, padding_id, "answers", None)
    for one, other in zip(small, plain, strict=True):
        same = [[np.flatnonzero(codes == code).tolist() for code in codes] for codes in (one, other)]
        assert same[0] == same[1]
        if one.dtype == np.bool_:
            np.testing.assert_array_equal(one, other)


def test_a_dictionary_that_does_not_stay_small_is_given_up() -> None:
    answers = [*range(10), *range(10)] * hashable_answers.MANY
    limit = len(answers) // hashable_answers.MANY
    for kinds, is_small in ((limit, True), (limit + 1, False)):
        some = [i % kinds for i in range(len(answers))]
        assert (hashable_answers.by_small_dictionary([some], len(some), None, "answers") is not None) == is_small

"""Rows that stand for answers in every process: equal if and only if the answers are."""

from __future__ import annotations

import hashlib
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from polyest.errors import ArgumentError
from polyest.identity import (
    HASHED,
    INTEGER,
    NOTHING,
    PRIME,
    answers_of,
    integers_of,
    row_of,
    rows_of_array,
    rows_of_items,
    without,
)

NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**63, -(2**63), 2**64, 2**126, -(2**126), 2**127, 2**200, float("inf"), -float("inf")]),
    st.booleans(),
    st.sampled_from([0.5, 2.0, -0.0, 1e300, Fraction(1, 2), Fraction(2)]),
    st.sampled_from([Decimal("0.5"), Decimal(2), Decimal("Infinity")]),
)
TEXTS = st.sampled_from(["", "2", "0.5", "a", "a\0", "None", "\ud800", b"", b"2", b"s2"])
ITEMS = st.recursive(
    st.one_of(NUMBERS, st.none(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=3)),
    max_leaves=6,
)


def row(item: Any) -> list[int]:
    return rows_of_items([item], "answers")[0].tolist()


@given(ITEMS, ITEMS)
@example(1, True)
@example(("a", ("b",)), (("a", "b"),))
@example(("1:s", "x"), ("1:sx",))
@example(2**64, 0)
@example(-1, 2**64 - 1)
@example(2**127, -(2**127))
def test_rows_are_equal_if_and_only_if_the_answers_are(a: Any, b: Any) -> None:
    assert (row(a) == row(b)) == (a == b)


@given(st.lists(st.one_of(ITEMS, st.just(float("nan"))), min_size=2, max_size=2))
@example([7, 2**64 - 1])
@example([-1, 2**64 - 1])
def test_integers_are_equal_if_and_only_if_the_rows_are(items: list[Any]) -> None:
    """None and NaN are one item here: a group that has no name."""
    rows = rows_of_items(items, "groups")
    a, b = integers_of(rows).tolist()
    assert (a == b) == (rows[0].tolist() == rows[1].tolist())
    for least, most in ((-(2**63), 2**63), (0, 2**64)):
        if all(type(item) is int and least <= item < most for item in items):
            assert [a, b] == items


@given(st.lists(st.one_of(ITEMS, st.just(float("nan"))), max_size=8))
def test_answers_have_equal_codes_if_and_only_if_they_are_equal(items: list[Any]) -> None:
    read = answers_of(rows_of_items(items, "answers"))
    assert read.missing.tolist() == [item is None or item != item for item in items]
    for i, one in enumerate(items):
        for j, other in enumerate(items):
            assert (read.codes[i] == read.codes[j]) == (i == j or (one is not None and one == other))


@given(st.lists(st.sampled_from([None, 1, "a", "b"]), min_size=6, max_size=6), st.lists(st.booleans(), min_size=6))
def test_completions_can_be_left_without_an_answer(items: list[Any], gone: list[bool]) -> None:
    left = without(answers_of(rows_of_items(items, "answers")), np.array(gone[:6]))
    expected = answers_of(rows_of_items([None if out else item for item, out in zip(items, gone)], "answers"))  # noqa: B905
    assert left.missing.tolist() == expected.missing.tolist()
    assert (left.codes[:, None] == left.codes).tolist() == (expected.codes[:, None] == expected.codes).tolist()


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_an_array_has_the_rows_of_its_list(dtype: str) -> None:
    limits = (0, 1) if dtype == "?" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    array = np.array([*limits, 0, 1], dtype)
    assert rows_of_array(array).tolist() == rows_of_items(array.tolist(), "answers").tolist()


@pytest.mark.parametrize("item", [np.int8(2), np.float32(0.5), np.bool_(True), np.uint64(2**63), np.str_("2")])
def test_a_number_of_numpy_has_the_row_of_its_python_equal(item: np.generic) -> None:
    assert row(item) == row(item.item())
    assert row((item, "a")) == row((item.item(), "a"))


def test_the_hash_is_blake2b_of_a_canonical_form() -> None:
    data = hashlib.blake2b(b"sanswer", digest_size=16).digest()  # "s" for a string, then its UTF-8
    expected = [HASHED, *np.frombuffer(data, ">i8").tolist()]
    assert row("answer") == expected


def test_small_integers_stand_for_themselves() -> None:
    assert row(7) == [INTEGER, 0, 7]
    assert row(-7.0) == [INTEGER, -1, -7]
    assert row(None)[0] == row(float("nan"))[0] == NOTHING


@pytest.mark.parametrize("item", [object(), 1j, (1, object()), (float("nan"),), [1], {1: 2}])
def test_answers_without_a_canonical_form_are_refused(item: Any) -> None:
    with pytest.raises(ArgumentError, match="`answers` must be"):
        rows_of_items([item], "answers")


def test_no_items_have_no_rows() -> None:
    assert rows_of_items([], "answers").shape == (0, 3)
    assert integers_of(rows_of_items([], "answers")).tolist() == []


HUGE = [10**5000, -(10**5000), 10**5000 + 1, Fraction(10**5000, 7), (10**5000,), frozenset({10**5000})]
HUGE += [Decimal(10**5000), float("inf"), Fraction(1, 10**5000), Decimal("1e10000000"), Decimal("-1e10000000")]
HUGE += [Decimal("1e-10000000"), 2**521, 2**1042]


@pytest.mark.parametrize("one", HUGE, ids=range(len(HUGE)))
def test_long_numbers_have_rows_too(one: Any) -> None:
    """Those of more digits than Python writes into a string, and of more than fit into memory."""
    start = time.perf_counter()
    found = row(one)
    for other in HUGE:
        assert (found == row(other)) == (one == other)
    assert time.perf_counter() - start < 5


def test_the_prime_is_one() -> None:
    """Fermat's test to twenty bases, none of which a composite of this size is likely to pass."""
    assert PRIME.bit_length() == 512
    assert all(pow(base, PRIME - 1, PRIME) == 1 for base in range(2, 22))


@pytest.mark.parametrize("number", ["0.1", "1.50", "-2.5e-7", "12345678901234567890.5", "1e40", "0e500"])
def test_a_decimal_has_the_row_of_its_fraction(number: str) -> None:
    assert row(Decimal(number)) == row(Fraction(number))


@pytest.mark.slow
def test_an_answer_that_is_nested_too_deeply_is_refused_by_name() -> None:
    answer: Any = ()
    for _ in range(100_000):
        answer = (answer,)
    with pytest.raises(ArgumentError, match="`answers` must be nested less deeply"):
        row_of(answer, "answers")

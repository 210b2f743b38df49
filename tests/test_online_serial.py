"""Hashable answers read as bytes: the same partition as Python's equality makes, or left to the dictionary."""

from __future__ import annotations

import enum
import random
from typing import Any

import numpy as np
import oracle
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import polyest
from polyest.online import records, serial
from polyest.online.twin import arrange

MASK = (1 << 64) - 1
FACTOR, SEED = int(records.OTHER), int(records.GOLDEN)
NAN = float("nan")
numbers = st.one_of(st.integers(-3, 3), st.sampled_from([2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**61 - 2, 10**30]))
reals = st.sampled_from([0.0, 0.5, 1.0, 1e300, NAN, float("inf"), -1.0])
words = st.sampled_from([*"ab\0é[(", "", "ab", "1234567", "12345678", "123456789", "\0\0", "日本", "\ud800"])
leaves = [numbers, reals, words, st.booleans(), st.none()]


class Loose(str):
    """Equal to everything that has the same first letter."""

    def __eq__(self, other: object) -> bool:
        return str(other)[:1] == self[:1]

    def __hash__(self) -> int:
        return hash(self[:1])


class Colour(enum.IntEnum):
    RED = 1


def tuples(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaf, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5)


plain = st.one_of(
    st.lists(st.one_of(numbers, words, st.none()).flatmap(st.just), max_size=30),
    *(st.lists(tuples(st.one_of(leaf, words)), max_size=30) for leaf in leaves),
    st.lists(tuples(st.one_of(*leaves, st.sampled_from([b"a", frozenset([1]), Loose("ab"), Colour.RED]))), max_size=30),
)


def partition(codes: list[Any], groups: list[int]) -> list[int]:
    """The first completion of the same group with the same code."""
    pairs = list(zip(codes, groups, strict=True))
    return [pairs.index(pair) for pair in pairs]


def expected(answers: list[Any], groups: list[int]) -> tuple[list[int], list[bool]]:
    """The same by comparing, as a dictionary compares."""
    missing = [oracle.is_missing(answer) for answer in answers]
    firsts = []
    for i, (answer, group) in enumerate(zip(answers, groups, strict=True)):
        index = [j for j in range(i) if groups[j] == group and hash(answers[j]) == hash(answer)]
        firsts.append(next((j for j in index if answers[j] is answer or answers[j] == answer), i))
    return firsts, missing


@given(plain, st.integers(1, 3), st.randoms())
@example(["a", "b", "a"], 1, random.Random(0))
@example([-1, -2, 2**61 - 2, -(2**61) + 1, -1], 1, random.Random(0))
@example([None, NAN, NAN, 0.5, 0.5], 1, random.Random(0))
def test_what_is_read_as_bytes_has_the_partition_of_python(answers: list[Any], kinds: int, rng: random.Random) -> None:
    groups = [rng.randrange(kinds) for _ in answers]
    order, starts = arrange(np.array(groups, np.int64))
    found = serial.serialize([answers], None, order, starts)
    if found is None:
        return
    codes, missing, padding = found
    firsts, gone = expected(answers, groups)
    assert missing.tolist() == gone
    assert not padding.any()
    assert (codes >= 0).all()
    known = [i for i in range(len(answers)) if not gone[i]]
    assert [partition(codes.tolist(), groups)[i] for i in known] == [firsts[i] for i in known]


@pytest.mark.parametrize(
    "answers",
    [
        [1, 2, 1, 2**40, -(2**70)],
        ["a", "é", "\ud800", "", None],
        [(1, "a"), (1, "b"), (), ((), None)],
        [True, False, "x"],
        [0.5, 1.0, NAN, None],
    ],
)
def test_ordinary_answers_need_no_dictionary(answers: list[Any]) -> None:
    assert serial.serialize([answers], None, None, np.array([0, len(answers)])) is not None


@pytest.mark.parametrize(
    "answers",
    [
        [1, True],
        [1, 1.0],
        [(1,), (1.0,)],
        [0.0, -0.0],
        [(NAN,)],
        [frozenset([1])],
        [b"a"],
        [np.int64(1), 1],
        [np.str_("a")],
        [Loose("a"), "a"],
        [Colour.RED, 1],
        [1, [2], 3],
        [[], []],
        [([1],)],
        [1 + 2j],
        [Ellipsis],
        [object()],
    ],
    ids=lambda answers: "-".join(type(answer).__name__ for answer in answers),
)
def test_whose_bytes_say_nothing_is_left_to_the_dictionary(answers: list[Any]) -> None:
    for some in (answers, ["a"] * 300 + answers):
        assert serial.serialize([some], None, None, np.array([0, len(some)])) is None


def test_many_lists_are_read_as_one() -> None:
    lists = [["a", "b"], ["b", "b"], ["(", "["]]
    codes, *_ = serial.serialize(lists, None, None, np.array([0, 2, 4, 6]))
    assert partition(codes.tolist(), [0] * 6) == [0, 1, 1, 1, 4, 5]


@pytest.mark.parametrize(("padding_id", "padded"), [("b", [1, 3]), ("c", []), (1, []), ((1,), []), (None, [])])
def test_padding(padding_id: Any, padded: list[int]) -> None:
    _, _, padding = serial.serialize([["a", "b", "a", "b"]], padding_id, None, np.array([0, 4]))
    assert np.flatnonzero(padding).tolist() == padded


@pytest.mark.parametrize("padding_id", [NAN, object(), True, Loose("b")], ids=["nan", "object", "true", "loose"])
def test_padding_that_has_no_bytes_is_left_to_the_dictionary(padding_id: Any) -> None:
    assert serial.serialize([[1, 2]], padding_id, None, np.array([0, 2])) is None


def code_of(record: bytes) -> int:
    """The code of an answer from its bytes, one word at a time."""
    code = SEED
    for at in range(0, len(record), 8):
        code = (code ^ int.from_bytes(record[at : at + 8], "little")) * FACTOR & MASK
        code ^= code >> 32
    return code >> 1


def state_after(word: int) -> int:
    state = (word ^ SEED) * FACTOR & MASK
    return state ^ state >> 32


def pair_of(record: bytes) -> tuple[float, float]:
    return tuple(np.frombuffer(record[at : at + 8], "<f8")[0].item() for at in (6, 15))


def colliding_pairs() -> list[tuple[float, float]]:
    """Two pairs of floats with the same code: their second words cancel what their first words differ in."""
    head = b"(\x02\0\0\0g"
    first, second, third = head + bytes(2), bytes(4) + b"\xf8\x3fg\0", bytes(5) + b"\xf8\x3f"
    for low in range(1, 1 << 16):
        other = head + low.to_bytes(2, "little")
        difference = state_after(int.from_bytes(first, "little")) ^ state_after(int.from_bytes(other, "little"))
        cancelled = (int.from_bytes(second, "little") ^ difference).to_bytes(8, "little")
        records = [first + second + third, other + cancelled + third]
        pairs = [*map(pair_of, records)]
        if cancelled[6:7] == b"g" and all(np.isfinite(pairs).flat):
            assert code_of(records[0]) == code_of(records[1])
            return pairs
    raise AssertionError("no collision found")


@pytest.mark.parametrize("shuffled", [False, True])
def test_unequal_answers_with_equal_codes_are_told_apart(shuffled: bool) -> None:
    one, other = colliding_pairs()
    answers = [one, other, one, other, other] * 3
    groups = np.repeat(np.arange(3), 5)
    order = np.random.default_rng(0).permutation(15) if shuffled else np.arange(15)
    answers, groups = [answers[i] for i in order], groups[order]
    arranged = arrange(groups)
    assert serial.serialize([answers], None, *arranged) is None
    assert serial.serialize([[one] * 3], other, None, np.array([0, 3])) is None
    assert serial.serialize([[one, other]], None, None, np.array([0, 1, 2])) is not None
    with oracle.using("fast"):
        scores = polyest.rewards(answers, groups, "log", "harmonic")
    c = polyest.load("log", 5, "harmonic").coefficients
    np.testing.assert_array_equal(scores, [c[1] if answer == one else c[2] for answer in answers])


def test_words_are_hashed_as_in_this_file() -> None:
    for answer, record in (("abcdefgh", b"u\x08\0\0\0abcdefgh"), (7, b"i\x07\0\0\0"), (None, b"N")):
        codes, *_ = serial.serialize([[answer]], None, None, np.array([0, 1]))
        assert codes.tolist() == [code_of(record)]


def test_an_answer_may_be_long_but_not_for_ever() -> None:
    for length, is_read in ((10**5, True), (1 << 24, False)):
        answers = ["a" * length, "a" * length, "a" * (length - 1) + "b"]
        found = serial.serialize([answers], None, None, np.array([0, 3]))
        assert (found is not None) == is_read
        if found:
            assert partition(found[0].tolist(), [0] * 3) == [0, 0, 2]


@pytest.mark.parametrize("rows", [5, 3000])
def test_rows_of_any_number_and_large_groups(rows: int) -> None:
    rng = np.random.default_rng(rows)
    answers = [f"{n}" * (n % 40) for n in rng.integers(0, rows, rows).tolist()]
    for groups in (rng.integers(0, 2, rows), np.zeros(rows, np.int64), rng.permutation(rows // 2 * 2 + 1)[:rows] // 2):
        order, starts = arrange(groups)
        codes, *_ = serial.serialize([answers], None, order, starts)
        keys = [*zip(groups.tolist(), answers, strict=True)]
        assert len(set(keys)) == len({*zip(groups.tolist(), codes.tolist(), strict=True)})

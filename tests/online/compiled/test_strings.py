"""Strings read as bytes: the same partition as Python's equality makes, or left to the dictionary."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import oracle
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import polyest
from polyest.online.compiled import strings
from polyest.online.numpy_backend import arrange

words = st.sampled_from(
    [*"ab[(", "é", "", "ab", "1234567", "12345678", "123456789", "日本", "日本語日本語", "\ud800", "\udfff"]
)


class Loose(str):
    """Equal to everything that has the same first letter."""

    def __eq__(self, other: object) -> bool:
        return str(other)[:1] == self[:1]

    def __hash__(self) -> int:
        return hash(self[:1])


def partition(codes: list[Any], groups: list[int]) -> list[int]:
    """The first completion of the same group with the same code."""
    pairs = list(zip(codes, groups, strict=True))
    return [pairs.index(pair) for pair in pairs]


@pytest.mark.slow
@given(st.lists(words, max_size=30), st.integers(1, 3), st.randoms())
@example(["a", "b", "a"], 1, random.Random(0))
@example(["", "", "a"], 1, random.Random(0))
def test_strings_read_as_bytes_have_the_partition_of_python(answers: list[str], kinds: int, rng: Any) -> None:
    groups = [rng.randrange(kinds) for _ in answers]
    codes = strings.read_strings([answers], *arrange(np.array(groups, np.int64)))
    assert partition(codes.tolist(), groups) == partition(answers, groups)


@pytest.mark.parametrize("odd", [None, 1, b"a", "a\0", "\0", ("a",), float("nan")], ids=repr)
def test_what_is_no_plain_string_is_left_to_the_dictionary(odd: Any) -> None:
    for answers in ([odd], ["a", odd], [*"ab" * 150, odd, "a"]):
        assert strings.read_strings([answers], None, np.array([0, len(answers)])) is None


def test_subclasses_of_str_are_compared_as_they_say() -> None:
    with oracle.using("compiled"):
        scores = polyest.rewards([Loose("ab"), "b", Loose("ac"), "b"], [1, 2, 1, 2], "log", "harmonic")
    assert scores.tolist() == [0.0, 0.0, 0.0, 0.0]


def test_many_lists_are_read_as_one() -> None:
    lists = [["a", "b"], ["b", "b"], ["(", "["]]
    codes = strings.read_strings(lists, None, np.array([0, 2, 4, 6]))
    assert partition(codes.tolist(), [0] * 6) == [0, 1, 1, 1, 4, 5]


def same_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    def mark_all(data: Any, secret: int, marks: Any) -> int:
        end = plain(data, secret, marks)
        marks[:, 0] = 7
        return end

    plain = strings.mark_all
    monkeypatch.setattr(strings, "mark_all", mark_all)


@pytest.mark.parametrize("length", [*range(10), 15, 16, 17, 40])
def test_of_strings_with_equal_hashes_every_byte_is_compared(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    same_hash(monkeypatch)
    one = "x" * length
    others = [one[:i] + "y" + one[i + 1 :] for i in range(length)] + [one + "x", one + "xxxxxxxx", one[1:]]
    for other in {*others} - {one}:
        assert strings.read_strings([[one, one, other]], None, np.array([0, 3])) is None
        assert strings.read_strings([[one, one, other, other]], None, np.array([0, 2, 4])) is not None


def test_hashes_have_a_key_and_all_their_bits() -> None:
    """Among 4,096 strings, of which no two have equal hashes, each of 64 bits is set in 1,761 to 2,335.

    An error has probability 64 x 2 x P(|Z| > 9.0) < 1e-16 if bits are fair.
    """
    data = np.frombuffer(b"".join(b"%d\0" % n for n in range(4096)) + bytes(8), np.uint8)
    marks = np.empty((2, 4096, 2), np.int64)
    for secret in (0, 1):
        strings.mark_all(data, secret, marks[secret])
    codes = marks[..., 0].view(np.uint64)
    assert len({*codes[0].tolist()}) == 4096
    bits = (codes[0][:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    assert np.all(np.abs(bits.sum(axis=0) - 2048.0) < 287)
    assert not np.any(codes[0] == codes[1])


def test_unequal_strings_with_equal_hashes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    same_hash(monkeypatch)
    one, other = "12 apples", "12 pears."
    answers = [one, other, one, other, other] * 3
    groups = np.repeat(np.arange(3), 5)
    order = np.random.default_rng(0).permutation(15)
    answers, groups = [answers[i] for i in order], groups[order]
    assert strings.read_strings([answers], *arrange(groups)) is None
    assert strings.read_strings([[one, other]], None, np.array([0, 1, 2])) is not None
    with oracle.using("compiled"):
        scores = polyest.rewards(answers, groups, "log", "harmonic")
    c = polyest.load("log", 5, "harmonic").coefficients
    np.testing.assert_array_equal(scores, [c[1] if answer == one else c[2] for answer in answers])


@pytest.mark.parametrize("rows", [5, 3000])
def test_rows_of_any_number_and_large_groups(rows: int) -> None:
    rng = np.random.default_rng(rows)
    answers = [f"{n}" * (n % 40) for n in rng.integers(0, rows, rows).tolist()]
    for groups in (rng.integers(0, 2, rows), np.zeros(rows, np.int64), rng.permutation(rows // 2 * 2 + 1)[:rows] // 2):
        codes = strings.read_strings([answers], *arrange(groups))
        keys = [*zip(groups.tolist(), answers, strict=True)]
        assert len(set(keys)) == len({*zip(groups.tolist(), codes.tolist(), strict=True)})

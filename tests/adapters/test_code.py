"""The code that carries a reward and an answer through a float32."""

from __future__ import annotations

import functools
import hashlib
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from polyest.adapters.code import (
    CHECKS,
    IDENTITIES,
    NO_ANSWER,
    SPAN,
    UNIT,
    code,
    decode,
    encode,
    identity,
    is_code,
)
from polyest.errors import ArgumentError

ANSWERS = st.one_of(st.none(), st.integers(), st.text(), st.tuples(st.text(), st.fractions()), st.booleans())
EIGHTHS = st.integers(-15, 15).map(lambda k: k / 8)


@functools.cache
def all_codes() -> np.ndarray:
    """A row for each reward from −15/8 to 15/8, a column for each identity from 1."""
    return np.array([[code(k / 8, i) for i in range(1, SPAN)] for k in range(-15, 16)])


def some_codes() -> np.ndarray:
    return np.random.default_rng(3).choice(all_codes().ravel(), 4000)


def float32(code: float) -> np.ndarray:
    """What becomes of a score in verl: a float32, added to the zeros of the other tokens."""
    return np.array([0, code, 0, 0], np.float32).sum(dtype=np.float32)


@given(EIGHTHS, ANSWERS)
@example(15 / 8, None)
@example(-15 / 8, None)
def test_codes_survive_float32_exactly_and_stay_near_the_reward(reward: float, answer: Any) -> None:
    code = encode(reward, answer)
    assert float(float32(code)) == code
    assert 0 < abs(code - reward) <= 1 / 16
    decoded = decode(np.array([float32(code)]))
    assert decoded.rewards.tolist() == [reward]
    assert decoded.identities.tolist() == [identity(answer)]
    assert (identity(answer) == NO_ANSWER) == (answer is None)


@pytest.mark.slow
def test_every_identity_survives_next_to_every_reward() -> None:
    identities = np.arange(1, SPAN)
    assert len(identities) == IDENTITIES + 1  # and no answer
    for eighths, codes in zip(range(-15, 16), all_codes(), strict=True):
        decoded = decode(codes.astype(np.float32))
        np.testing.assert_array_equal(decoded.identities, identities)
        np.testing.assert_array_equal(decoded.rewards, eighths / 8)


@given(ANSWERS)
def test_equal_answers_have_equal_identities(answer: Any) -> None:
    assert identity(answer) == identity(answer if answer is None else type(answer)(answer))


@pytest.mark.parametrize("answer", ["a", "b" * 100, 7, -(2**100), 2**200, 0.5, ("a", 7), b"x"])
def test_an_answer_is_hashed_once(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, blake2b = [], hashlib.blake2b
    monkeypatch.setattr(hashlib, "blake2b", lambda *args, **options: calls.append(args) or blake2b(*args, **options))
    assert 0 < identity(answer) < NO_ANSWER
    assert len(calls) == 1


@pytest.mark.parametrize("made", [lambda i: f"answer {i}", int, lambda i: 2046 * i, lambda i: i / 2001], ids=range(4))
def test_collisions_are_as_frequent_as_stated(made: Any) -> None:
    """Pairs of n = 2000 answers collide with probability 1/2046: 977 pairs expected, standard deviation 31."""
    n = 2000
    _, counts = np.unique([identity(made(i)) for i in range(n)], return_counts=True)
    pairs, expected = int((counts * (counts - 1) // 2).sum()), n * (n - 1) / 2 / IDENTITIES
    assert abs(pairs - expected) < 5 * math.sqrt(
        expected
    )  # fails with probability 6e-7; fixed answers, so never or always


@pytest.mark.slow
def test_identities_are_the_same_in_every_process() -> None:
    code = "from polyest.adapters.code import identity; print(identity('a'), identity((1, 'b')), identity(0.5))"
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert run.stdout.split() == [str(identity(answer)) for answer in ("a", (1, "b"), 0.5)]


@pytest.mark.parametrize(
    "reward", [0.1, 2, -1.9, float("nan"), float("inf"), None, "1", [1], 10**400, np.bytes_(b"1"), np.complex64(1)]
)
def test_rewards_that_do_not_fit_are_refused(reward: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`correctness` must return a multiple of 1/8 between −1.875 and 1.875"):
        encode(reward, "a")


@pytest.mark.parametrize(
    "score", [0.0, 1.0, -1.0, 0.3, 2.5, np.nan, np.inf, encode(1, "a") - 0.17, 1 / 16, -3 / 16, 1 / 4096, 0.1, 1 / 3]
)
def test_scores_that_are_no_codes_are_refused(score: float) -> None:
    with pytest.raises(ArgumentError, match=r"`token_level_rewards` must sum to the codes.*in 1 of 2"):
        decode(np.array([encode(1, "a"), score]))


def test_no_multiple_of_1_4096_is_a_code() -> None:
    """Rewards of other functions: 0, 1, −1, 0.5, odd multiples of 1/16, and what overlong penalties add up to."""
    assert not is_code(np.arange(-3 * 4096, 3 * 4096) / 4096).any()


@pytest.mark.slow
def test_a_penalty_of_n_4096_is_refused_whatever_it_is_added_to() -> None:
    """All n of DAPO's buffer of 4096 tokens; a multiple of 1/8 is the reward with it taken off."""
    codes = some_codes()
    for n in range(1, 4097):
        scores = (codes - n / 4096).astype(np.float32)
        accepted = is_code(scores)
        if n % 512:
            assert not accepted.any()
        else:
            before, after = decode(codes[accepted]), decode(scores[accepted])
            np.testing.assert_array_equal(after.rewards, before.rewards - n / 4096)
            np.testing.assert_array_equal(after.identities, before.identities)
            assert (decode(codes[~accepted]).rewards - n / 4096 < -15 / 8).all()


@pytest.mark.slow
def test_any_other_constant_is_refused_but_for_few_identities() -> None:
    """How many of the 2047 identities are others after a shift by d units, for all 2²⁰ d: 17 at most, 4 on average."""
    places = (CHECKS * SPAN + np.arange(SPAN))[1:]
    shifts = np.bincount(((places[:, None] - places) % 2**20).ravel(), minlength=2**20)
    assert shifts[0] == SPAN - 1
    assert shifts[SPAN::SPAN].max() == 0
    assert shifts[1:].max() == 17
    assert shifts[np.arange(2**20) % SPAN != 0].mean() < 4


@pytest.mark.slow
@pytest.mark.parametrize("constant", [0.1, -0.1, 1 / 3, 1e-3, 7e-7, -0.25 + 1e-6, 2**-13, 3 * 2**-20, UNIT])
def test_a_constant_added_to_codes_is_refused(constant: float) -> None:
    assert is_code((all_codes() + constant).astype(np.float32)).mean() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.5, 2, -1, 0.9, 1.1, 1 / 3, 0.25, 0.1])
def test_a_factor_times_codes_is_refused(factor: float) -> None:
    assert is_code((all_codes() * factor).astype(np.float32)).mean() < 0.01


@pytest.mark.slow
def test_random_numbers_are_codes_with_the_stated_probability() -> None:
    """31·2047/2²⁵ of the multiples of 2⁻²³ in (−2, 2): 1891 expected of a million, standard deviation 43."""
    units = np.random.default_rng(5).integers(-(2**24) + 1, 2**24, 10**6)
    assert abs(is_code(units * UNIT).sum() - 10**6 * 31 * 2047 / 2**25) < 5 * 43.5
    numbers = np.random.default_rng(6).uniform(-2, 2, 10**6).astype(np.float32)
    assert is_code(numbers).mean() < 31 * 2047 / 2**25


def test_sums_of_two_codes_are_refused() -> None:
    codes = some_codes()
    assert is_code((codes + np.roll(codes, 1)).astype(np.float32)).mean() < 0.01

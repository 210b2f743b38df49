"""One float32 that carries a reward and the identity of an answer.

verl and SkyRL hand an advantage estimator nothing of a completion but the sum of its token-level rewards, a float32: of
what else a reward function returns, only verl's estimator named ``gdpo`` is shown a column, and its default trainer
fills none. The code is

    reward + (check·2¹¹ + identity)·2⁻²³,    reward = k/8 with |k| ≤ 15,   identity in 1, …, 2¹¹ − 1,

check·2¹¹ + identity taken modulo 2²⁰ as a number in [−2¹⁹, 2¹⁹), so that |code| < 2 is an integer of 24 bits times
2⁻²³: exact in float32, and in every sum with zeros. It differs from the reward by at most 1/16. The 9 bits of the check
are a fixed random function of the identity. Hence

- a multiple of 2⁻¹² (a plain reward 0, 1, 0.5, 1/16, …) is never a code;
- a code plus a multiple of 2⁻¹² keeps its identity, and so its check fails, but for multiples of 1/8: these give the
  code of the same answer and of the reward with the multiple added, as if the reward function had returned it;
- a code plus any other constant is a code for at most 17 of the 2047 identities (0.8 %), and 0.2 % on average over
  constants; a random number in (−2, 2) is a code with probability 31·2047/2²⁵ = 0.19 %, for some if rounded to float32.

The identity 2¹¹ − 1 stands for "no answer". The others are a hash, the same in every process: two different answers
have the same one with probability ε = 1/2046 = 0.049 %. That is as if the probability p of an answer were p + ε(1 − p)
on average, which for `log` adds at most ε to a worst-case bias, of 3.1e-3 for K = 16 and 5.5e-4 for K = 64.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple, SupportsFloat

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.identity import INTEGER, NOTHING, row_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float64] | NDArray[np.float32]

__all__ = ["IDENTITIES", "NO_ANSWER", "Decoded", "code", "decode", "encode", "identity", "is_code", "read_reward"]

UNIT = 2.0**-23
CELL = 2**20  # 1/8 in units
LARGEST = 15  # the largest |k|
SPAN = 2**11  # of identities
NO_ANSWER = SPAN - 1
FLOATABLE = (str, bytes, np.complexfloating)  # numpy's have __float__, and are no rewards
IDENTITIES = SPAN - 2  # all but 0 and NO_ANSWER
CHECKS = np.frombuffer(hashlib.shake_128(b"polyest").digest(2 * SPAN), "<u2").astype(np.int64) % (CELL // SPAN)


class Decoded(NamedTuple):
    """What codes carry; arrays have their shape.

    Attributes:
        rewards: float64.
        identities: int64; `NO_ANSWER` for a completion without an answer.
    """

    rewards: NDArray[np.float64]
    identities: NDArray[np.int64]


def encode(reward: object, answer: Hashable) -> float:
    """The code of a reward and an answer (None or NaN for no answer).

    Raises:
        ArgumentError: the reward is no multiple of 1/8 within ±1.875, or the answer cannot be hashed.

    >>> code = encode(1.0, "42")
    >>> abs(code - 1.0) <= 1 / 16
    True
    >>> decode(np.array([code])).rewards.tolist()
    [1.0]
    """
    return code(read_reward(reward), identity(answer))


def code(reward: float, identity: int) -> float:
    """The code of a reward, as `read_reward` returns it, and an identity."""
    return float(_code(np.asarray(reward), np.asarray(identity)))


def decode(codes: Scores) -> Decoded:
    """The rewards and identities that codes carry.

    Raises:
        ArgumentError: a number is no code.
    """
    wrong = ~is_code(codes)
    if wrong.any():
        raise ArgumentError(
            "`token_level_rewards` must sum to the codes that polyest's reward function returns, got "
            f"{codes[wrong].ravel()[0].item()!r} in {int(wrong.sum())} of {wrong.size} completions; make the scores "
            "with the adapter's reward_function or encode, and let nothing (overlong penalty, …) be added to them"
        )
    return _read(np.asarray(codes, np.float64))


def is_code(scores: Scores) -> NDArray[np.bool_]:
    """Which numbers are codes."""
    near = np.abs(scores) < 2  # not so NaN
    read = _read(np.where(near, np.asarray(scores, np.float64), 0))
    found: NDArray[np.bool_] = near & (np.abs(read.rewards) <= LARGEST / 8) & (_code(*read) == scores)
    return found & (read.identities > 0)


def _read(codes: NDArray[np.float64]) -> Decoded:
    units = np.rint(codes / UNIT).astype(np.int64)
    return Decoded((units + CELL // 2) // CELL / 8, units % SPAN)


def _code(rewards: NDArray[np.float64], identities: NDArray[np.int64]) -> NDArray[np.float64]:
    within = CHECKS[identities] * SPAN + identities
    result: NDArray[np.float64] = rewards + ((within + CELL // 2) % CELL - CELL // 2) * UNIT
    return result


def identity(answer: Hashable) -> int:
    """The integer of an answer, equal where the answers are equal, in every process; `NO_ANSWER` for None and NaN.

    >>> identity(7) == identity(7.0) != identity("7")
    True
    """
    kind, high, low = row_of(answer, "extract")
    if kind == NOTHING:
        return NO_ANSWER
    if kind == INTEGER:
        low = int.from_bytes(hashlib.blake2b(b"%d %d" % (high, low), digest_size=8).digest(), "big")
    return low % IDENTITIES + 1


def read_reward(reward: object) -> float:
    """What `correctness` returned.

    Raises:
        ArgumentError: it is no multiple of 1/8 within ±1.875.
    """
    try:
        is_refused = isinstance(reward, FLOATABLE)
        eighths = float(reward) * 8 if isinstance(reward, SupportsFloat) and not is_refused else math.nan
    except (TypeError, ValueError, OverflowError):
        eighths = math.nan
    if not eighths.is_integer() or abs(eighths) > LARGEST:
        raise ArgumentError(
            f"`correctness` must return a multiple of 1/8 between −{LARGEST / 8} and {LARGEST / 8}, got "
            f"{shortened(reward)}; round it, and scale it by `reward_weight`"
        )
    return eighths / 8

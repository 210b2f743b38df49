"""One float32 that carries a reward and the identity of an answer.

verl hands an advantage estimator nothing of a completion but the sum of its token-level rewards, a float32. The code is

    reward + identity·2⁻²²,    reward = k/8 with |k| ≤ 15,   identity an integer, 0 < |identity| ≤ 2¹⁸,

so that |code| < 2 is an integer of at most 23 bits times 2⁻²²: exact in float32, and in every sum with zeros. It
differs from the reward by at most 1/16. The identity 0 is never used, so that the plain rewards of another reward
function are recognised and refused; −2¹⁸ stands for "no answer". An answer's identity is a hash, the same in every
process: two different answers have the same one with probability 1/524286 ≈ 1.9e-6, and among n of them there is such
a pair with probability below n²/2²⁰ (n ≥ 2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from polyest.adapters._stable import NOTHING, rows_of_items
from polyest.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["IDENTITIES", "NO_ANSWER", "Decoded", "decode", "encode", "identity"]

UNIT = 2.0**-22
CELL = 2**19  # 1/8 in units
LARGEST = 15  # the largest |k|
NO_ANSWER = -CELL // 2
IDENTITIES = CELL - 2  # all but 0 and NO_ANSWER


class Decoded(NamedTuple):
    """What codes carry; arrays have their shape.

    Attributes:
        rewards: float64.
        identities: int64; `NO_ANSWER` for a completion without an answer.
    """

    rewards: NDArray[np.float64]
    identities: NDArray[np.int64]


def encode(reward: Any, answer: Hashable) -> float:
    """The code of a reward and an answer (None or NaN for no answer).

    Raises:
        ArgumentError: the reward is no multiple of 1/8 within ±1.875, or the answer cannot be hashed.

    >>> code = encode(1.0, "42")
    >>> abs(code - 1.0) <= 1 / 16
    True
    >>> decode(np.array([code])).rewards.tolist()
    [1.0]
    """
    return (_eighths(reward) * CELL + identity(answer)) * UNIT


def decode(codes: NDArray[Any]) -> Decoded:
    """The rewards and identities that codes carry.

    Raises:
        ArgumentError: a number is no code.
    """
    scaled = np.asarray(codes, np.float64) / UNIT
    whole = np.isfinite(scaled) & (np.abs(scaled) < 2 / UNIT) & (scaled == np.rint(scaled))
    units = np.where(whole, scaled, 0).astype(np.int64)
    eighths = (units + CELL // 2) // CELL
    identities = units - eighths * CELL
    wrong = ~whole | (identities == 0) | (np.abs(eighths) > LARGEST)
    if wrong.any():
        raise ArgumentError(
            "`token_level_rewards` must sum to the codes that polyest's reward function returns, got "
            f"{codes[wrong].ravel()[0].item()!r} in {int(wrong.sum())} of {wrong.size} completions; make compute_score "
            "with polyest.adapters.verl.reward_function, and let nothing (overlong penalty, …) be added to its score"
        )
    return Decoded(eighths / 8, identities)


def identity(answer: Hashable) -> int:
    """The integer of an answer, equal where the answers are equal, in every process; `NO_ANSWER` for None and NaN.

    >>> identity(7) == identity(7.0) != identity("7")
    True
    """
    row = rows_of_items([answer], "answer")[0]
    if row[0] == NOTHING:
        return NO_ANSWER
    digest = int.from_bytes(hashlib.blake2b(row.astype("<i8").tobytes(), digest_size=16).digest(), "big")
    positive = digest % IDENTITIES + 1  # 1, …, 2¹⁹ − 2
    return positive if positive < CELL // 2 else positive - CELL + 1


def _eighths(reward: Any) -> int:
    try:
        eighths = float(reward) * 8
    except (TypeError, ValueError, OverflowError):
        eighths = float("nan")
    if isinstance(reward, str) or not eighths.is_integer() or abs(eighths) > LARGEST:
        raise ArgumentError(
            f"`correctness` must return a multiple of 1/8 between −{LARGEST / 8} and {LARGEST / 8}, got {reward!r}; "
            "round it, and scale it by algorithm.polyest.reward_weight"
        )
    return int(eighths)

"""Prompts and answers as 63-bit integers that are the same in every process: what a history remembers of them.

Equal things have equal fingerprints. Two that differ share one with probability 2^−63: answers are compared within a
pool only, so that a pool of N has a false match with probability below N²/2^64, 3e-14 for N = 1,024, and 100,000
prompts share a key with probability 1e-9 all together.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, cast

import numpy as np

from polyest.arrays import read_ids, read_nested
from polyest.identity import NOTHING, rows_of_array, rows_of_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.answers import AnswersLike

    Codes = NDArray[np.int64]
    Bits = NDArray[np.uint64]

__all__ = ["NO_ANSWER", "fingerprints", "mixed", "read"]

NO_ANSWER = -1
# Steele, Lea and Flood (2014), doi:10.1145/2660193.2660195, with the constants of Java's SplittableRandom
GOLDEN, FIRST, SECOND = (np.uint64(word) for word in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def read(things: AnswersLike, argument: str) -> Codes:
    """The fingerprints of an integer, string or object array, or of nested lists of hashable things, in their shape.

    >>> read([["a", None], [7, 7.0]], "answers").shape
    (2, 2)

    Raises:
        ArgumentError: an array of floats, what cannot be hashed, or rows of different lengths.
    """
    if isinstance(things, list):
        rows, shape = read_nested(things, argument, "pass flat answers, and the prompt of each")
        return fingerprints(rows_of_items([*chain.from_iterable(rows)], argument)).reshape(shape)
    array = read_ids(things, argument)
    if array.dtype.kind not in "iub":
        return fingerprints(rows_of_items(array.reshape(-1).tolist(), argument)).reshape(array.shape)
    integers = cast("NDArray[np.integer]", array.reshape(-1))
    return fingerprints(rows_of_array(integers)).reshape(array.shape)


def fingerprints(rows: Codes) -> Codes:
    """Those of rows of `polyest.identity`, shape (N, 3); `NO_ANSWER` for no answer."""
    kind, high, low = rows.view(np.uint64).T
    found = (mixed(low ^ mixed(high + kind)) >> np.uint64(1)).astype(np.int64)
    return np.where(kind == NOTHING, NO_ANSWER, found)


def mixed(bits: Bits) -> Bits:
    """A permutation of the 64-bit integers that looks random."""
    z = bits + GOLDEN
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return z ^ (z >> np.uint64(31))

"""Arranging ragged rows group by group, in numba: runs of equal ids, numbered by a hash table, counted by number."""

from __future__ import annotations

# numba infers the types of these functions:
# mypy: disable-error-code="no-untyped-def, call-arg, assignment, unreachable, var-annotated"
from typing import TYPE_CHECKING

import numpy as np
from numba.cpython.unsafe.numbers import trailing_zeros

from polyest.online.compiled.hashing import are_distinct, numbered
from polyest.online.compiled.jit import inlined, jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Codes

__all__ = ["arrange", "count_sizes", "counting_sort", "sort_rows"]

ZERO, ONE, WORD = np.uint64(0), np.uint64(1), np.uint64(64)
SAMPLE = 1 << 16  # rows that are looked at first: how many runs they are; runs: in shuffled rows two have equal ids


@inlined
def marks(ids, first, size):
    """A word of bits: which of ids[first : first + size] differ from the id before."""
    word = ZERO
    for k in range(size):
        word |= np.uint64(ids[first + k] != ids[first + k - ONE]) << k
    return word


@jit
def find_runs(ids, starts, heads):
    """Write where runs of equal ids begin, and the end, and the id of each run.

    Returns how many there are, and whether their ids ascend; 0 if they may not have room.
    """
    size, count, ascend = np.uint64(ids.shape[0]), ZERO, True
    if size:
        starts[0], heads[0], count = 0, ids[0], ONE
    for first in range(ONE, size, WORD):
        if count + WORD >= np.uint64(starts.shape[0]):
            return ZERO, False
        word = marks(ids, first, WORD) if size - first >= WORD else marks(ids, first, size - first)
        while word:
            place = first + np.uint64(trailing_zeros(word))
            here = ids[place]
            ascend &= here >= heads[count - ONE]
            starts[count], heads[count], count, word = place, here, count + ONE, word & (word - ONE)
    starts[count] = size
    return count, ascend


@jit
def counting_sort(values, lowest, span):
    """(order, starts) of values, 0 ≤ value − lowest ≤ span, stably."""
    places, order = np.zeros(span + 1, np.int64), np.empty(values.shape[0], np.int64)
    starts = np.empty(span + 2, np.int64)
    for value in values:
        places[np.uint64(value - lowest)] += 1
    groups, total = ZERO, 0
    for place in range(places.shape[0]):
        size = places[place]
        starts[groups], places[place] = total, total
        groups, total = groups + np.uint64(size != 0), total + size
    starts[groups] = total
    for i in range(values.shape[0]):
        place = np.uint64(values[i] - lowest)
        order[places[place]] = i
        places[place] += 1
    return order, starts[: groups + ONE]


@jit
def count_sizes(starts):
    """See `polyest.online.numpy_backend.count_sizes`, as below."""
    largest = 0
    for g in range(starts.shape[0] - 1):
        largest = max(largest, starts[g + 1] - starts[g])
    counts = np.zeros(largest + 1, np.int64)
    for g in range(starts.shape[0] - 1):
        counts[np.uint64(starts[g + 1] - starts[g])] += 1
    return counts


def arrange(ids: Codes) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """See `polyest.online.numpy_backend.arrange`."""
    ids = np.require(ids, np.int64, ["C", "A", "W"])
    first = ids[:SAMPLE]
    edges = np.count_nonzero(first[1:] != first[:-1])
    for runs in 5 * edges * len(ids) // (4 * len(first) or 1), len(ids):  # new memory costs more than writing to it
        starts, heads = np.empty((2, min(runs, len(ids)) + 2 * int(WORD)), np.int64)
        count, ascend = find_runs(ids, starts, heads)
        if count:
            break
    starts, heads = starts[: count + 1], heads[:count]
    if ascend or (are_distinct(heads[:SAMPLE].copy()) and are_distinct(heads)):
        return None, starts
    is_shuffled = 2 * count > len(ids)
    order, groups = sort_rows(ids if is_shuffled else ids[starts[:-1]])
    if len(groups) == len(starts):
        return None, starts
    if is_shuffled:
        return order, groups
    lengths = np.diff(starts)[order]
    begins = np.concatenate([[0], np.cumsum(lengths)])
    return np.arange(len(ids)) + np.repeat(starts[order] - begins[:-1], lengths), begins[groups]


def sort_rows(ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An order in which equal ids lie together, each in order of appearance, and where each id begins in it."""
    lowest = int(ids.min())
    span = int(ids.max()) - lowest
    if span >= 2 * len(ids):
        ids, count = numbered(ids)
        lowest, span = 0, count - 1
    order, starts = counting_sort(ids, lowest, span)
    return order, starts

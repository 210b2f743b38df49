"""Arranging ragged rows group by group, in numba: runs of equal ids, numbered by a hash table, counted by number."""

from __future__ import annotations

# numba infers the types of these functions:
# mypy: disable-error-code="no-untyped-def, assignment, unreachable, var-annotated"
from typing import TYPE_CHECKING

import numpy as np

from polyest.online.compiled.counting import SOON
from polyest.online.compiled.distinct import are_distinct, mixed
from polyest.online.compiled.jit import jit
from polyest.online.compiled.llvm import WORD, changes, prefetch, trailing_zeros

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Codes, Integers

__all__ = ["arrange", "counting_sort", "gather", "numbered", "scatter", "sort_rows", "tally"]

ZERO, ONE, TWO = (np.uint64(n) for n in (0, 1, 2))
FEWEST_BITS = 12  # of a slot in a hash table
NEAR = 32  # ids whose slots are asked for together
LINE, AHEAD = np.uint64(8), np.uint64(512)  # ids in a line of the cache; how far ahead lines are asked for


@jit
def find_runs(ids, limit, starts, heads):
    """Where runs of equal ids begin, and the end, into `starts`; how many there are, and whether ids ascend.

    It stops when there are more than `limit`. Their ids go into `heads`; if that is None, it stops where ids descend.
    """
    length, most = np.uint64(ids.shape[0]), np.uint64(limit)
    starts[0], runs, i, ascending = 0, np.uint64(min(ids.shape[0], 1)), ONE, True
    if heads is not None and ids.shape[0]:
        heads[0] = ids[0]
    while i + np.uint64(WORD) <= length and runs <= most and ascending:
        for line in range(i + AHEAD, i + AHEAD + np.uint64(WORD), LINE):
            prefetch(ids, line)  # type: ignore[call-arg]
        bits = changes(ids, i)  # type: ignore[call-arg]
        while bits != ZERO:
            here = i + trailing_zeros(bits)
            starts[runs] = here
            if heads is not None:
                heads[runs] = ids[here]
            else:
                ascending &= ids[here] > ids[here - ONE]
            runs += ONE
            bits &= bits - ONE
        i += np.uint64(WORD)
    while i < length and runs <= most and ascending:
        starts[runs] = i
        if heads is not None:
            heads[runs] = ids[i]
        else:
            ascending &= ids[i] >= ids[i - ONE]
        runs += np.uint64(ids[i] != ids[i - ONE])
        i += ONE
    starts[runs] = ids.shape[0]
    return runs, ascending


@jit
def tally(starts):
    """See `polyest.online.numpy_backend.tally`."""
    largest = np.int64(0)
    for g in range(starts.shape[0] - 1):
        largest = max(largest, starts[g + 1] - starts[g])
    counts = np.zeros(largest + 1, np.int64)
    for g in range(starts.shape[0] - 1):
        counts[np.uint64(starts[g + 1] - starts[g])] += 1
    return counts


@jit
def table_of(keys, bits):
    """A hash table of keys that are all different: a slot is a key, and its number plus one, or zero."""
    slots, shift, mask = np.zeros(2 << bits, np.int64), np.uint64(64 - bits), np.uint64((1 << bits) - 1)
    for number in range(keys.shape[0]):
        slot = mixed(np.uint64(keys[number])) >> shift
        while slots[TWO * slot + ONE]:
            slot = (slot + ONE) & mask
        slots[TWO * slot], slots[TWO * slot + ONE] = keys[number], number + 1
    return slots


@jit
def numbered(ids):
    """Ids numbered 0, 1, … by first appearance, and how many there are; the hash table grows with them."""
    numbers, keys, count, bits = np.empty(ids.shape[0], np.int64), np.empty(ids.shape[0], np.int64), 0, FEWEST_BITS
    slots = table_of(keys[:0], bits)
    for first in range(0, ids.shape[0], NEAR):
        if 2 * (count + NEAR) > 1 << bits:
            bits += 2
            slots = table_of(keys[:count], bits)
        shift, mask = np.uint64(64 - bits), np.uint64((1 << bits) - 1)
        near = ids[first : first + NEAR]
        for key in near:
            prefetch(slots, TWO * (mixed(np.uint64(key)) >> shift))  # type: ignore[call-arg]
        for j in range(near.shape[0]):
            slot = mixed(np.uint64(near[j])) >> shift
            while slots[TWO * slot + ONE] and slots[TWO * slot] != near[j]:
                slot = (slot + ONE) & mask
            if not slots[TWO * slot + ONE]:
                keys[count], count = near[j], count + 1
                slots[TWO * slot], slots[TWO * slot + ONE] = near[j], count
            numbers[first + j] = slots[TWO * slot + ONE] - 1
    return numbers, count


@jit
def counting_sort(values, lowest, span, index):
    """(order, starts) of values, 0 ≤ value − lowest ≤ span, stably; `index` is the type of the order."""
    places, order = np.zeros(span + 1, index), np.empty(values.shape[0], index)
    starts = np.empty(span + 2, np.int64)
    for value in values:
        places[np.uint64(value - lowest)] += index(1)
    groups, total = ZERO, index(0)
    for place in range(places.shape[0]):
        size = places[place]
        starts[groups], places[place] = total, total
        groups, total = groups + np.uint64(size != 0), total + size
    starts[groups] = total
    for i in range(values.shape[0]):
        place = np.uint64(values[i] - lowest)
        order[places[place]] = i
        places[place] += index(1)
    return order, starts[: groups + ONE]


@jit
def expand(order, runs, rows):
    """The rows of all runs, run by run in this order, into `rows`; returns where each run begins there."""
    starts = np.empty(order.shape[0] + 1, np.int64)
    row = 0
    for position in range(order.shape[0]):
        run = order[position]
        starts[position] = row
        for i in range(runs[run], runs[run + 1]):
            rows[row] = i
            row += 1
    starts[order.shape[0]] = row
    return starts


@jit
def gather(values, rows):
    """values[rows], without the test of every index that numpy makes."""
    result, size = np.empty(rows.shape[0], values.dtype), np.uint64(rows.shape[0])
    for i in range(ZERO, size):
        prefetch(values, np.uint64(rows[min(i + SOON, size - ONE)]))  # type: ignore[call-arg]
        result[i] = values[np.uint64(rows[i])]
    return result


@jit
def scatter(values, rows, out):
    """out[rows] = values, likewise."""
    size = np.uint64(rows.shape[0])
    for i in range(ZERO, size):
        prefetch(out, np.uint64(rows[min(i + SOON, size - ONE)]))  # type: ignore[call-arg]
        out[np.uint64(rows[i])] = values[i]


def arrange(ids: Codes) -> tuple[Integers | None, NDArray[np.int64]]:
    """See `polyest.online.numpy_backend.arrange`."""
    ids = np.ascontiguousarray(ids) if ids.dtype == np.int64 and ids.flags.writeable else ids.astype(np.int64)
    starts = np.empty(len(ids) + 1, np.int64)
    runs, ascending = find_runs(ids, len(ids), starts, None)
    if ascending:
        return None, starts[: runs + 1]
    most = len(ids) // 2 + WORD
    heads, starts = np.empty((2, most + WORD + 1), np.int64)
    runs, _ = find_runs(ids, most, starts, heads)
    if runs > most:
        return sort_rows(ids)
    heads, starts = heads[:runs], starts[: runs + 1]
    if are_distinct(heads):
        return None, starts
    order, groups = sort_rows(heads)
    if len(groups) == len(starts):
        return None, starts
    rows: Integers = np.empty(len(ids), _index(ids))
    return rows, expand(order, starts, rows)[groups]


def sort_rows(ids: NDArray[np.int64]) -> tuple[Integers, NDArray[np.int64]]:
    """An order in which equal ids lie together, each in order of appearance, and where each id begins in it."""
    lowest = int(ids.min())
    span = int(ids.max()) - lowest
    if span >= 2 * len(ids):
        ids, count = numbered(ids)
        lowest, span = 0, count - 1
    order, starts = counting_sort(ids, lowest, span, _index(ids))
    return order, starts


def _index(ids: Codes) -> type:
    """For places in `ids`."""
    return np.uint32 if len(ids) < 1 << 32 else np.int64

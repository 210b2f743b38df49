"""Arranging ragged rows group by group, in numba: a radix sort of the runs of equal group ids."""

from __future__ import annotations

# numba infers the types of these functions:
# mypy: disable-error-code="no-untyped-def, assignment, unreachable"
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.online.kernels import GOLDEN, inlined, jit
from polyest.online.vectors import WORD, changes, prefetch, trailing_zeros

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[Any]

__all__ = ["arrange", "gather", "radix_sort", "scatter", "tally"]

DIGIT_BITS = np.uint64(8)
DIGITS = 1 << 8
SLOTS, WORD_BITS, LAST_BIT = 16, np.uint64(6), np.uint64(WORD - 1)
MASK = np.uint64(DIGITS - 1)
ZERO, ONE, HALF = (np.uint64(n) for n in (0, 1, 32))
LINE, AHEAD = np.uint64(8), np.uint64(512)  # ids in a line of the cache; how far ahead lines are asked for


@jit
def run_starts(ids, limit):
    """Where runs of equal ids begin, and the end; nothing if there are more than `limit` runs. Whether ids ascend."""
    length, most = np.uint64(ids.shape[0]), np.uint64(limit)
    starts = np.empty(min(ids.shape[0], limit + WORD) + 1, np.int64)
    starts[0], runs, i, ascending = 0, np.uint64(min(ids.shape[0], 1)), ONE, True
    while i + np.uint64(WORD) <= length and runs <= most:
        for line in range(i + AHEAD, i + AHEAD + np.uint64(WORD), LINE):
            prefetch(ids, line)  # type: ignore[call-arg]
        bits: Any = changes(ids, i)  # type: ignore[call-arg]
        while bits != ZERO:
            here = i + trailing_zeros(bits)
            starts[runs] = here
            runs += ONE
            ascending &= ids[here] > ids[here - ONE]
            bits &= bits - ONE
        i += np.uint64(WORD)
    while i < length and runs <= most:
        starts[runs] = i
        runs += np.uint64(ids[i] != ids[i - ONE])
        ascending &= ids[i] >= ids[i - ONE]
        i += ONE
    starts[runs] = ids.shape[0]
    return starts[: runs + ONE if runs <= most else ZERO], ascending


@inlined
def has_bit(words, slot):
    return (words[slot >> WORD_BITS] >> (slot & LAST_BIT)) & ONE


@inlined
def set_bit(words, slot):
    words[slot >> WORD_BITS] |= ONE << (slot & LAST_BIT)


@jit
def are_distinct(ids):
    """Whether ids are all different: the few that share a slot of a hash are sorted. False too if they are not few."""
    bits, most = WORD_BITS, np.uint64(ids.shape[0] // 8)
    while SLOTS * ids.shape[0] >> np.int64(bits):
        bits += ONE
    shift, taken = np.uint64(64) - bits, np.zeros(1 << np.int64(bits - WORD_BITS), np.uint64)
    found, count = np.empty(ids.shape[0] + 1, np.uint64), ZERO
    for key in ids:
        slot = (np.uint64(key) * GOLDEN) >> shift
        found[count] = slot
        count += has_bit(taken, slot)
        set_bit(taken, slot)
    if count > most:
        return False
    taken[:] = 0
    for slot in found[:count]:
        set_bit(taken, slot)
    count = ZERO
    for key in ids:
        found[count] = key
        count += has_bit(taken, (np.uint64(key) * GOLDEN) >> shift)
    found = np.sort(found[:count])
    return not (found[1:] == found[:-1]).any()


@jit
def tally(starts):
    """See `polyest.online.twin.tally`."""
    largest = np.int64(0)
    for g in range(starts.shape[0] - 1):
        largest = max(largest, starts[g + 1] - starts[g])
    counts = np.zeros(largest + 1, np.int64)
    for g in range(starts.shape[0] - 1):
        counts[np.uint64(starts[g + 1] - starts[g])] += 1
    return counts


@jit
def places_of(keys, shift):
    """Where the first key with each digit goes."""
    places, total = np.zeros(DIGITS, np.uint64), ZERO
    for key in keys:
        places[(np.uint64(key) >> shift) & MASK] += ONE
    for digit in range(DIGITS):
        places[digit], total = total, total + places[digit]
    return places


@jit
def radix_sort(values, keys, order):
    """(keys, order) sorted stably by value, keys = value − least value; `keys` comes empty, `order` as 0, 1, …

    Least significant digit first, as many digits as the range of the values has.
    """
    lowest, highest = values.min(), values.max()
    span = np.uint64(highest) - np.uint64(lowest)
    for i in range(values.shape[0]):
        keys[i] = np.uint64(values[i]) - np.uint64(lowest)
    other_keys, other_order = np.empty_like(keys), np.empty_like(order)
    shift = ZERO
    while shift < np.uint64(64) and span >> shift != ZERO:
        places = places_of(keys, shift)
        for i in range(keys.shape[0]):
            digit = (np.uint64(keys[i]) >> shift) & MASK
            place = places[digit]
            places[digit] = place + ONE
            other_keys[place], other_order[place] = keys[i], order[i]
        keys, other_keys, order, other_order = other_keys, keys, other_order, order
        shift += DIGIT_BITS
    return keys, order


@jit
def sort_words(values, lowest, span, words, other, order, starts):
    """(order, starts) of fewer than 2^32 values, 0 ≤ value − lowest ≤ span < 2^32; the other arrays come empty.

    A word has the value in its upper half, its place in the lower one: both are moved at once.
    """
    size, shift = values.shape[0], HALF
    for i in range(size):
        words[i] = (np.uint64(values[i]) - np.uint64(lowest)) << HALF | np.uint64(i)
    while shift < np.uint64(64) and span >> (shift - HALF) != ZERO:
        places = places_of(words[:size], shift)
        for word in words[:size]:
            digit = (word >> shift) & MASK
            place = places[digit]
            places[digit] = place + ONE
            other[place] = word
        words, other = other, words
        shift += DIGIT_BITS
    groups = ZERO
    for i in range(size):
        order[i], starts[groups] = words[i], i
        groups += np.uint64(i == 0 or words[i] >> HALF != words[i - 1] >> HALF)
    starts[groups] = size
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
    result = np.empty(rows.shape[0], values.dtype)
    for i in range(rows.shape[0]):
        result[i] = values[np.uint64(rows[i])]
    return result


@jit
def scatter(values, rows, out):
    """out[rows] = values, likewise."""
    for i in range(rows.shape[0]):
        out[np.uint64(rows[i])] = values[i]


def arrange(ids: Ints) -> tuple[Ints | None, NDArray[np.int64]]:
    """See `polyest.online.twin.arrange`."""
    ids = np.ascontiguousarray(ids) if ids.dtype == np.int64 and ids.flags.writeable else ids.astype(np.int64)
    runs, ascending = run_starts(ids, len(ids) // 4 + WORD)
    if not len(runs):
        runs, ascending = run_starts(ids, len(ids) if ascending else len(ids) // 2)
    heads = gather(ids, runs[:-1]) if len(runs) and not ascending else ids
    if len(runs) and (ascending or are_distinct(heads)):
        return None, runs
    order, groups = _sort(heads)
    if len(groups) == len(runs):
        return None, runs
    if not len(runs):
        return order, groups
    rows: Ints = np.empty(len(ids), _index(ids))
    return rows, expand(order, runs, rows)[groups]


def _sort(ids: Ints) -> tuple[Ints, NDArray[np.int64]]:
    """The order that sorts them, and where each id begins in it."""
    lowest = ids.min()
    span = int(ids.max()) - int(lowest)
    if max(span, len(ids)) < 1 << 32:
        room = (np.empty(len(ids) + 1, kind) for kind in (np.uint64, np.uint64, np.uint32, np.int64))
        order, starts = sort_words(ids, lowest, np.uint64(span), *room)
        return order[:-1], starts
    keys, order = radix_sort(ids, np.empty(len(ids), np.uint64), np.arange(len(ids), dtype=_index(ids)))
    return order, run_starts(keys.view(np.int64), len(ids))[0]


def _index(ids: Ints) -> type:
    """For places in `ids`."""
    return np.uint32 if len(ids) < 1 << 32 else np.int64

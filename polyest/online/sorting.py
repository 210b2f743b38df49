"""Arranging ragged rows group by group, in numba: counting or radix sort of the runs of equal group ids."""

from __future__ import annotations

# numba infers the types of these functions:
# mypy: disable-error-code="no-untyped-def, assignment, unreachable"
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.online.distinct import are_distinct
from polyest.online.kernels import GOLDEN, SOON, jit
from polyest.online.vectors import WORD, changes, prefetch, trailing_zeros

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[Any]

__all__ = ["arrange", "counting_sort", "gather", "radix_sort", "scatter", "sort_rows", "tally"]

DIGIT_BITS = np.uint64(8)
DIGITS = 1 << 8
MASK = np.uint64(DIGITS - 1)
ZERO, ONE, HALF = (np.uint64(n) for n in (0, 1, 32))
NOTHING = np.empty(0, np.int64)
NARROW = 1 << 20  # as many values as counters that fit the third cache
LARGE, SAMPLE = 1 << 20, 1024  # from how many rows on a sample is taken, and of how many
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
        bits: Any = changes(ids, i)  # type: ignore[call-arg]
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
def radix_sort(values, lowest, span, index):
    """(order, keys) that sort values stably, 0 ≤ key = value − lowest ≤ span; `index` is the type of the order.

    Least significant digit first, as many digits as the span has.
    """
    size, shift = values.shape[0], ZERO
    keys, other_keys = np.empty(size, np.uint64), np.empty(size, np.uint64)
    order, other_order = np.empty(size, index), np.empty(size, index)
    for i in range(size):
        keys[i], order[i] = np.uint64(values[i]) - np.uint64(lowest), i
    while shift < np.uint64(64) and span >> shift != ZERO:
        places = places_of(keys, shift)
        for i in range(size):
            digit = (keys[i] >> shift) & MASK
            place = places[digit]
            places[digit] = place + ONE
            other_keys[place], other_order[place] = keys[i], order[i]
        keys, other_keys, order, other_order = other_keys, keys, other_order, order
        shift += DIGIT_BITS
    return order, keys


@jit
def sort_words(values, lowest, span):
    """(order, starts) of fewer than 2^32 values, 0 ≤ value − lowest ≤ span < 2^32.

    A word has the value in its upper half, its place in the lower one: both are moved at once.
    """
    size, shift, groups = values.shape[0], HALF, ZERO
    words, other = np.empty(size, np.uint64), np.empty(size, np.uint64)
    order, starts = np.empty(size, np.uint32), np.empty(size + 1, np.int64)
    for i in range(size):
        words[i] = (np.uint64(values[i]) - np.uint64(lowest)) << HALF | np.uint64(i)
    while shift < np.uint64(64) and span >> (shift - HALF) != ZERO:
        places = places_of(words, shift)
        for word in words:
            digit = (word >> shift) & MASK
            place = places[digit]
            places[digit] = place + ONE
            other[place] = word
        words, other = other, words
        shift += DIGIT_BITS
    for i in range(size):
        order[i], starts[groups] = words[i], i
        groups += np.uint64(i == 0 or words[i] >> HALF != words[i - 1] >> HALF)
    starts[groups] = size
    return order, starts[: groups + ONE]


@jit
def counting_sort(values, lowest, span):
    """(order, starts) of fewer than 2^32 values, 0 ≤ value − lowest ≤ span."""
    places, order = np.zeros(span + ONE, np.uint32), np.empty(values.shape[0], np.uint32)
    starts = np.empty(span + ONE + ONE, np.int64)
    for value in values:
        places[np.uint64(value - lowest)] += np.uint32(1)
    groups, total = ZERO, np.uint32(0)
    for place in range(places.shape[0]):
        size = places[place]
        starts[groups], places[place] = total, total
        groups, total = groups + np.uint64(size != 0), total + size
    starts[groups] = total
    for i in range(values.shape[0]):
        place = np.uint64(values[i] - lowest)
        order[places[place]] = i
        places[place] += np.uint32(1)
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


def arrange(ids: Ints) -> tuple[Ints | None, NDArray[np.int64]]:
    """See `polyest.online.twin.arrange`."""
    ids = np.ascontiguousarray(ids) if ids.dtype == np.int64 and ids.flags.writeable else ids.astype(np.int64)
    starts, _ = _runs(ids, len(ids), has_heads=False)
    if len(starts):
        return None, starts
    starts, heads = _runs(ids, len(ids) // 2 + WORD, has_heads=True)
    if not len(starts):
        return sort_rows(ids)
    if are_distinct(heads):
        return None, starts
    order, groups = sort_rows(heads)
    if len(groups) == len(starts):
        return None, starts
    rows: Ints = np.empty(len(ids), _index(ids))
    return rows, expand(order, starts, rows)[groups]


def _runs(ids: Ints, limit: int, has_heads: bool) -> tuple[Ints, Ints]:
    """Where runs of equal ids begin, and the end, and the ids of the runs; nothing if there are more than `limit`.

    Without heads ids have to ascend, else nothing comes back either.
    """
    for most in _limits(ids, limit):
        room = min(len(ids), most + WORD) + 1
        starts, *heads = np.empty((2 if has_heads else 1, room), np.int64)
        runs, ascending = find_runs(ids, most, starts, heads[0] if has_heads else None)
        if not ascending:
            break
        if runs <= most:
            return starts[: runs + 1], heads[0][:runs] if has_heads else NOTHING
    return NOTHING, NOTHING


def _limits(ids: Ints, limit: int) -> list[int]:
    """How many runs to have room for, in turn; none if a sample of the rows foretells more than `limit`.

    Room for little more than it foretells is tried first: memory asked for anew costs more than writing to it.
    """
    if len(ids) < LARGE:
        return [limit]
    rows = (np.arange(SAMPLE, dtype=np.uint64) * GOLDEN % np.uint64(len(ids))).astype(np.int64)
    likely = int(np.count_nonzero(ids[rows] != ids[rows - 1])) * len(ids) // SAMPLE
    room = likely + likely // 4 + len(ids) // 64
    if likely > limit + limit // 8:
        return []
    return [room, limit] if room < limit else [limit]


def sort_rows(ids: Ints) -> tuple[Ints, NDArray[np.int64]]:
    """The order that sorts them, and where each id begins in it."""
    size, lowest = len(ids), ids.min()
    span = int(ids.max()) - int(lowest)
    if size < 1 << 32 and span < 1 << 32:
        sort = counting_sort if span < min(size, NARROW) else sort_words
        order, starts = sort(ids, lowest, np.uint64(span))
        return order, starts
    order, keys = radix_sort(ids, lowest, np.uint64(span), _index(ids))
    return order, _runs(keys.view(np.int64) + lowest, size, has_heads=False)[0]


def _index(ids: Ints) -> type:
    """For places in `ids`."""
    return np.uint32 if len(ids) < 1 << 32 else np.int64

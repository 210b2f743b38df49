"""Arranging ragged rows group by group, in numba: a radix sort of the runs of equal group ids."""

from __future__ import annotations

# numba infers the types of these functions:
# mypy: disable-error-code="no-untyped-def"
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.online.kernels import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[Any]

__all__ = ["arrange", "radix_sort"]

DIGIT_BITS = np.uint64(8)
DIGITS = 1 << 8
MASK = np.uint64(DIGITS - 1)
ZERO, ONE = np.uint64(0), np.uint64(1)
STEP = 4


@jit
def run_starts(ids, limit):
    """Where runs of equal ids begin, and the end; nothing if there are more than `limit` runs. Whether ids ascend."""
    length, most = np.uint64(ids.shape[0]), np.uint64(limit)
    starts = np.empty(min(ids.shape[0], limit + STEP) + 1, np.int64)
    starts[0], runs, i, ascending = 0, np.uint64(min(ids.shape[0], 1)), ONE, True
    while i + np.uint64(STEP) <= length and runs <= most:
        differences = np.int64(0)
        for k in range(STEP):  # of constant length, hence in vector registers
            differences |= ids[i + np.uint64(k)] ^ ids[i + np.uint64(k) - ONE]
        if differences != 0:
            for k in range(STEP):
                here = i + np.uint64(k)
                starts[runs] = here
                runs += np.uint64(ids[here] != ids[here - ONE])
                ascending &= ids[here] >= ids[here - ONE]
        i += np.uint64(STEP)
    while i < length and runs <= most:
        starts[runs] = i
        runs += np.uint64(ids[i] != ids[i - ONE])
        ascending &= ids[i] >= ids[i - ONE]
        i += ONE
    starts[runs] = ids.shape[0]
    return starts[: runs + ONE if runs <= most else ZERO], ascending


@jit
def radix_sort(values, order):
    """(keys, order) sorted stably by value, keys = value − least value; `order` comes as 0, 1, …

    Least significant digit first, as many digits as the range of the values has.
    """
    lowest, highest = values.min(), values.max()
    span = np.uint64(highest) - np.uint64(lowest)
    keys = np.empty(values.shape[0], np.uint64)
    for i in range(values.shape[0]):
        keys[i] = np.uint64(values[i]) - np.uint64(lowest)
    other_keys, other_order = np.empty_like(keys), np.empty_like(order)
    shift = np.uint64(0)
    while shift < np.uint64(64) and span >> shift != np.uint64(0):
        places = np.zeros(DIGITS, np.uint64)
        for key in keys:
            places[(key >> shift) & MASK] += ONE
        total = np.uint64(0)
        for digit in range(DIGITS):
            places[digit], total = total, total + places[digit]
        for i in range(keys.shape[0]):
            digit = (keys[i] >> shift) & MASK
            place = places[digit]
            places[digit] = place + ONE
            other_keys[place], other_order[place] = keys[i], order[i]
        keys, other_keys, order, other_order = other_keys, keys, other_order, order
        shift += DIGIT_BITS
    return keys, order


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


def arrange(ids: Ints) -> tuple[Ints | None, NDArray[np.int64]]:
    """See `polyest.online.twin.arrange`."""
    ids = np.ascontiguousarray(ids) if ids.dtype == np.int64 and ids.flags.writeable else ids.astype(np.int64)
    runs, ascending = run_starts(ids, len(ids) // 4 + STEP)
    if len(runs) and ascending:
        return None, runs
    heads = ids[runs[:-1]] if len(runs) else ids
    index = np.uint32 if len(ids) < 1 << 32 else np.int64
    keys, order = radix_sort(heads, np.arange(len(heads), dtype=index))
    groups, _ = run_starts(keys.view(np.int64), len(keys))
    if len(groups) == len(runs):
        return None, runs
    if not len(runs):
        return order, groups
    rows = np.empty(len(ids), index)
    return rows, expand(order, runs, rows)[groups]

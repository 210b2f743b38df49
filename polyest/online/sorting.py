"""Arranging ragged rows group by group, in numba: a radix sort of the runs of equal group ids."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.online.kernels import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["arrange", "radix_order"]

DIGIT_BITS = 11
DIGITS = 1 << DIGIT_BITS
MASK = np.uint64(DIGITS - 1)
ONE = np.uint64(1)


@jit
def run_starts(ids):
    """Where runs of equal ids begin, and the end."""
    count = min(ids.shape[0], 1)
    for i in range(1, ids.shape[0]):
        count += ids[i] != ids[i - 1]
    starts = np.empty(count + 1, np.int64)
    starts[0], starts[count], run = 0, ids.shape[0], 1
    for i in range(1, ids.shape[0]):
        if ids[i] != ids[i - 1]:
            starts[run] = i
            run += 1
    return starts


@jit
def radix_order(values):
    """A stable order that sorts the integers, least significant digit first, as many digits as their range has."""
    lowest, highest = values.min(), values.max()
    span = np.uint64(highest) - np.uint64(lowest)
    keys, order = np.empty(values.shape[0], np.uint64), np.arange(values.shape[0])
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
        shift += np.uint64(DIGIT_BITS)
    return order


@jit
def merged(ids, runs, order):
    """The rows of all runs in this order, and where their groups begin."""
    rows, starts = np.empty(ids.shape[0], np.int64), np.empty(order.shape[0] + 1, np.int64)
    row, groups = 0, 0
    for position in range(order.shape[0]):
        run = order[position]
        if position == 0 or ids[runs[run]] != ids[runs[order[position - 1]]]:
            starts[groups] = row
            groups += 1
        for i in range(runs[run], runs[run + 1]):
            rows[row] = i
            row += 1
    starts[groups] = row
    return rows, starts[: groups + 1].copy()


def arrange(ids: NDArray[Any]) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """See `polyest.online.twin.arrange`."""
    ids = np.ascontiguousarray(ids) if ids.dtype == np.int64 and ids.flags.writeable else ids.astype(np.int64)
    runs: NDArray[np.int64] = run_starts(ids)
    heads = ids[runs[:-1]]
    if _ascends(heads):
        return None, runs
    order = radix_order(heads)
    if _ascends(heads[order]):
        return None, runs
    rows, starts = merged(ids, runs, order)
    return rows, starts


def _ascends(values: NDArray[Any]) -> bool:
    return bool(np.all(values[1:] > values[:-1]))

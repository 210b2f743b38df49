"""Strings as integers: Python's hash of each, and, in numba, whether it tells the strings of a group apart.

A dictionary compares strings where each of them lies; of a million that come out of order that costs a cache miss or
two each. `str.join` writes them end to end instead, and everything after that is arithmetic on bytes.
"""

from __future__ import annotations

# numba infers the types of these functions:
# mypy: disable-error-code="no-untyped-def, call-arg, var-annotated, unreachable"
from itertools import chain
from typing import TYPE_CHECKING, cast

import numpy as np

from polyest.online.compiled.hashing import group_table, tally
from polyest.online.compiled.jit import inlined, jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.hashable_answers import Items
    from polyest.online.layout import Integers

__all__ = ["read_strings"]

END = "\0"  # what is put behind each string
ZERO, ONE = np.uint64(0), np.uint64(1)


def read_strings(rows: list[Items], order: Integers | None, starts: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """See `polyest.online.numpy_backend.read_strings`; None too if different strings of a group have the same hash."""
    size, items = int(starts[-1]), [*chain.from_iterable(rows)]
    if not {*map(type, items)} <= {str}:  # a subclass may compare as it likes
        return None
    try:
        data = np.frombuffer(END.join([*cast("list[str]", items), ""]).encode(), np.uint8)
    except UnicodeEncodeError:
        return None
    ends = np.flatnonzero(data == 0)
    if len(ends) != size:
        return None
    codes = np.fromiter(map(hash, items), np.int64, size)
    order = np.arange(size) if order is None else order
    return codes if codes_identify(data, ends, codes[order], order, starts) else None


@inlined
def begin_of(ends, i):
    return np.uint64(ends[i - ONE]) + ONE if i else ZERO


@inlined
def is_same(data, ends, one, other):
    """Whether two strings have the same bytes."""
    begin, first, length = begin_of(ends, one), begin_of(ends, other), np.uint64(ends[one]) - begin_of(ends, one)
    if np.uint64(ends[other]) - first != length:
        return False
    at = ZERO
    while at < length and data[begin + at] == data[first + at]:
        at += ONE
    return at == length


@jit
def codes_identify(data, ends, codes, rows, starts):
    """Whether strings with equal codes in a group, whose rows lie together, are always the same."""
    largest = np.int64(1)
    for g in range(starts.shape[0] - 1):
        largest = max(largest, starts[g + 1] - starts[g])
    table, slots = group_table(largest), np.empty(largest, np.uint64)
    for g in range(starts.shape[0] - 1):
        lo, hi = np.uint64(starts[g]), np.uint64(starts[g + 1])
        tally(codes, lo, hi, table, slots, None)
        last = table[2]  # the last row of each code
        for i in range(lo, hi):
            last[slots[i - lo]] = rows[i]
        for i in range(lo, hi):
            row, other = np.uint64(rows[i]), np.uint64(last[slots[i - lo]])
            if row != other and not is_same(data, ends, row, other):
                return False
    return True

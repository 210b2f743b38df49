"""Strings as integers, in numba: a hash of each string's bytes, and whether it tells the strings of a group apart.

A dictionary compares strings where each of them lies; of a million that come out of order that costs a cache miss or
two each. `str.join` writes them end to end instead, and everything after that is arithmetic on bytes.
"""

from __future__ import annotations

# numba infers the types of these functions:
# mypy: disable-error-code="no-untyped-def, call-arg, var-annotated, unreachable"
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from polyest.online.compiled.hashing import GOLDEN, OTHER, bits_of
from polyest.online.compiled.jit import inlined, jit
from polyest.online.compiled.llvm import load_word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.hashable_answers import Items
    from polyest.online.layout import Integers

__all__ = ["read_strings"]

END, WORD = "\0", 8  # what is put behind each string; bytes hashed and compared at a time
ZERO, ONE, EIGHT, HALF = (np.uint64(n) for n in (0, 1, 8, 32))


def read_strings(rows: list[Items], order: Integers | None, starts: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """See `polyest.online.numpy_backend.read_strings`; None too if different strings of a group have the same hash."""
    size, items = int(starts[-1]), [*chain.from_iterable(rows)]
    if not _are_strings(items):
        return None
    try:
        data = np.frombuffer(END.join([*items, END * WORD]).encode(), np.uint8)
    except UnicodeEncodeError:
        return None
    ends = np.flatnonzero(data == 0)[:-WORD]
    if len(ends) != size:
        return None
    codes = np.empty(size, np.int64)
    hash_strings(data, ends, codes)
    order = np.arange(size) if order is None else order
    return codes if codes_identify(data, ends, codes, order, starts) else None


def _are_strings(items: Sequence[object]) -> TypeGuard[list[str]]:
    """Whether they are plain strings: a subclass may compare as it likes."""
    return {*map(type, items)} <= {str}


@inlined
def word_of(data, place, end):
    """The bytes of a string from `place` on, at most eight."""
    word = load_word(data, place)
    return word if end - place >= EIGHT else word & ((ONE << (EIGHT * (end - place))) - ONE)


@jit
def hash_strings(data, ends, codes):
    """The code of each string, ends[i − 1] < bytes < ends[i]."""
    begin = ZERO
    for i in range(ends.shape[0]):
        end, code = np.uint64(ends[i]), GOLDEN
        for at in range(begin, end, EIGHT):
            code = (code ^ word_of(data, at, end)) * OTHER
            code ^= code >> HALF
        codes[i], begin = code >> ONE, end + ONE


@inlined
def begin_of(ends, i):
    return np.uint64(ends[i - ONE]) + ONE if i else ZERO


@inlined
def is_same(data, ends, one, other):
    """Whether two strings have the same bytes."""
    begin, first, length = begin_of(ends, one), begin_of(ends, other), np.uint64(ends[one]) - begin_of(ends, one)
    if np.uint64(ends[other]) - first != length:
        return False
    for at in range(ZERO, length, EIGHT):
        if word_of(data, begin + at, begin + length) != word_of(data, first + at, first + length):
            return False
    return True


@jit
def codes_identify(data, ends, codes, rows, starts):
    """Whether strings with equal codes in a group are always the same."""
    largest = np.int64(1)
    for g in range(starts.shape[0] - 1):
        largest = max(largest, starts[g + 1] - starts[g])
    bits = bits_of(largest, 4)
    owners, firsts = np.full(1 << bits, -1), np.empty(1 << bits, np.uint64)
    shift, mask = np.uint64(63 - bits), np.uint64((1 << bits) - 1)
    for g in range(starts.shape[0] - 1):
        for i in range(np.uint64(starts[g]), np.uint64(starts[g + 1])):
            row = np.uint64(rows[i])
            slot = np.uint64(codes[row]) >> shift
            while owners[slot] == g and codes[firsts[slot]] != codes[row]:
                slot = (slot + ONE) & mask
            if owners[slot] != g:
                owners[slot], firsts[slot] = g, row
            elif not is_same(data, ends, row, firsts[slot]):
                return False
    return True

"""Strings as integers: a hash of each one's bytes, and, in numba, whether it tells the strings of a group apart.

A dictionary compares strings where each of them lies; of a million that come out of order that costs a cache miss or
two each. `str.join` writes them end to end instead, and everything after that is arithmetic on words of eight bytes.
"""

from __future__ import annotations

# numba infers the types of these functions:
# mypy: disable-error-code="no-untyped-def, call-arg, var-annotated, unreachable"
from itertools import chain, islice
from typing import TYPE_CHECKING, cast

import numpy as np
from numba.cpython.unsafe.numbers import trailing_zeros

from polyest.arrays import common_type
from polyest.online.compiled.hashing import group_table, mixed, tally
from polyest.online.compiled.jit import inlined, jit
from polyest.online.compiled.sorting import count_sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.hashable_answers import Items
    from polyest.online.layout import Integers

__all__ = ["read_strings"]

END = "\0"  # what is put behind each string
WORD = 8  # bytes; behind the last string there is another word of zeros, so that one can be read anywhere
PIECE = 1 << 13  # strings that are written at once, which fit the cache
AHEAD = np.uint64(256)  # rows of later groups that are read at once: their cache misses do not wait for each other
SECRET = hash(END)  # different in every process, as Python's own hashes of strings are
ZERO, ONE, SEVEN, EIGHT, LOW, HIGH = map(np.uint64, (0, 1, 7, WORD, 0x0101010101010101, 0x8080808080808080))


def read_strings(rows: list[Items], order: Integers | None, starts: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """See `polyest.online.numpy_backend.read_strings`; None too if different strings of a group have the same hash."""
    items, pieces, marks = chain.from_iterable(rows), list[bytes](), np.empty((int(starts[-1]), 2), np.int64)
    while piece := [*islice(items, PIECE)]:
        if common_type(piece) is not str:  # a subclass may compare as it likes
            return None
        pieces.append(END.join([*cast("list[str]", piece), ""]).encode(errors="surrogatepass"))
    data = np.frombuffer(b"".join([*pieces, bytes(WORD)]), np.uint8)
    if mark_all(data, SECRET, marks) != len(data) - WORD:  # a string has an `END` of its own
        return None
    order = np.arange(len(marks)) if order is None else order
    return marks[:, 0] if codes_identify(data, marks, order, starts) else None


@inlined
def end_in(word):
    """The highest bit of the first byte that is zero; 0 if none is."""
    found = (word - LOW) & ~word & HIGH
    return found & (~found + ONE)


@inlined
def word_at(data, at):
    """Eight bytes of a string as a number, the first one last, and zeros from its end on: one instruction to LLVM."""
    word = ZERO
    for k in range(WORD):
        word |= np.uint64(data[at + np.uint64(k)]) << (EIGHT * np.uint64(k))
    return word & ((end_in(word) >> SEVEN) - ONE)


@jit
def mark_all(data, secret, marks):
    """The hash of each string, and where it begins, which are read together; returns where the last one ends."""
    at = ZERO
    for i in range(marks.shape[0]):
        marks[i, 1], code, word = at, np.uint64(secret), word_at(data, at)
        while not end_in(word):
            code, at = mixed(code ^ word), at + EIGHT
            word = word_at(data, at)
        marks[i, 0] = mixed(code ^ word)
        at += np.uint64(trailing_zeros(end_in(word))) // EIGHT + ONE
    return at


@inlined
def is_same(data, one, other):
    """Whether the strings that begin at two places have the same bytes."""
    word = word_at(data, one)
    while word == word_at(data, other) and not end_in(word):
        one, other = one + EIGHT, other + EIGHT
        word = word_at(data, one)
    return word == word_at(data, other)


@jit
def codes_identify(data, marks, rows, starts):
    """Whether strings with equal codes in a group, whose rows lie together, are always the same."""
    size, most, first, ready = np.uint64(rows.shape[0]), count_sizes(starts).shape[0], ZERO, ZERO
    table, slots, room = group_table(most), np.empty(most, np.uint64), np.uint64(most) + AHEAD
    codes, (begins, words) = np.empty(room, np.int64), np.empty((2, room), np.uint64)
    for g in range(starts.shape[0] - 1):
        lo, hi = np.uint64(starts[g]), np.uint64(starts[g + 1])
        if hi > ready:
            first, ready = lo, min(size, hi + AHEAD)
            for k in range(ready - first):
                codes[k], begins[k] = marks[np.uint64(rows[first + k])]
            for k in range(ready - first):
                words[k] = word_at(data, begins[k])
        lo, hi, last = lo - first, hi - first, table[2]
        tally(codes, lo, hi, table, slots, None)
        for k in range(lo, hi):
            last[slots[k - lo]] = k
        for k in range(lo, hi):
            other = np.uint64(last[slots[k - lo]])
            is_short = words[k] == words[other] and end_in(words[k])
            if k != other and not is_short and not is_same(data, begins[k], begins[other]):
                return False
    return True

"""Reading the bytes that `marshal` writes, in numba: where answers lie, their codes, and whether codes are enough.

An answer is a letter for its type and what that needs: numbers, the length of a string and its UTF-8 bytes, the length
of a tuple and then its elements. So no answer's bytes are the beginning of another one's.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from polyest.online.kernels import GOLDEN, OTHER, SOON, inlined, jit
from polyest.online.vectors import load_word, prefetch

__all__ = ["BOOLEAN", "INTEGER", "REAL", "codes_identify", "read"]

INTEGER, BOOLEAN, REAL, REFUSED = 1, 2, 4, 8
LIST, TUPLE, STRING, SMALL, LARGE, NONE, TRUE, FALSE, FLOAT = (ord(letter) for letter in "[(uilNTFg")
ZERO, ONE, EIGHT, HALF = (np.uint64(n) for n in (0, 1, 8, 32))
INFINITY, MINUS_ZERO, MAGNITUDE = (np.uint64(n) for n in (0x7FF << 52, 1 << 63, (1 << 63) - 1))
LENGTH_BITS, PLACE_BITS, LONGEST = np.uint64(24), np.uint64(40), np.uint64((1 << 24) - 1)


@inlined
def length_at(data, place):
    """The signed 32-bit number that follows a type's letter."""
    return np.int64(np.int32(load_word(data, place + ONE) & np.uint64(0xFFFFFFFF)))


@inlined
def number_kind(word):
    """REAL, and REFUSED for −0.0 and NaN, whose bytes do not say what they are equal to."""
    return REAL | REFUSED if word == MINUS_ZERO or word & MAGNITUDE > INFINITY else REAL


@inlined
def skip(data, place):
    """Where the answer at `place` ends, and the kinds of numbers in it."""
    unread, kinds = 1, 0
    while unread:
        letter, unread = data[place], unread - 1
        if letter == STRING:
            place += np.uint64(5 + length_at(data, place))
        elif letter == SMALL:
            place, kinds = place + np.uint64(5), kinds | INTEGER
        elif letter == TUPLE:
            unread, place = unread + length_at(data, place), place + np.uint64(5)
        elif letter == LARGE:
            place, kinds = place + np.uint64(5 + 2 * abs(length_at(data, place))), kinds | INTEGER
        elif letter == FLOAT:
            place, kinds = place + np.uint64(9), kinds | number_kind(load_word(data, place + ONE))
        elif letter in (TRUE, FALSE):
            place, kinds = place + ONE, kinds | BOOLEAN
        elif letter == NONE:
            place += ONE
        else:
            return place, REFUSED
    return place, kinds


@inlined
def word_of(data, place, end):
    """The bytes of an answer from `place` on, at most eight."""
    word = load_word(data, place)
    return word if end - place >= EIGHT else word & ((ONE << (EIGHT * (end - place))) - ONE)


@jit
def read(data, codes, marks, missing):
    """Code and mark of each answer, whether it is missing; returns how many lists there are, and kinds of numbers.

    A mark is an answer's code, and where its bytes begin and how many they are, in one word.
    """
    place, lists, kinds = np.uint64(0), 0, 0
    for i in range(codes.shape[0]):
        while data[place] == LIST:
            place, lists = place + np.uint64(5), lists + 1
        end, found = skip(data, place)
        gone = data[place] == NONE or (data[place] == FLOAT and load_word(data, place + ONE) & MAGNITUDE > INFINITY)
        kinds |= REAL if gone and found else found
        if kinds & REFUSED or end - place > LONGEST or place >> PLACE_BITS:
            return lists, REFUSED
        code = GOLDEN
        for at in range(place, end, EIGHT):
            code = (code ^ word_of(data, at, end)) * OTHER
            code ^= code >> HALF
        codes[i], missing[i] = code >> ONE, gone
        marks[i, 0], marks[i, 1], place = code >> ONE, place << LENGTH_BITS | (end - place), end
    return lists, kinds


@inlined
def is_same(data, one, other):
    """Whether two answers have the same bytes."""
    length, begin, first = one & LONGEST, one >> LENGTH_BITS, other >> LENGTH_BITS
    if other & LONGEST != length:
        return False
    for at in range(ZERO, length, EIGHT):
        if word_of(data, begin + at, begin + length) != word_of(data, first + at, first + length):
            return False
    return True


@inlined
def ask_ahead(data, marks, rows, i):
    """Have the mark of a later row brought into the cache, and the bytes of a row between, whose mark is there."""
    last = np.uint64(rows.shape[0]) - ONE
    prefetch(marks, np.uint64(rows[min(i + SOON + SOON, last)]) << ONE)
    mark = marks[np.uint64(rows[min(i + SOON, last)]), 1]
    prefetch(data, mark >> LENGTH_BITS)
    prefetch(data, (mark >> LENGTH_BITS) + (mark & LONGEST))


@jit
def codes_identify(data, marks, rows, starts):
    """Whether answers with equal codes in a group always have the same bytes."""
    bits, largest = 4, np.int64(1)
    for g in range(starts.shape[0] - 1):
        largest = max(largest, starts[g + 1] - starts[g])
    while 1 << bits < 4 * largest:
        bits += 1
    owners, firsts = np.full(1 << bits, -1), np.empty(1 << bits, np.uint64)
    shift, mask = np.uint64(63 - bits), np.uint64((1 << bits) - 1)
    for g in range(starts.shape[0] - 1):
        for i in range(np.uint64(starts[g]), np.uint64(starts[g + 1])):
            ask_ahead(data, marks, rows, i)
            row = np.uint64(rows[i])
            slot = marks[row, 0] >> shift
            while owners[slot] == g and marks[firsts[slot], 0] != marks[row, 0]:
                slot = (slot + ONE) & mask
            if owners[slot] != g:
                owners[slot], firsts[slot] = g, row
            elif not is_same(data, marks[row, 1], marks[firsts[slot], 1]):
                return False
    return True

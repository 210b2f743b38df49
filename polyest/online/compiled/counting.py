"""Who has the same answer: all pairs of a small group in vector registers, a larger group by hashing.

In the hash table, of eight slots per completion, every answer writes itself to its slot, and the few that then find
another one there are looked at apart. Indices are unsigned where it counts, which spares a sign test per access.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from polyest.online.compiled.jit import inlined, jit
from polyest.online.compiled.llvm import FULL, LANES

__all__ = ["GOLDEN", "OTHER", "SOON", "fits_pairs", "hashed", "ones", "scratch", "table_bits", "whole"]

FEW = np.uint64(32)
GOLDEN, OTHER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
ZERO, ONE, HALF, WIDTH, LARGEST_PAIRS = (np.uint64(n) for n in (0, 1, 32, LANES, FULL))
SOON = np.uint64(32)  # how many rows ahead those anywhere in memory are asked for


@inlined
def whole(size):
    """The size in whole blocks of lanes."""
    return (size + WIDTH - ONE) // WIDTH * WIDTH


@inlined
def fits_pairs(lo, size, end):
    """Whether pairs are compared: a few completions, and whole blocks of them can be read, in `end` ids."""
    return size <= LARGEST_PAIRS and lo + whole(size) <= end


@jit
def ones():
    """Addends that count, those of a group of n from FULL − n on."""
    addends = np.zeros(2 * FULL, np.uint64)
    addends[:FULL] = 1
    return addends


@jit
def table_bits(size):
    """A hash table has at least eight slots per completion."""
    bits = 5
    while 1 << bits < 8 * size:
        bits += 1
    return bits


@jit
def scratch(largest):
    """The hash's shift by size; for the largest group: slots, who is looked at apart, keys and sums of the slots."""
    slots, left = np.empty(largest, np.uint64), np.empty(largest, np.uint64)
    shifts, width = np.empty(largest + 1, np.uint64), 1 << table_bits(largest)
    for size in range(largest + 1):
        shifts[size] = 64 - table_bits(size)
    return shifts, slots, left, np.empty(width, np.int64), np.empty(width + largest, np.int64)


@jit
def probe(ids, lo, left, slots, sums, behind):
    """Counts of the completions `left`, whatever the hash does, at sums[slots[i − lo]], behind the table's slots."""
    bits = table_bits(left.shape[0])
    shift, mask = np.uint64(64 - bits), np.uint64((1 << bits) - 1)
    places = np.full(1 << bits, -1)
    for j in range(left.shape[0]):
        i = left[j]
        slot = np.uint64(ids[i]) * GOLDEN
        slot = ((slot ^ (slot >> HALF)) * OTHER) >> shift
        while places[slot] >= 0 and ids[left[places[slot]]] != ids[i]:
            slot = (slot + ONE) & mask
        if places[slot] < 0:
            places[slot], sums[behind + np.uint64(j)] = j, 0
        slots[i - lo] = behind + np.uint64(places[slot])
        sums[slots[i - lo]] += 1


@jit
def compare(ids, lo, left, slots, sums, behind):
    """The same for a few completions, by comparing all pairs."""
    for j in range(left.shape[0]):
        total = np.int64(0)
        for i in left:
            total += ids[i] == ids[left[j]]
        slots[left[j] - lo] = behind + np.uint64(j)
        sums[slots[left[j] - lo]] = total


@inlined
def hashed(ids, lo, hi, shift, left, slots, keys, sums):
    """How many answers of ids[lo:hi] equal i's, at sums[slots[i − lo]].

    Completions with the same answer have the same slot: they all find it there, or none of them does.
    """
    for i in range(lo, hi):
        slot = (np.uint64(ids[i]) * GOLDEN) >> shift
        slots[i - lo], keys[slot], sums[slot] = slot, ids[i], 0
    displaced = ZERO
    for i in range(lo, hi):
        slot = slots[i - lo]
        left[displaced] = i
        is_own = np.int64(keys[slot] == ids[i])
        displaced += np.uint64(1 - is_own)
        sums[slot] += is_own
    behind = np.uint64(keys.shape[0])
    if displaced > FEW:
        probe(ids, lo, left[:displaced], slots, sums, behind)
    elif displaced != ZERO:
        compare(ids, lo, left[:displaced], slots, sums, behind)

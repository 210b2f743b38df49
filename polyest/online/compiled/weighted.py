"""Scores of weighted completions (theory.md §9), in one pass, to the bit as `polyest.online.numpy_backend` has them.

A one and a weight in fixed point share an integer: adding these over equal answers counts them and sums their weights.
Floats are given as their bits; scratch memory holds whole blocks.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from polyest.online.compiled.counting import fits_pairs, hashed, ones, scratch, whole
from polyest.online.compiled.jit import inlined, jit
from polyest.online.compiled.llvm import FULL, sum_pairs
from polyest.online.compiled.weighing import largest, pack, subtract, total, unpack, weigh
from polyest.online.weights import LARGEST, MOST_DIGITS, PACKED

__all__ = ["LIMIT", "advantages", "means", "sums"]

ZERO, ONE, TWO, ALL = (np.uint64(n) for n in (0, 1, 2, FULL))
LIMIT, LOWEST = np.float64(LARGEST).view(np.int64), -1074
POWERS = np.ldexp(1.0, np.arange(LOWEST, 1024))


@jit
def fields_of(sizes):
    """63 less the binary digits of each size: where the counts of a packed group begin."""
    fields = np.full(sizes, 63)
    for size in range(1, sizes):
        fields[size] = fields[size >> 1] - 1
    return fields


@inlined
def clipped(shift):
    return max(min(shift, MOST_DIGITS), -MOST_DIGITS)


@inlined
def power(exponent):
    return POWERS[np.uint64(exponent - LOWEST)]


@inlined
def exponent_of(top):
    """The e of 2^(e−1) ≤ x < 2^e, from the bits of x."""
    return (top >> 52) - 1022


@inlined
def read(bits, lo, size, is_small, words, copied):
    """The weights of a group, 0 behind it, into words; the bits of the largest without its sign."""
    if is_small:
        return largest(bits, lo, size, words)
    for k in range(ZERO, size):
        copied[k] = bits[lo + k]
    return largest(copied, ZERO, size, words)


@inlined
def from_slots(sums, slots, size, totals):
    """The sums of a hash table, 0 behind the group."""
    for k in range(ZERO, size):
        totals[k] = sums[slots[k]]
    for k in range(size, whole(size)):
        totals[k] = 0


@jit
def sum_apart(packed, size, slots, sums, same):
    """Sums of the others' weights alone, with the slots of a hash table that has counted."""
    for k in range(ZERO, size):
        sums[slots[k]] = 0
    for k in range(ZERO, size):
        sums[slots[k]] += packed[k]
    for k in range(ZERO, size):
        same[k] = sums[slots[k]] - packed[k]


@inlined
def sum_hashed(ids, lo, hi, memory, packed, field, counts, same):
    """How many have the answer of each completion of a large group, and what the others of these weigh."""
    shifts, slots, left, keys, table = memory
    size = hi - lo
    if size <= PACKED:
        hashed(ids, lo, hi, packed, shifts[size], left, slots, keys, table)
        from_slots(table, slots, size, same)
        unpack(packed, size, field, counts, same)
    else:
        hashed(ids, lo, hi, None, shifts[size], left, slots, keys, table)
        from_slots(table, slots, size, counts)
        sum_apart(packed, size, slots, table, same)


@jit
def advantages(ids, starts, offsets, rows, exponents, bits, out):
    """w_i·own[m_i] + S_i·steps[m_i] − Σ_j w_j·others[m_j], S_i = Σ_{j≠i, z_j=z_i} w_j; NaN in a group of one.

    Whether all weights are finite and at most `LARGEST`; where one is not it stops.
    """
    memory = scratch(max(offsets.shape[0] - 1, 1))
    words, packed, counts, same = np.empty((4, whole(np.uint64(max(offsets.shape[0], FULL)))), np.int64)
    result, fields = np.empty(words.shape[0]), fields_of(offsets.shape[0])
    groups, end, hi = starts.shape[0] - 1, np.uint64(ids.shape[0]), np.uint64(starts[0])
    for g in range(groups):
        lo, hi = hi, np.uint64(starts[g + 1])
        size = hi - lo
        is_small, is_packed = fits_pairs(lo, size, end), size <= PACKED
        top = read(bits, lo, size, is_small, words, packed)
        if top > LIMIT:
            return False
        if size < TWO:
            out[lo : lo + size] = np.nan
            continue
        base, field, exponent = np.uint64(offsets[size]) - ONE, fields[size], exponent_of(top)
        shift = clipped((2 * field - 64 if is_packed else field - 1) - exponent)
        scale = clipped(field - 1 - exponent - exponents[size])
        pack(words, size, power(shift), np.int64(1) << field if is_packed else 0, packed)
        if is_small:
            sum_pairs(ids, lo, packed, ZERO, size, same)
            unpack(packed, size, field, counts, same)
        else:
            sum_hashed(ids, lo, hi, memory, packed, field, counts, same)
        found = weigh(rows, base, words, counts, same, size, power(-shift), power(scale), result)
        mean = found * power(-scale)
        if is_small:
            subtract(result, mean, size, out, lo)
        else:
            for k in range(ZERO, size):
                out[lo + k] = result[k] - mean
    return True


@jit
def means(ids, starts, offsets, rows, exponents, bits, out):
    """Σ_j w_j·others[m_j]/n of each group; NaN for fewer than two. Whether weights are bounded, likewise."""
    shifts, slots, left, keys, table = scratch(max(offsets.shape[0] - 1, 1))
    words, copied, counts = np.empty((3, whole(np.uint64(max(offsets.shape[0], FULL)))), np.int64)
    fields, addends = fields_of(offsets.shape[0]), ones()
    groups, end, hi = starts.shape[0] - 1, np.uint64(ids.shape[0]), np.uint64(starts[0])
    for g in range(groups):
        lo, hi = hi, np.uint64(starts[g + 1])
        size = hi - lo
        is_small = fits_pairs(lo, size, end)
        top = read(bits, lo, size, is_small, words, copied)
        if top > LIMIT:
            return False
        if size < TWO:
            out[g] = np.nan
            continue
        if is_small:
            sum_pairs(ids, lo, addends, ALL - size, size, counts)
        else:
            hashed(ids, lo, hi, None, shifts[size], left, slots, keys, table)
            from_slots(table, slots, size, counts)
        scale = clipped(fields[size] - 1 - exponent_of(top) - exponents[size])
        base = np.uint64(offsets[size]) - ONE
        found = weigh(rows, base, words, counts, counts, size, 0.0, power(scale), None)
        out[g] = found * power(-scale) / np.int64(size)
    return True


@jit
def sums(bits, starts, out):
    """The sum of each group's finite numbers, whatever their order; 0 for fewer than two."""
    sizes = np.uint64(0)
    for g in range(starts.shape[0] - 1):
        sizes = max(sizes, np.uint64(starts[g + 1] - starts[g]))
    words, copied = np.empty((2, whole(sizes + ONE)), np.int64)
    fields = fields_of(np.int64(sizes + ONE))
    for g in range(starts.shape[0] - 1):
        lo, size = np.uint64(starts[g]), np.uint64(starts[g + 1] - starts[g])
        is_inside = lo + whole(size) <= np.uint64(bits.shape[0])
        scale = clipped(fields[size] - 1 - exponent_of(read(bits, lo, size, is_inside, words, copied)))
        out[g] = total(words, size, power(scale)) * power(-scale) if size > ONE else 0.0

"""Counting and look-up: the scores of groups that lie one behind the other, as int64 answers and float64 results.

A small group is written in whole blocks: what this puts into the rows behind it is overwritten by their own groups. A
call per group would cost as much as scoring a small one: what is called here for a group is inlined.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from polyest.online.compiled.counting import fits_pairs, hashed, ones, scratch, whole
from polyest.online.compiled.jit import inlined, jit
from polyest.online.compiled.llvm import FULL, LANES, sum_pairs

__all__ = ["advantages", "largest_of", "means", "rewards"]

ZERO, ONE, TWO, WIDTH, ALL = (np.uint64(n) for n in (0, 1, 2, LANES, FULL))


@inlined
def total_pairs(weights, base, counts, width, step):
    """Σ weights[m_i] of a small group; `step` is WIDTH, unknown to LLVM, which would take longer to fill vectors."""
    total, block = 0, ZERO
    while block < width:
        for lane in range(block, block + WIDTH):
            total += weights[base + counts[lane]]
        block += step
    return total


@inlined
def total_hashed(weights, base, slots, sums, size):
    """Σ weights[m_i] of a large group; where each is looked up replaces its slot."""
    total = 0
    for k in range(ZERO, size):
        slots[k] = base + np.uint64(sums[slots[k]])
        total += weights[slots[k]]
    return total


@jit
def largest_of(bits):
    """The largest number without its sign."""
    top = np.int64(0)
    for word in bits:
        top = max(top, word & np.int64(0x7FFFFFFFFFFFFFFF))
    return top


@jit
def rewards(ids, starts, offsets, pay, w, bits, out):
    """pay[m_i], times w_i unless w is None, of the groups ids[starts[g] : starts[g + 1]]; NaN in a group of one.

    Returns the bits of the largest weight, without its sign; `bits` are those of w.
    """
    top = np.int64(0) if bits is None else largest_of(bits)
    shifts, slots, left, keys, sums = scratch(max(offsets.shape[0] - 1, 1))
    counts, addends = np.empty(FULL, np.uint64), ones()
    groups, end = starts.shape[0] - 1, np.uint64(ids.shape[0])
    hi, soon = np.uint64(starts[0]), np.uint64(starts[min(1, groups)])
    for g in range(groups):
        lo, hi, soon = hi, soon, np.uint64(starts[min(g + 2, groups)])  # early: what a size decides is not waited for
        size = hi - lo
        if size < TWO:
            if size == ONE:
                out[lo] = np.nan
            continue
        base = np.uint64(offsets[size]) - ONE
        if fits_pairs(lo, size, end):
            sum_pairs(ids, lo, addends, ALL - size, size, counts)
            for block in range(ZERO, whole(size), WIDTH):
                for lane in range(block, block + WIDTH):
                    paid = pay[base + counts[lane]]
                    out[lo + lane] = paid if w is None else w[lo + lane] * paid
            continue
        hashed(ids, lo, hi, shifts[size], left, slots, keys, sums)
        for i in range(lo, hi):
            paid = pay[base + np.uint64(sums[slots[i - lo]])]
            out[i] = paid if w is None else w[i] * paid
    return top


@jit
def advantages(ids, starts, offsets, pay, weights, scales, out):
    """pay[m_i] − Σ_j weights[m_j]·scale/(n − 1), likewise."""
    shifts, slots, left, keys, sums = scratch(max(offsets.shape[0] - 1, 1))
    counts, addends = np.empty(FULL, np.uint64), ones()
    groups, end = starts.shape[0] - 1, np.uint64(ids.shape[0])
    hi, soon, step = np.uint64(starts[0]), np.uint64(starts[min(1, groups)]), WIDTH * addends[ZERO]
    for g in range(groups):
        lo, hi, soon = hi, soon, np.uint64(starts[min(g + 2, groups)])
        size = hi - lo
        if size < TWO:
            if size == ONE:
                out[lo] = np.nan
            continue
        base, width, share = np.uint64(offsets[size]) - ONE, whole(size), np.int64(size - ONE)
        if fits_pairs(lo, size, end):
            sum_pairs(ids, lo, addends, ALL - size, size, counts)
            mean = total_pairs(weights, base, counts, width, step) * scales[size] / share
            for block in range(ZERO, width, WIDTH):
                for lane in range(block, block + WIDTH):
                    out[lo + lane] = pay[base + counts[lane]] - mean
            continue
        hashed(ids, lo, hi, shifts[size], left, slots, keys, sums)
        mean = total_hashed(weights, base, slots, sums, size) * scales[size] / share
        for k in range(ZERO, size):
            out[lo + k] = pay[slots[k]] - mean


@jit
def means(ids, starts, offsets, weights, scales, missing, left_out, out):
    """Σ_j weights[m_j]·scale/(n − left_out) of each group, over those not missing; NaN for fewer than two."""
    shifts, slots, left, keys, sums = scratch(max(offsets.shape[0] - 1, 1))
    counts, addends = np.empty(FULL, np.uint64), ones()
    groups, end = starts.shape[0] - 1, np.uint64(ids.shape[0])
    hi, step = np.uint64(starts[0]), WIDTH * addends[ZERO]
    for g in range(groups):
        lo, hi = hi, np.uint64(starts[g + 1])
        size = hi - lo
        if size < TWO:
            out[g] = np.nan
            continue
        base = np.uint64(offsets[size]) - ONE
        if fits_pairs(lo, size, end):
            sum_pairs(ids, lo, addends, ALL - size, size, counts)
            total = total_pairs(weights, base, counts, whole(size), step)
        else:
            hashed(ids, lo, hi, shifts[size], left, slots, keys, sums)
            total = total_hashed(weights, base, slots, sums, size)
        if missing is not None:
            total -= np.int64(missing[lo:hi].sum()) * weights[base + ONE]
        out[g] = total * scales[size] / (np.int64(size) - left_out)

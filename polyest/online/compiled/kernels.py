"""Counting and look-up: the scores of groups that lie one behind the other, as int64 answers and float64 results.

All pairs of a small group are compared in vector registers, larger groups are counted in a hash table.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

import math

import numpy as np

from polyest.online.compiled.hashing import group_table, tally
from polyest.online.compiled.jit import inlined, jit
from polyest.online.compiled.llvm import LANES, MOST, sum_pairs, weigh_pairs
from polyest.online.extras import LARGEST, MOST_DIGITS, PACKED

__all__ = ["score", "weigh"]

ZERO, ONE, TWO, WIDTH, ROOM = (np.uint64(n) for n in (0, 1, 2, LANES, MOST))
UNSIGNED = np.uint64(2**63 - 1)
MAGNITUDE = np.float64(LARGEST).view(np.uint64)
TOGETHER = 16  # groups whose weights are checked at once: a short loop is a slow one


@inlined
def whole_blocks(size):
    return (size + WIDTH - ONE) // WIDTH * WIDTH


@inlined
def fits_registers(lo, size, end):
    """Whether a group is small but not empty, and whole blocks of it can be read, in `end` ids."""
    return size - ONE < ROOM and lo + whole_blocks(size) <= end


@inlined
def power(exponent):
    """2^exponent, at most `MOST_DIGITS` from 1."""
    return math.ldexp(1.0, np.int32(max(min(exponent, MOST_DIGITS), -MOST_DIGITS)))


@inlined
def length(number):
    """The least e with |number| < 2^e."""
    return np.int64(math.frexp(np.float64(number))[1])


@inlined
def fixed(number, scale):
    return np.int64(np.rint(number * scale))


@inlined
def largest(w, lo, hi):
    """The largest word of w[lo:hi] without its sign."""
    words, top = w.view(np.uint64), ZERO
    for i in range(lo, hi):
        top = max(top, words[i] & UNSIGNED)
    return top


@inlined
def digits_of(size, top):
    """Binary digits by which numbers are shifted to be summed as integers; the word of the largest has its exponent."""
    return 62 - length(size) - (np.int64(top >> np.uint64(52)) - 1022)


@inlined
def pay_out(pay, totals, units, w, places, counts, base, lo, size, written, block, out):
    """T of a group, see `score`; its scores, unless out is None, from lo on, as many as `written`, block by block."""
    total, mean = 0, 0.0
    for first in range(ZERO, written, block):
        for k in range(first, first + block):
            place = places[k] if counts is None else base + np.uint64(counts[places[k]])
            if totals is not None:
                total += totals[place]
            if out is not None:
                out[lo + k] = pay[place] if w is None else w[lo + k] * pay[place]
    if totals is not None:
        mean = total / units[size]
        if out is not None:
            for first in range(lo, lo + written, block):
                for k in range(first, first + block):
                    out[k] -= mean
    return mean


@jit
def score(offsets, pay, totals, units, ids, starts, w, out, means):
    """T = Σ_j totals[m_j]/units[n] of each group; pay[m_i] − T of each completion, times w_i unless w is None.

    T is 0 if totals is None. What is None of `out` and `means` is not wanted. Returns whether weights are too large.
    """
    places, table = np.empty(2 * MOST + offsets.shape[0], np.uint64), group_table(offsets.shape[0])
    addends = np.zeros(2 * MOST, np.uint64)  # those of a group of n from MOST − n on
    addends[:MOST] = 1
    groups, end, refused = starts.shape[0] - 1, np.uint64(ids.shape[0]), False
    hi, soon = np.uint64(starts[0]), np.uint64(starts[min(1, groups)])
    for g in range(groups):
        lo, hi, soon = hi, soon, np.uint64(starts[min(g + 2, groups)])  # early: what a size decides is not waited for
        size, base = hi - lo, np.uint64(offsets[hi - lo]) - ONE
        if w is not None and g % TOGETHER == 0:
            refused |= largest(w, lo, np.uint64(starts[min(g + TOGETHER, groups)])) > MAGNITUDE
        if fits_registers(lo, size, end):
            sum_pairs(ids, lo, addends, ROOM - size, size, base, places, ZERO)
            written = whole_blocks(size)  # what is written behind the group belongs to the next, which comes later
            mean = pay_out(pay, totals, units, w, places, None, base, lo, size, written, WIDTH, out)
        else:
            tally(ids, lo, hi, table, places, None)
            mean = pay_out(pay, totals, units, w, places, table[1], base, lo, size, size, ONE, out)
        if means is not None:
            means[g] = mean
    return refused


@inlined
def weigh_counted(ids, w, lo, hi, columns, base, exponent, digits, table, slots, words, out):
    """T of a large group, whose answers are counted in `table`; its scores, unless out is None."""
    size = hi - lo
    finest = digits - length(size) if size <= PACKED else digits
    scale, unit, rate, total = power(finest), power(-finest), power(digits - exponent), 0
    if out is not None:
        for k in range(size):
            words[k] = fixed(w[lo + k], scale)
    tally(ids, lo, hi, table, slots, None if out is None else words)
    for k in range(size):
        weight, slot = w[lo + k], slots[k]
        place = base + np.uint64(table[1][slot])
        if out is not None:
            out[lo + k] = weight * columns[1, place] + (table[2][slot] - words[k]) * unit * columns[2, place]
        total += fixed(weight * columns[0, place], rate)
    mean = total * power(exponent - digits)
    if out is not None:
        for k in range(size):
            out[lo + k] -= mean
    return mean


@jit
def weigh(offsets, columns, exponents, ids, starts, w, out, means):
    """T = Σ_j w_j·others[m_j] of each group; w_i·own[m_i] + S_i·steps[m_i] − T of each completion unless out is None.

    S_i = Σ_{j≠i, z_j=z_i} w_j; NaN in a group of one. `columns` are others, own, steps. Returns whether weights are too
    large.
    """
    most, table = max(offsets.shape[0], MOST), group_table(offsets.shape[0])
    slots, words = np.empty(most, np.uint64), np.empty(most, np.int64)
    end, hi, refused = np.uint64(ids.shape[0]), np.uint64(starts[0]), False
    totals = np.empty(starts.shape[0] - 1) if means is None else means
    for g in range(starts.shape[0] - 1):
        lo, hi = hi, np.uint64(starts[g + 1])
        size = hi - lo
        if size < TWO:
            totals[g], refused = np.nan, refused | (largest(w, lo, hi) > MAGNITUDE)
            if out is not None:
                out[lo:hi] = np.nan
            continue
        base = np.uint64(offsets[size])
        if fits_registers(lo, size, end):
            top = weigh_pairs(ids, w, lo, size, columns, base, exponents[size], words, totals, np.uint64(g), out)
        else:
            top = largest(w, lo, hi)
            exponent, digits = exponents[size], digits_of(size, top)
            totals[g] = weigh_counted(ids, w, lo, hi, columns, base - ONE, exponent, digits, table, slots, words, out)
        refused |= top > MAGNITUDE
    return refused

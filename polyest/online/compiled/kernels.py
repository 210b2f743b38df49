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
POWERS = np.ldexp(1.0, np.arange(-MOST_DIGITS, MOST_DIGITS + 1))


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
    return POWERS[np.uint64(max(min(exponent, MOST_DIGITS), -MOST_DIGITS) + MOST_DIGITS)]


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
def look_up(pay, places, mean, w, out):
    """pay − T; with weights, where T is 0, w·pay."""
    for k in range(out.shape[0]):
        paid = pay[places[k]]
        out[k] = paid - mean if w is None else w[k] * paid


@jit
def score(waiting, offsets, pay, totals, units, ids, starts, w, out, means):
    """T = Σ_j totals[m_j]/units[n] of each group; pay[m_i] − T of each completion, times w_i unless w is None.

    T is 0 if totals is None. What is None of `out` and `means` is not wanted. Returns whether weights are too large.
    Up to `waiting` completions wait for those of the next group to be paid with them: among groups of mixed sizes the
    end of each loop is a branch that nobody foresees.
    """
    room = 2 * MOST + offsets.shape[0] + (0 if waiting is None else np.int64(waiting))
    places, table = np.empty(room, np.uint64), group_table(offsets.shape[0])
    addends = np.zeros(2 * MOST, np.uint64)  # those of a group of n from MOST − n on
    addends[:MOST] = 1
    end, hi, refused = np.uint64(ids.shape[0]), np.uint64(starts[0]), False
    first, last, mean = hi, starts.shape[0] - 2, 0.0
    for g in range(starts.shape[0] - 1):
        lo, hi = hi, np.uint64(starts[g + 1])
        size, at = hi - lo, ZERO if waiting is None else lo - first
        written, base = size, np.uint64(offsets[size]) - ONE
        if w is not None and g % TOGETHER == 0:
            refused |= largest(w, lo, np.uint64(starts[min(g + TOGETHER, starts.shape[0] - 1)])) > MAGNITUDE
        if fits_registers(lo, size, end):
            sum_pairs(ids, lo, addends, ROOM - size, size, base, places, at)
            written = whole_blocks(size)  # what is written behind the group belongs to the next, which comes later
        else:
            tally(ids, lo, hi, g, table, places[at:], None)
            for k in range(at, at + size):
                places[k] = base + np.uint64(table[2][places[k]])
        if totals is not None:
            total = 0
            for k in range(at, at + written):
                total += totals[places[k]]
            mean = total / units[size]
        if means is not None:
            means[g] = mean
        if out is None:
            first = hi
        elif waiting is None or totals is not None or hi - first >= waiting or g == last:
            stop = lo + written
            look_up(pay, places, mean, None if w is None else w[first:stop], out[first:stop])
            first = hi
    return refused


@inlined
def weigh_counted(ids, w, lo, hi, group, found, table, scratch, out):
    """T of a large group, whose answers are counted in `table`; its scores, unless out is None."""
    columns, base, exponent, digits = found
    slots, words = scratch
    size = hi - lo
    finest = digits - length(size) if size <= PACKED else digits
    scale, unit, rate, total = power(finest), power(-finest), power(digits - exponent), 0
    if out is not None:
        for k in range(size):
            words[k] = fixed(w[lo + k], scale)
    tally(ids, lo, hi, group, table, slots, None if out is None else words)
    for k in range(size):
        weight, slot = w[lo + k], slots[k]
        place = base + np.uint64(table[2][slot])
        if out is not None:
            out[lo + k] = weight * columns[1, place] + (table[3][slot] - words[k]) * unit * columns[2, place]
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
    scratch = np.empty(most, np.uint64), np.empty(most, np.int64)
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
            top = weigh_pairs(ids, w, lo, size, columns, base, exponents[size], scratch[1], totals, np.uint64(g), out)
            refused |= top > MAGNITUDE
        else:
            top = largest(w, lo, hi)
            found = columns, base - ONE, exponents[size], digits_of(size, top)
            totals[g], refused = (
                weigh_counted(ids, w, lo, hi, g, found, table, scratch, out),
                refused | (top > MAGNITUDE),
            )
    return refused

"""Scores of weighted completions (theory.md §9), in one pass, to the bit as `polyest.online.numpy_backend` has them."""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

import math

import numpy as np

from polyest.online.compiled.counting import hashed, scratch, whole
from polyest.online.compiled.jit import inlined, jit
from polyest.online.compiled.kernels import largest_of
from polyest.online.compiled.weighing import weigh_pairs
from polyest.online.weights import LARGEST, MOST_DIGITS, PACKED

__all__ = ["LIMIT", "sums", "weigh"]

ZERO, ONE, TWO, MOST = (np.uint64(n) for n in (0, 1, 2, PACKED))
LIMIT = np.float64(LARGEST).view(np.int64)
POWERS = np.ldexp(1.0, np.arange(-MOST_DIGITS, MOST_DIGITS + 1))


@inlined
def power(exponent):
    """2^exponent, at most `MOST_DIGITS` from 1."""
    return POWERS[np.uint64(max(min(exponent, MOST_DIGITS), -MOST_DIGITS) + MOST_DIGITS)]


@inlined
def length(size):
    """How many binary digits it has."""
    return np.int64(math.frexp(np.float64(size))[1])


@inlined
def digits_of(top, size):
    """Binary digits by which numbers, the largest with the bits `top`, are shifted to be summed as integers."""
    return 62 - length(size) - ((top >> 52) - 1022)


@inlined
def fixed(number, scale):
    return np.int64(np.rint(number * scale))


@inlined
def weigh_hashed(ids, w, lo, hi, base, columns, exponent, digits, memory, places, words, out):
    """The scores of a large group, unless out is None; returns its T."""
    (shifts, slots, left, keys, table), (others, own, steps) = memory, columns
    size, scale, total = hi - lo, power(digits - exponent), 0
    hashed(ids, lo, hi, shifts[size], left, slots, keys, table)
    for k in range(ZERO, size):
        places[k] = base + np.uint64(table[slots[k]]) - ONE
        total += fixed(w[lo + k] * others[places[k]], scale)
    mean = total * power(exponent - digits)
    if out is not None:
        digits -= length(size) if size <= MOST else 0
        for k in range(ZERO, size):
            table[slots[k]] = 0
        for k in range(ZERO, size):
            words[k] = fixed(w[lo + k], power(digits))
            table[slots[k]] += words[k]
        for k in range(ZERO, size):
            same = (table[slots[k]] - words[k]) * power(-digits)
            out[lo + k] = w[lo + k] * own[places[k]] + same * steps[places[k]] - mean
    return mean


@jit
def weigh(ids, starts, offsets, columns, exponents, w, bits, totals, out):
    """T = Σ_j w_j·others[m_j] of each group; w_i·own[m_i] + S_i·steps[m_i] − T of each completion unless out is None.

    S_i = Σ_{j≠i, z_j=z_i} w_j; NaN in a group of one. `columns` are others, own, steps, `PACKED` zeros behind; `bits`
    are those of w. Whether all weights are finite and at most `LARGEST`; where one is not it stops.
    """
    memory, longest = scratch(max(offsets.shape[0] - 1, 1)), max(offsets.shape[0], PACKED)
    words, places = np.empty(longest, np.int64), np.empty(longest, np.uint64)
    end, hi = np.uint64(ids.shape[0]), np.uint64(starts[0])
    for g in range(starts.shape[0] - 1):
        lo, hi = hi, np.uint64(starts[g + 1])
        size, base = hi - lo, np.uint64(offsets[hi - lo])
        is_small = TWO <= size <= MOST and lo + whole(size) <= end
        if is_small:
            top = weigh_pairs(ids, bits, lo, size, columns, base, exponents[size], words, totals, np.uint64(g), out)
        else:
            top = largest_of(bits[lo:hi])
        if top > LIMIT:
            return False
        if size < TWO:
            totals[g] = np.nan
            if out is not None:
                out[lo:hi] = np.nan
        elif not is_small:
            digits, exponent = digits_of(top, size), exponents[size]
            totals[g] = weigh_hashed(ids, w, lo, hi, base, columns, exponent, digits, memory, places, words, out)
    return True


@jit
def sums(numbers, bits, starts, out):
    """The sum of each group's finite numbers, whatever their order; 0 for fewer than two."""
    for g in range(starts.shape[0] - 1):
        lo, hi = np.uint64(starts[g]), np.uint64(starts[g + 1])
        digits, total = digits_of(largest_of(bits[lo:hi]), hi - lo), 0
        for number in numbers[lo:hi]:
            total += fixed(number, power(digits))
        out[g] = total * power(-digits) if hi - lo > ONE else 0.0

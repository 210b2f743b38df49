"""Advantages of weighted completions in numba: the same as `polyest.online.weighted` to the bit."""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

import math

import numpy as np

from polyest.online.kernels import inlined, jit

__all__ = ["advantages"]

FEW = 64  # completions of a group that are compared pair by pair


@inlined
def shift_of(top, size):
    """How far numbers up to `top` may be shifted to the left, so that no sum of `size` of them overflows."""
    bits = 0
    while size >> bits:
        bits += 1
    return min(62 - bits - math.frexp(top)[1], 1000)


@inlined
def fix(values, fixed, size):
    """The first `size` values as integers × scale; their sum."""
    top, total = 0.0, 0
    for i in range(size):
        top = max(top, abs(values[i]))
    shift = shift_of(top, size)
    up = math.ldexp(1.0, shift)
    for i in range(size):
        fixed[i] = np.int64(np.rint(values[i] * up))
        total += fixed[i]
    return total, math.ldexp(1.0, -shift)


@jit
def pairs(ids, fixed, size, counts, same):
    """m_i and Σ_{j≠i, z_j = z_i} of the fixed-point weights, comparing all pairs."""
    for i in range(size):
        counts[i], same[i] = -1, -fixed[i]
    for j in range(size):
        other, weight = ids[j], fixed[j]
        for i in range(size):
            is_same = ids[i] == other
            counts[i] += np.int64(is_same)
            same[i] += weight if is_same else 0


@jit
def runs(ids, fixed, size, counts, same):
    """The same by sorting."""
    order, begin = np.argsort(ids[:size]), 0
    while begin < size:
        end, total = begin, 0
        while end < size and ids[order[end]] == ids[order[begin]]:
            total += fixed[order[end]]
            end += 1
        for place in order[begin:end]:
            counts[place], same[place] = end - begin - 1, total - fixed[place]
        begin = end


@jit
def advantages(codes, starts, offsets, pay, weights, scales, w, absent, absent_pay, out):
    """Of completions that lie group by group."""
    largest = max(offsets.shape[0] - 1, 1)
    counts, same = np.empty(largest, np.int64), np.empty(largest, np.int64)
    fixed, rates = np.empty(largest, np.int64), np.empty(largest)
    others, steps = np.empty(largest), np.empty(largest)  # c' and its differences
    for g in range(starts.shape[0] - 1):
        lo, size = starts[g], starts[g + 1] - starts[g]
        if size < 2:
            continue
        ids, mine, base = codes[lo : lo + size], w[lo : lo + size], offsets[size]
        down = fix(mine, fixed, size)[1]
        if size <= FEW:
            pairs(ids, fixed, size, counts, same)
        else:
            runs(ids, fixed, size, counts, same)
        for m in range(size):
            others[m] = weights[base + m] * scales[size]
            steps[m] = others[m] - others[max(m - 1, 0)]
        for i in range(size):
            rates[i], out[lo + i] = mine[i] * others[counts[i]], mine[i] * pay[base + counts[i]]
        for i in range(size if absent.shape[0] else 0):
            if absent[lo + i]:
                rates[i] = out[lo + i] = mine[i] * absent_pay
        total, unit = fix(rates, fixed, size)
        for i in range(size):
            rest = (total - fixed[i]) * unit - same[i] * down * steps[counts[i]]
            out[lo + i] -= rest / (size - 1)


@jit
def means(values, starts, out):
    """Of values that lie group by group."""
    largest = 1
    for g in range(starts.shape[0] - 1):
        largest = max(largest, starts[g + 1] - starts[g])
    fixed = np.empty(largest, np.int64)
    for g in range(starts.shape[0] - 1):
        lo, hi = starts[g], starts[g + 1]
        if hi - lo > 1:
            total, unit = fix(values[lo:hi], fixed, hi - lo)
            out[g] = total * unit / (hi - lo)

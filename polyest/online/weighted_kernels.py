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
def shift_of(top, bits):
    """How far the largest number may be shifted to the left."""
    return min(62 - bits - math.frexp(top)[1], 1000)


@jit
def pairs(ids, fixed, counts, same):
    """m_i and Σ_{j≠i, z_j = z_i} of the fixed-point weights, comparing all pairs."""
    for i in range(ids.shape[0]):
        own, count, total = ids[i], -1, -fixed[i]
        for j in range(ids.shape[0]):
            is_same = np.int64(ids[j] == own)
            count += is_same
            total += fixed[j] & -is_same
        counts[i], same[i] = count, total


@jit
def runs(ids, fixed, counts, same):
    """The same by sorting."""
    order, begin = np.argsort(ids), 0
    while begin < ids.shape[0]:
        end, total = begin, 0
        while end < ids.shape[0] and ids[order[end]] == ids[order[begin]]:
            total += fixed[order[end]]
            end += 1
        for place in order[begin:end]:
            counts[place], same[place] = end - begin - 1, total - fixed[place]
        begin = end


@jit
def advantages(codes, starts, rows, offsets, pay, weights, scales, w, absent, absent_pay, out):
    largest = max(offsets.shape[0] - 1, 1)
    ids, fixed, counts = np.empty(largest, np.int64), np.empty(largest, np.int64), np.empty(largest, np.int64)
    same, mine, rate = np.empty(largest, np.int64), np.empty(largest), np.empty(largest)
    for g in range(starts.shape[0] - 1):
        lo, size = starts[g], starts[g + 1] - starts[g]
        if size < 2:
            continue
        base, scale, bits, top = offsets[size], scales[size], 0, 0.0
        while size >> bits:
            bits += 1
        for i in range(size):
            ids[i], mine[i] = codes[rows[lo + i]], w[rows[lo + i]]
            top = max(top, abs(mine[i]))
        shift = shift_of(top, bits)
        up, down = math.ldexp(1.0, shift), math.ldexp(1.0, -shift)
        for i in range(size):
            fixed[i] = np.int64(np.rint(mine[i] * up))
        if size <= FEW:
            pairs(ids[:size], fixed[:size], counts, same)
        else:
            runs(ids[:size], fixed[:size], counts, same)
        top = 0.0
        for i in range(size):
            gone = absent.shape[0] > 0 and absent[rows[lo + i]]
            rate[i] = mine[i] * (absent_pay if gone else weights[base + counts[i]] * scale)
            top = max(top, abs(rate[i]))
        shift, total = shift_of(top, bits), 0
        out_up, out_down = math.ldexp(1.0, shift), math.ldexp(1.0, -shift)
        for i in range(size):
            fixed[i] = np.int64(np.rint(rate[i] * out_up))
            total += fixed[i]
        for i in range(size):
            gone, m = absent.shape[0] > 0 and absent[rows[lo + i]], base + counts[i]
            step = weights[m] * scale - weights[max(m - 1, base)] * scale
            rest = (total - fixed[i]) * out_down - same[i] * down * step
            paid = absent_pay if gone else pay[m]
            out[rows[lo + i]] = mine[i] * paid - rest / (size - 1)

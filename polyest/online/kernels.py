"""Counting and look-up in numba: compiled at the first call, kept on disk if possible, no GIL.

Matches of a small group are counted by comparing all pairs in vector registers, those of a larger one by hashing into a
table so wide that answers rarely share a slot: every answer writes itself to its slot, and if it then finds another one
there, the group is counted again by probing. All indices are unsigned, which spares a sign test per access.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from polyest.online.vectors import compare_lanes

__all__ = ["ADVANTAGES", "REWARDS", "TOTALS", "jit", "score"]

REWARDS, ADVANTAGES, TOTALS = 0, 1, 2
PAIRWISE_LIMIT = np.uint64(32)
WIDEST = 16
LATE = 256
GOLDEN, OTHER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
ZERO, ONE, TWO, SEVEN, EIGHT = (np.uint64(n) for n in (0, 1, 2, 7, 8))


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the GIL; keep the machine code on disk unless no folder can be written to."""
    try:
        compiled = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    return compiled


@jit
def narrow_bits(size):
    """A hash table for probing has at least four slots per completion."""
    bits = 5
    while 1 << bits < 4 * size:
        bits += 1
    return bits


@jit
def wide_bits(size):
    """With 8·size² slots, even size different answers share a slot in only one group of 16."""
    bits = narrow_bits(size)
    while bits < WIDEST and 1 << bits < 8 * size * size:
        bits += 1
    return bits


@jit
def probe(ids, lo, hi, far, slots, keys, counts, owned):
    """Matches of ids[lo:hi] at counts[slots[far + i]], whatever the hash does; `owned` is left all False."""
    bits = narrow_bits(np.int64(hi - lo))
    shift, mask = np.uint64(64 - bits), np.uint64((1 << bits) - 1)
    for i in range(lo, hi):
        one = np.int64(ids[i])
        slot = np.uint64(one) * GOLDEN
        slot = ((slot ^ (slot >> np.uint64(32))) * OTHER) >> shift
        while owned[slot] and keys[slot] != one:
            slot = (slot + ONE) & mask
        slots[far + i - lo] = slot
        counts[slot] = counts[slot] + 1 if owned[slot] else 0
        owned[slot], keys[slot] = True, one
    for i in range(lo, hi):
        owned[slots[far + i - lo]] = False


@jit
def scratch(starts):
    """Memory for the largest group: slots (in its second half), hash keys, counts, owners; the hash's shift by size."""
    largest = np.int64(1)
    for g in range(starts.shape[0] - 1):
        largest = max(largest, starts[g + 1] - starts[g])
    width = 1 << wide_bits(largest)
    shifts = np.empty(largest + 1, np.uint64)
    for size in range(largest + 1):
        shifts[size] = 64 - wide_bits(size)
    keys, counts = np.empty(width, np.int64), np.empty(width, np.int32)
    return np.arange(2 * largest).astype(np.uint64), keys, counts, np.zeros(1 << narrow_bits(largest), np.bool_), shifts


@jit
def score(kind, ids, starts, offsets, pay, weights, scales, absent, absent_pay, less, out, totals):  # noqa: C901
    """Rewards or advantages of the groups ids[starts[g] : starts[g + 1]] into `out`, or their totals into `totals`.

    Advantages are written some groups late, when the stores of what is paid have left the processor's store buffer.
    It is one function because a call per group costs as much as scoring a small group.
    """
    slots, keys, counts, owned, shifts = scratch(starts)
    groups, end, far = starts.shape[0] - 1, np.uint64(ids.shape[0]), np.uint64(slots.shape[0] // 2)
    late = max(1, LATE // np.int64(far)) if kind == ADVANTAGES else 0
    paid, means = np.empty((late + 1) * np.int64(far)), np.empty(late + 1)
    turn, written = ZERO, ZERO
    for g in range(groups + late):
        if g < groups:
            lo, hi = np.uint64(starts[g]), np.uint64(starts[g + 1])
            size = hi - lo
            if size < TWO:
                if kind == TOTALS:
                    totals[g] = np.nan
                elif size == ONE:
                    out[lo], paid[turn * far] = np.nan, np.nan
                means[turn] = 0.0
            else:
                base = np.uint64(offsets[size])
                if size <= PAIRWISE_LIMIT and lo + (size + SEVEN) // EIGHT * EIGHT <= end:
                    at = ZERO - lo
                    for lane in range(ZERO, size, EIGHT):
                        compare_lanes(ids, lo, hi, lo + lane, counts, lane, slots[ONE])
                else:
                    at, shift = far - lo, shifts[size]
                    for i in range(lo, hi):
                        one = np.int64(ids[i])
                        slot = (np.uint64(one) * GOLDEN) >> shift
                        slots[i + at], keys[slot], counts[slot] = slot, one, -1
                    differences = np.int64(0)
                    for i in range(lo, hi):
                        slot = slots[i + at]
                        differences |= keys[slot] ^ np.int64(ids[i])
                        counts[slot] += 1
                    if differences != 0:
                        probe(ids, lo, hi, far, slots, keys, counts, owned)
                total = 0
                if kind == REWARDS:
                    for i in range(lo, hi):
                        out[i] = pay[base + np.uint64(counts[slots[i + at]])]
                elif kind == ADVANTAGES:
                    to = turn * far - lo
                    for i in range(lo, hi):
                        m = base + np.uint64(counts[slots[i + at]])
                        paid[i + to] = pay[m]
                        total += weights[m]
                    means[turn] = total * scales[size] / (np.int64(size) - less)
                else:
                    for i in range(lo, hi):
                        total += weights[base + np.uint64(counts[slots[i + at]])]
                    gone = absent[g] if absent.shape[0] else 0
                    total -= gone * weights[base]
                    totals[g] = (total * scales[size] + gone * absent_pay) / (np.int64(size) - less)
        if kind == ADVANTAGES:
            turn = turn + ONE if turn < np.uint64(late) else ZERO
            if g >= late:
                lo, hi = written, np.uint64(starts[g - late + 1])
                to, mean, written = turn * far - lo, means[turn], hi
                for i in range(lo, hi):
                    out[i] = paid[i + to] - mean

"""Counting and look-up in numba, one group at a time; compiled at the first call, cached on disk if possible.

Two ways to count matches: compare all pairs (few completions), or an open-addressing hash table (many).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

__all__ = ["advantages", "jit", "ragged_advantages", "ragged_rewards", "ragged_totals", "rewards", "totals"]

PAIRWISE_LIMIT = 48
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the GIL; keep the machine code on disk unless no folder can be written to."""
    try:
        compiled = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    return compiled


@jit
def scratch(largest):  # type: ignore[no-untyped-def]
    """Memory for groups of up to `largest`: matches, slots, hash keys, hash counts, hash owners, histogram."""
    size = 16
    while size < 2 * largest:
        size *= 2
    return (
        np.empty(largest, np.int64),
        np.empty(largest, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.full(size, -1, np.int64),
        np.empty(largest, np.int64),
    )


@jit
def pairwise(ids, first, size, matches):  # type: ignore[no-untyped-def]
    for i in range(size):
        matches[i] = -1
    for i in range(size):
        one = ids[first + i]
        for j in range(size):
            matches[j] += ids[first + j] == one


@jit
def hashed(ids, first, size, owner, memory):  # type: ignore[no-untyped-def]
    matches, slots, keys, counts, owners, _ = memory
    bits = 4
    while 1 << bits < 2 * size:
        bits += 1
    mask, shift = (1 << bits) - 1, np.uint64(64 - bits)
    for i in range(size):
        one = np.int64(ids[first + i])
        slot = np.int64((np.uint64(one) * GOLDEN) >> shift)
        while owners[slot] == owner and keys[slot] != one:
            slot = (slot + 1) & mask
        if owners[slot] == owner:
            counts[slot] += 1
        else:
            owners[slot], keys[slot], counts[slot] = owner, one, 0
        slots[i] = slot
    for i in range(size):
        matches[i] = counts[slots[i]]


@jit
def count(ids, first, size, owner, memory):  # type: ignore[no-untyped-def]
    """Matches of the group ids[first : first + size] into memory[0]; `owner` must be new for every group."""
    if size <= PAIRWISE_LIMIT:
        pairwise(ids, first, size, memory[0])
    else:
        hashed(ids, first, size, owner, memory)


@jit
def total(matches, size, weights, base, gone, histogram):  # type: ignore[no-untyped-def]
    """Σ_m h_m·weights[base + m], m ascending; `gone` completions with 0 matches are left out."""
    for m in range(size):
        histogram[m] = 0
    for i in range(size):
        histogram[matches[i]] += 1
    histogram[0] -= gone
    result = 0.0
    for m in range(size):
        result += histogram[m] * weights[base + m]
    return result


@jit
def rewards(ids, size, pay, out):  # type: ignore[no-untyped-def]
    memory = scratch(size)
    for group in range(ids.shape[0] // size):
        first = group * size
        count(ids, first, size, group, memory)
        for i in range(size):
            out[first + i] = pay[memory[0][i]]


@jit
def advantages(ids, size, pay, weights, out):  # type: ignore[no-untyped-def]
    memory = scratch(size)
    for group in range(ids.shape[0] // size):
        first = group * size
        count(ids, first, size, group, memory)
        mean = total(memory[0], size, weights, 0, 0, memory[5]) / (size - 1)
        for i in range(size):
            out[first + i] = pay[memory[0][i]] - mean


@jit
def totals(ids, size, weights, divisor, absent, absent_pay, out):  # type: ignore[no-untyped-def]
    memory = scratch(size)
    for group in range(ids.shape[0] // size):
        gone = absent[group] if absent.shape[0] else 0
        count(ids, group * size, size, group, memory)
        result = total(memory[0], size, weights, 0, gone, memory[5])
        if absent.shape[0]:
            result += gone * absent_pay
        out[group] = result / divisor


@jit
def largest_group(starts):  # type: ignore[no-untyped-def]
    largest = 1
    for group in range(starts.shape[0] - 1):
        largest = max(largest, starts[group + 1] - starts[group])
    return largest


@jit
def ragged_rewards(ids, starts, offsets, pay, out):  # type: ignore[no-untyped-def]
    memory = scratch(largest_group(starts))
    for group in range(starts.shape[0] - 1):
        first = starts[group]
        size = starts[group + 1] - first
        if size == 1:
            out[first] = np.nan
        if size > 1:
            count(ids, first, size, group, memory)
            base = offsets[size]
            for i in range(size):
                out[first + i] = pay[base + memory[0][i]]


@jit
def ragged_advantages(ids, starts, offsets, pay, weights, out):  # type: ignore[no-untyped-def]
    memory = scratch(largest_group(starts))
    for group in range(starts.shape[0] - 1):
        first = starts[group]
        size = starts[group + 1] - first
        if size == 1:
            out[first] = np.nan
        if size > 1:
            count(ids, first, size, group, memory)
            base = offsets[size]
            mean = total(memory[0], size, weights, base, 0, memory[5]) / (size - 1)
            for i in range(size):
                out[first + i] = pay[base + memory[0][i]] - mean


@jit
def ragged_totals(ids, starts, offsets, weights, less, absent, absent_pay, out):  # type: ignore[no-untyped-def]
    memory = scratch(largest_group(starts))
    for group in range(starts.shape[0] - 1):
        first = starts[group]
        size = starts[group + 1] - first
        out[group] = np.nan
        if size > 1:
            gone = absent[group] if absent.shape[0] else 0
            count(ids, first, size, group, memory)
            result = total(memory[0], size, weights, offsets[size], gone, memory[5])
            if absent.shape[0]:
                result += gone * absent_pay
            out[group] = result / (size - less)

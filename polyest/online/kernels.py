"""Counting and look-up in numba: compiled at the first call, kept on disk if possible, no GIL.

Matches of a small group are counted by comparing all pairs in vector registers, those of a larger one by hashing into
a table of eight slots per completion: every answer writes itself to its slot, and the few that then find another one
there are counted apart. Indices are unsigned where it counts, which spares a sign test per access.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np

from polyest.online.machine_code import keep
from polyest.online.vectors import BLOCKS, LANES, count_pairs

__all__ = ["ADVANTAGES", "GOLDEN", "MEANS", "OTHER", "REWARDS", "SOON", "inlined", "jit", "score"]

REWARDS, ADVANTAGES, MEANS = 0, 1, 2
FEW, WIDTH, PAIRWISE_LIMIT = np.uint64(32), np.uint64(LANES), np.uint64(LANES * BLOCKS)
GOLDEN, OTHER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
ZERO, ONE, TWO, HALF = (np.uint64(n) for n in (0, 1, 2, 32))
SOON = np.uint64(32)  # how many rows ahead those anywhere in memory are asked for
SOURCES = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
VERSION = hashlib.sha256(SOURCES).hexdigest()[:8]


def jit(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile without the GIL; keep the machine code on disk if possible.

    It is taken from there as long as the function's own file is the same; its name here changes with any file, as
    functions of several files are compiled into one.
    """
    function.__qualname__ += f"-{VERSION}"
    return keep(numba.njit(nogil=True, error_model="numpy", **options)(function))


inlined = partial(jit, forceinline=True)


@jit
def table_bits(size):
    """A hash table has at least eight slots per completion."""
    bits = 5
    while 1 << bits < 8 * size:
        bits += 1
    return bits


@jit
def scratch(largest):
    """The hash's shift by size; for the largest group: slots, who is counted apart, keys and matches of the slots."""
    slots, left = np.empty(largest, np.uint64), np.empty(largest, np.uint64)
    shifts, width = np.empty(largest + 1, np.uint64), 1 << table_bits(largest)
    for size in range(largest + 1):
        shifts[size] = 64 - table_bits(size)
    return shifts, slots, left, np.empty(width, np.int64), np.empty(width + largest, np.int64)


@jit
def probe(ids, lo, left, slots, counts, behind):
    """Matches of the completions `left`, whatever the hash does, at counts[slots[i − lo]], behind the table's slots."""
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
            places[slot], counts[behind + np.uint64(j)] = j, -1
        slots[i - lo] = behind + np.uint64(places[slot])
        counts[slots[i - lo]] += 1


@jit
def compare(ids, lo, left, slots, counts, behind):
    """The same for a few completions, by comparing all pairs."""
    for j in range(left.shape[0]):
        matches = -1
        for i in left:
            matches += ids[i] == ids[left[j]]
        slots[left[j] - lo] = behind + np.uint64(j)
        counts[slots[left[j] - lo]] = matches


@inlined
def count_by_hash(ids, lo, hi, shift, left, slots, keys, counts):
    """Matches of ids[lo:hi] at counts[slots[i − lo]].

    Completions with the same answer have the same slot: they all find it there, or none of them does.
    """
    for i in range(lo, hi):
        slot = (np.uint64(ids[i]) * GOLDEN) >> shift
        slots[i - lo], keys[slot], counts[slot] = slot, ids[i], -1
    displaced = ZERO
    for i in range(lo, hi):
        slot = slots[i - lo]
        left[displaced] = i
        other = np.int64(keys[slot] != ids[i])
        displaced += np.uint64(other)
        counts[slot] += 1 - other
    behind = np.uint64(keys.shape[0])
    if displaced > FEW:
        probe(ids, lo, left[:displaced], slots, counts, behind)
    elif displaced != ZERO:
        compare(ids, lo, left[:displaced], slots, counts, behind)


@jit
def score(kind, ids, starts, offsets, pay, weights, scales, absent, absent_pay, left_out, out, means):  # noqa: C901
    """Rewards or advantages of the groups ids[starts[g] : starts[g + 1]] into `out`, or their means into `means`.

    A small group is written in whole blocks: what this puts into the rows behind it, the pay of −1 matches, is
    overwritten by their own groups. It is one function because a call per group costs as much as scoring a small one.
    """
    shifts, slots, left, keys, counts = scratch(max(offsets.shape[0] - 1, 1))
    small, ones = np.empty(LANES * BLOCKS, np.uint64), np.ones(1, np.uint64)
    groups, end = starts.shape[0] - 1, np.uint64(ids.shape[0])
    step = WIDTH * ones[ZERO]  # unknown to LLVM, which would add up in vectors that take longer to fill
    hi, soon = np.uint64(starts[0]), np.uint64(starts[min(1, groups)])
    for g in range(groups):
        lo, hi, soon = hi, soon, np.uint64(starts[min(g + 2, groups)])  # early: what a size decides is not waited for
        size = hi - lo
        if size < TWO:
            if kind == MEANS:
                means[g] = np.nan
            elif size == ONE:
                out[lo] = np.nan
            continue
        base, total, over = np.uint64(offsets[size]), 0, np.int64(size) - left_out
        width = (size + WIDTH - ONE) // WIDTH * WIDTH
        if size <= PAIRWISE_LIMIT and lo + width <= end:
            count_pairs(ids, lo, size, small, ones[ZERO])
            if kind == REWARDS:
                for block in range(ZERO, width, WIDTH):
                    for lane in range(block, block + WIDTH):
                        out[lo + lane] = pay[base + small[lane]]
                continue
            block = ZERO
            while block < width:
                for lane in range(block, block + WIDTH):
                    total += weights[base + small[lane]]
                block += step
            mean = total * scales[size] / over
            if kind == ADVANTAGES:
                for block in range(ZERO, width, WIDTH):
                    for lane in range(block, block + WIDTH):
                        out[lo + lane] = pay[base + small[lane]] - mean
        else:
            count_by_hash(ids, lo, hi, shifts[size], left, slots, keys, counts)
            if kind == REWARDS:
                for i in range(lo, hi):
                    out[i] = pay[base + np.uint64(counts[slots[i - lo]])]
                continue
            for i in range(lo, hi):
                slots[i - lo] = base + np.uint64(counts[slots[i - lo]])
                total += weights[slots[i - lo]]
            if kind == ADVANTAGES:
                mean = total * scales[size] / over
                for i in range(lo, hi):
                    out[i] = pay[slots[i - lo]] - mean
        if kind == MEANS:
            gone = absent[g] if absent.shape[0] else 0
            total -= gone * weights[base]
            means[g] = (total * scales[size] + gone * absent_pay) / over

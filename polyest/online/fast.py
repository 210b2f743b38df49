"""The numba engine: the functions of `polyest.online.twin`, same arguments, same results to the bit.

`threads` splits the groups into that many parts of about equal size; one thread unless asked.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.online import arranging, kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.lookup import Tables

    Array = NDArray[np.float64]
    Ints = NDArray[Any]

__all__ = ["advantages", "arrange", "ragged_advantages", "ragged_rewards", "ragged_totals", "rewards", "totals"]

NONE = np.empty(0, np.int64)

arrange = arranging.arrange


def rewards(block: Ints, pay: Array, out: NDArray[Any], threads: int = 1) -> None:
    """See `polyest.online.twin.rewards`."""
    size = block.shape[1]
    ids, flat = _flat(block), out.reshape(-1)

    def part(lo: int, hi: int) -> None:
        kernels.rewards(ids[lo * size : hi * size], size, pay, flat[lo * size : hi * size])

    _run(part, _even(len(block), threads))


def advantages(block: Ints, pay: Array, weights: Array, out: NDArray[Any], threads: int = 1) -> None:
    """See `polyest.online.twin.advantages`."""
    size = block.shape[1]
    ids, flat = _flat(block), out.reshape(-1)

    def part(lo: int, hi: int) -> None:
        kernels.advantages(ids[lo * size : hi * size], size, pay, weights, flat[lo * size : hi * size])

    _run(part, _even(len(block), threads))


def totals(
    block: Ints, weights: Array, divisor: int, absent: Ints | None = None, absent_pay: float = 0.0, threads: int = 1
) -> Array:
    """See `polyest.online.twin.totals`."""
    size, out = block.shape[1], np.empty(len(block))
    ids, gone = _flat(block), NONE if absent is None else np.asarray(absent, np.int64)

    def part(lo: int, hi: int) -> None:
        kernels.totals(ids[lo * size : hi * size], size, weights, divisor, gone[lo:hi], absent_pay, out[lo:hi])

    _run(part, _even(len(block), threads))
    return out


def ragged_rewards(codes: Ints, starts: Ints, tables: Tables, out: NDArray[Any], threads: int = 1) -> None:
    """See `polyest.online.twin.ragged_rewards`."""
    ids = _flat(codes)

    def part(lo: int, hi: int) -> None:
        kernels.ragged_rewards(ids, starts[lo : hi + 1], tables.offsets, tables.pay, out)

    _run(part, _balanced(starts, threads))


def ragged_advantages(codes: Ints, starts: Ints, tables: Tables, out: NDArray[Any], threads: int = 1) -> None:
    """See `polyest.online.twin.ragged_advantages`."""
    ids = _flat(codes)

    def part(lo: int, hi: int) -> None:
        kernels.ragged_advantages(ids, starts[lo : hi + 1], tables.offsets, tables.pay, tables.weights, out)

    _run(part, _balanced(starts, threads))


def ragged_totals(
    codes: Ints,
    starts: Ints,
    tables: Tables,
    less: int,
    absent: Ints | None = None,
    absent_pay: float = 0.0,
    threads: int = 1,
) -> Array:
    """See `polyest.online.twin.ragged_totals`."""
    ids, out = _flat(codes), np.empty(len(starts) - 1)
    gone = NONE if absent is None else np.asarray(absent, np.int64)

    def part(lo: int, hi: int) -> None:
        some = starts[lo : hi + 1]
        kernels.ragged_totals(ids, some, tables.offsets, tables.weights, less, gone[lo:hi], absent_pay, out[lo:hi])

    _run(part, _balanced(starts, threads))
    return out


def _flat(ids: Ints) -> Ints:
    return np.ascontiguousarray(ids).reshape(-1)


def _even(groups: int, threads: int) -> list[tuple[int, int]]:
    ends = np.linspace(0, groups, min(threads, max(groups, 1)) + 1).astype(int).tolist()
    return list(pairwise(ends))


def _balanced(starts: Ints, threads: int) -> list[tuple[int, int]]:
    """Ranges of groups that hold about equally many rows."""
    inner = np.searchsorted(starts, np.linspace(0, starts[-1], threads + 1)[1:-1])
    ends = [0, *inner.tolist(), len(starts) - 1]
    return list(pairwise(ends))


def _run(part: Callable[[int, int], None], ranges: list[tuple[int, int]]) -> None:
    if len(ranges) == 1:
        part(*ranges[0])
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(ranges)) as pool:
        for future in [pool.submit(part, lo, hi) for lo, hi in ranges]:
            future.result()

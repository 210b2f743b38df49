"""The slow, obvious twin of `polyest.online.fast`: the same results to the bit, in plain numpy.

A block holds G groups of n completions, shape (G, n). Sums run over the histogram of matches in ascending order, one
float64 addition after the other, so that they do not depend on the order of the completions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.lookup import Tables

    Array = NDArray[np.float64]
    Ints = NDArray[Any]

__all__ = [
    "advantages",
    "arrange",
    "blocks",
    "matches",
    "ragged_advantages",
    "ragged_rewards",
    "ragged_totals",
    "rewards",
    "totals",
]


def matches(block: Ints) -> NDArray[np.int64]:
    """m_i = #{j ≠ i : z_j = z_i} for every completion of every group."""
    counts = np.full(block.shape, -1, np.int64)
    for column in range(block.shape[1]):
        counts += block == block[:, column, None]
    return counts


def rewards(block: Ints, pay: Array, out: NDArray[Any], threads: int = 1) -> None:
    """out_i = pay[m_i]."""
    out[...] = pay[matches(block)]


def advantages(block: Ints, pay: Array, weights: Array, out: NDArray[Any], threads: int = 1) -> None:
    """out_i = pay[m_i] − (Σ_j weights[m_j])/(n−1)."""
    mean = totals(block, weights, block.shape[1] - 1)
    out[...] = pay[matches(block)] - mean[:, None]


def totals(
    block: Ints, weights: Array, divisor: int, absent: Ints | None = None, absent_pay: float = 0.0, threads: int = 1
) -> Array:
    """(Σ_m h_m·weights[m] + a·absent_pay)/divisor, with h the histogram of matches without the a absent answers."""
    groups, size = block.shape
    cells = matches(block) + size * np.arange(groups)[:, None]
    histogram = np.bincount(cells.ravel(), minlength=groups * size).reshape(groups, size)
    total = np.zeros(groups)
    if absent is not None:
        histogram[:, 0] -= absent
    for m in range(size):
        total += histogram[:, m] * weights[m]
    if absent is not None:
        total += absent * absent_pay
    return total / divisor


def arrange(ids: Ints) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """Rows group by group, groups by first appearance: (order, starts), order None if the rows lie so already."""
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    group = np.argsort(np.argsort(first))[inverse]
    starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=len(first)))]).astype(np.int64)
    if np.all(group[1:] >= group[:-1]):
        return None, starts
    return np.argsort(group, kind="stable").astype(np.int64), starts


def ragged_rewards(codes: Ints, starts: Ints, tables: Tables, out: NDArray[Any], threads: int = 1) -> None:
    """`rewards` for groups of mixed sizes that lie one after the other; NaN for groups of one."""
    out[...] = np.nan
    for size, _, rows in blocks(starts):
        block = np.empty(rows.shape)
        rewards(codes[rows], tables.pay_of(size), block)
        out[rows] = block


def ragged_advantages(codes: Ints, starts: Ints, tables: Tables, out: NDArray[Any], threads: int = 1) -> None:
    """`advantages` for groups of mixed sizes that lie one after the other; NaN for groups of one."""
    out[...] = np.nan
    for size, _, rows in blocks(starts):
        block = np.empty(rows.shape)
        advantages(codes[rows], tables.pay_of(size), tables.weights_of(size), block)
        out[rows] = block


def ragged_totals(
    codes: Ints,
    starts: Ints,
    tables: Tables,
    less: int,
    absent: Ints | None = None,
    absent_pay: float = 0.0,
    threads: int = 1,
) -> Array:
    """`totals` for groups of mixed sizes n, divisor n − less; NaN for groups of fewer than two."""
    result = np.full(len(starts) - 1, np.nan)
    for size, members, rows in blocks(starts):
        some = None if absent is None else absent[members]
        result[members] = totals(codes[rows], tables.weights_of(size), size - less, some, absent_pay)
    return result


def blocks(starts: Ints) -> Iterator[tuple[int, Ints, Ints]]:
    """For every size n ≥ 2: n, its groups (G,), and their rows (G, n)."""
    sizes = np.diff(starts)
    for size in np.unique(sizes[sizes > 1]).tolist():
        members = np.flatnonzero(sizes == size)
        yield size, members, starts[members][:, None] + np.arange(size)

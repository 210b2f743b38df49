"""The slow, obvious twin of `polyest.online.fast`: the same results to the bit, in plain numpy.

The groups lie one after the other: group g is codes[starts[g] : starts[g + 1]]. A total is a sum over the histogram of
matches in fixed-point integers, hence exact: permuting the completions changes no bit, in any order of summation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.lookup import Array, Tables

    Ints = NDArray[Any]

__all__ = ["advantages", "arrange", "blocks", "matches", "rewards", "totals"]


def matches(block: Ints) -> NDArray[np.int64]:
    """m_i = #{j ≠ i : z_j = z_i} for every completion of G groups of n completions, shape (G, n)."""
    counts = np.full(block.shape, -1, np.int64)
    for column in range(block.shape[1]):
        counts += block == block[:, column, None]
    return counts


def histogram(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many completions of each group have 0, 1, … n−1 matches, shape (G, n)."""
    groups, size = counts.shape
    cells = counts + size * np.arange(groups)[:, None]
    return np.bincount(cells.ravel(), minlength=groups * size).reshape(groups, size)


def rewards(codes: Ints, starts: Ints, tables: Tables, out: NDArray[Any], threads: int = 1) -> None:
    """out_i = pay[m_i]; NaN in a group of one."""
    out[...] = np.nan
    for size, _, rows in blocks(starts):
        out[rows] = tables.pay_of(size)[matches(codes[rows])]


def advantages(codes: Ints, starts: Ints, tables: Tables, out: NDArray[Any], threads: int = 1) -> None:
    """out_i = pay[m_i] − (Σ_j weights[m_j])/(n−1); NaN in a group of one."""
    means = totals(codes, starts, tables, 1)
    out[...] = np.nan
    for size, members, rows in blocks(starts):
        out[rows] = tables.pay_of(size)[matches(codes[rows])] - means[members, None]


def totals(
    codes: Ints,
    starts: Ints,
    tables: Tables,
    less: int,
    absent: Ints | None = None,
    absent_pay: float = 0.0,
    threads: int = 1,
) -> Array:
    """(Σ_m h_m·weights[m] + a·absent_pay)/(n − less), shape (G,); NaN for groups of fewer than two.

    h is the histogram of matches in the group without its a absent answers, which have no matches.
    """
    result = np.full(len(starts) - 1, np.nan)
    for size, members, rows in blocks(starts):
        counts = histogram(matches(codes[rows]))
        gone = np.zeros(len(members), np.int64) if absent is None else absent[members]
        counts[:, 0] -= gone
        exact = (counts * tables.weights_of(size)).sum(axis=1)
        result[members] = (exact * tables.scales[size] + gone * absent_pay) / (size - less)
    return result


def arrange(ids: Ints) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """Rows group by group, as (order, starts); order is None if the rows of every group lie together already."""
    edges = np.flatnonzero(np.diff(ids)) + 1
    starts = np.concatenate([[0], edges, [len(ids)]]).astype(np.int64) if len(ids) else np.zeros(1, np.int64)
    if len(np.unique(ids)) == len(starts) - 1:
        return None, starts
    order = np.argsort(ids, kind="stable").astype(np.int64)
    return order, arrange(ids[order])[1]


def blocks(starts: Ints) -> Iterator[tuple[int, Ints, Ints]]:
    """For every size n ≥ 2: n, its groups (G,), and their rows (G, n)."""
    sizes = np.diff(starts)
    for size in np.unique(sizes[sizes > 1]).tolist():
        members = np.flatnonzero(sizes == size)
        yield size, members, starts[members][:, None] + np.arange(size)

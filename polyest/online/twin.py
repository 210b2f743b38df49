"""The slow, obvious twin of `polyest.online.fast`: the same scores to the bit, in plain numpy.

A total is a sum over the histogram of matches in fixed-point integers, hence exact: permuting the completions changes
no bit, in whatever order the sum is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Layout
    from polyest.online.lookup import Array

    Ints = NDArray[Any]

__all__ = ["advantages", "arrange", "histogram", "matches", "means", "read_strings", "rewards", "tally"]


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


def rewards(layout: Layout, out: NDArray[Any]) -> None:
    """out_i = pay[m_i]; NaN in a group of one, and outside all groups."""
    out[...] = np.nan
    for size, _, rows in layout.blocks():
        out[rows] = layout.tables.pay_of(size)[matches(layout.codes[rows])]


def advantages(layout: Layout, out: NDArray[Any]) -> None:
    """out_i = pay[m_i] − (Σ_j weights[m_j])/(n−1); NaN in a group of one, and outside all groups."""
    baselines = means(layout, left_out=1)
    out[...] = np.nan
    for size, members, rows in layout.blocks():
        out[rows] = layout.tables.pay_of(size)[matches(layout.codes[rows])] - baselines[members, None]


def means(layout: Layout, left_out: int, absent: NDArray[np.bool_] | None = None, absent_pay: float = 0.0) -> Array:
    """(Σ_m h_m·weights[m] + a·absent_pay)/(n − left_out), shape (G,); NaN for groups of fewer than two.

    h is the histogram of matches in the group without its a absent answers, which have no matches.
    """
    result = np.full(len(layout.starts) - 1, np.nan)
    for size, members, rows in layout.blocks():
        counts = histogram(matches(layout.codes[rows]))
        gone = np.zeros(len(members), np.int64) if absent is None else absent[rows].sum(axis=1)
        counts[:, 0] -= gone
        exact = (counts * layout.tables.weights_of(size)).sum(axis=1)
        result[members] = (exact * layout.tables.scales[size] + gone * absent_pay) / (size - left_out)
    return result


def arrange(ids: Ints) -> tuple[Ints | None, NDArray[np.int64]]:
    """Rows group by group, as (order, starts); order is None if the rows of every group lie together already.

    Groups may come in any order; `fast` may arrange them all the same where most groups have one row.
    """
    edges = np.flatnonzero(np.diff(ids)) + 1
    starts = np.concatenate([[0], edges, [len(ids)]]).astype(np.int64) if len(ids) else np.zeros(1, np.int64)
    if np.all(ids[1:] >= ids[:-1]) or np.count_nonzero(np.diff(np.sort(ids))) == len(edges):
        return None, starts
    order = np.argsort(ids, kind="stable")
    return order, arrange(ids[order])[1]


def tally(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many groups have 0, 1, … completions, up to the largest."""
    return np.bincount(np.diff(starts), minlength=1)


def read_strings(rows: list[list[Any]], order: Ints | None, starts: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Codes ≥ 0, equal within a group if and only if the answers are; None unless all are strings that can be encoded.

    A dictionary tells them apart too; here it always has to.
    """
    return None

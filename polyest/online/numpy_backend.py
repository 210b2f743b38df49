"""theory.md §2, §5 and §9 in plain numpy: what `polyest.online.compiled` does fast, and the same to the bit.

Formulas are those of groups of n completions, shape (G, n). A total is a sum of fixed-point integers, hence exact:
permuting the completions changes no bit, in whatever order the sum is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.online.extras import MOST_DIGITS, PACKED, check_bounded
from polyest.online.layout import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.hashable_answers import Items
    from polyest.online.layout import Array, Codes, Integers, Layout, Scores
    from polyest.online.lookup import Tables

__all__ = ["arrange", "count_sizes", "matches", "read_strings", "scores", "sums", "values"]

AT_ONCE = 1 << 17  # pairs that are compared in one call, in the cache, which takes less time than many calls
LARGE, FEW = 24, 128  # fewer groups, of at least so many completions, are sorted in less time than they are compared

np.empty(1 << 18)  # glibc keeps freed memory, instead of having it faulted in again, once it saw a block as large freed


def matches(block: Codes) -> NDArray[np.int64]:
    """m_i = #{j ≠ i : z_j = z_i} for every completion of G groups of n completions, shape (G, n)."""
    if _sorting_pays(*block.shape):
        return _sorted(block, are_counted=True)
    return _counts(block.T.copy("C")).T.astype(np.int64, order="C")


def _sorting_pays(groups: int, size: int) -> bool:
    return groups < FEW and size >= LARGE


def _sorted(block: Codes, are_counted: bool) -> NDArray[np.int64]:
    """m_i, or a number for each answer of each group, below the size of `block`; shape (G, n)."""
    order, begins = np.argsort(block, axis=1), np.ones(block.shape, np.bool_)
    order += np.arange(0, block.size, block.shape[1])[:, None]
    ids, found = block.take(order), np.empty(block.size, np.int64)
    np.not_equal(ids[:, 1:], ids[:, :-1], out=begins[:, 1:])
    heads = np.flatnonzero(begins)
    lengths = np.diff(heads, append=block.size)
    found[order.ravel()] = np.repeat(lengths - 1 if are_counted else heads, lengths)
    return found.reshape(block.shape)


def _counts(ids: Codes) -> NDArray[np.unsignedinteger]:
    """The same in bytes and across the groups, from shape (n, G) to shape (n, G)."""
    counts = np.zeros(ids.shape, np.min_scalar_type(len(ids)))
    if len(ids) * ids.size <= AT_ONCE:
        counts += (ids == ids[:, None]).view(np.uint8).sum(axis=0, dtype=counts.dtype) - np.uint8(1)
        return counts
    for apart in range(1, len(ids)):  # every pair once, in bytes, along the groups
        same = (ids[apart:] == ids[:-apart]).view(np.uint8)
        counts[apart:] += same
        counts[:-apart] += same
    return counts


def scores(layout: Layout, weights: Array | None, out: Scores) -> None:
    """What each completion is paid; NaN in a group of one, and outside all groups.

    Rewards w_i·c[m_i]; advantages a[m_i] − T/(n−1), T = Σ_j c'[m_j], or with weights w_i·a[m_i] + S_i·d[m_i] −
    Σ_j w_j·b[m_j], S_i = Σ_{j≠i, z_j = z_i} w_j; a, b, c, d as in `polyest.online.lookup`; theory.md §9.
    """
    tables = layout.tables
    out[...] = np.nan
    if weights is not None:
        check_bounded(weights, layout.rows)
    for size, _, rows in blocks(layout.starts, layout.rows):
        if weights is None or tables.columns is None:
            m = _known_matches(layout, rows)
            paid = tables.of(size, tables.pay)[m]
            paid -= 0.0 if tables.totals is None else _means(tables, size, m)[:, None]
            out[rows] = paid if weights is None else weights[rows] * paid
        else:
            w, (b, a, d) = weights.take(rows.T), tables.of(size, tables.columns)
            m, same, exponents = _matches_and_sums(layout.codes.take(rows.T), w)
            others = _total(w * b.take(m), exponents, tables.exponents[size])
            out[rows] = (w * a.take(m) + same * d.take(m) - others).T.copy("C")


def values(layout: Layout, weights: Array | None, out: Array) -> None:
    """Σ_j c[m_j]/n, or Σ_j w_j·c[m_j]/n, of each group, c and n those of `tables.totals`; NaN for fewer than two."""
    tables = layout.tables
    out[...] = np.nan
    if weights is not None:
        check_bounded(weights, layout.rows)
    for size, members, rows in blocks(layout.starts, layout.rows):
        if weights is None or tables.columns is None:
            out[members] = _means(tables, size, _known_matches(layout, rows))
        else:
            w, (b, *_) = weights.take(rows.T), tables.of(size, tables.columns)
            are_compared = layout.matches is None and not _sorting_pays(*rows.shape)
            m = _counts(layout.codes.take(rows.T)) if are_compared else _known_matches(layout, rows).T
            out[members] = _total(w * b.take(m), _exponents(w), tables.exponents[size])


def _known_matches(layout: Layout, rows: Integers) -> NDArray[np.int64]:
    return matches(layout.codes[rows]) if layout.matches is None else layout.matches[rows]


def _means(tables: Tables, size: int, m: NDArray[np.int64]) -> Array:
    """Σ_j c[m_j]/n of each group of this size."""
    assert tables.totals is not None
    means: Array = tables.of(size, tables.totals)[m].sum(axis=1) / tables.units[size]
    return means


def sums(layout: Layout, numbers: Array) -> Array:
    """The sum of each group's numbers, whatever their order, shape (G,); 0 for fewer than two."""
    result = np.zeros(len(layout.starts) - 1)
    for _, members, rows in blocks(layout.starts, layout.rows):
        result[members] = _total(numbers.take(rows.T), _exponents(numbers.take(rows.T)), 0)
    return result


def _matches_and_sums(ids: Codes, weights: Array) -> tuple[NDArray[np.int64], Array, NDArray[np.int32]]:
    """m_i and S_i, (n, G) as the arguments, and the weights' exponents; rounded as where a sum shares its integer."""
    field, exponents, cells = 63 - len(ids).bit_length(), _exponents(weights), _cells(ids)
    addends, scale = _fixed(weights, (2 * field - 64 if len(ids) <= PACKED else field - 1) - exponents)
    totals = np.zeros(cells.size, np.int64)
    np.add.at(totals, cells.ravel(), addends.ravel())
    return np.bincount(cells.ravel()).take(cells) - 1, (totals.take(cells) - addends) / scale, exponents


def _cells(ids: Codes) -> NDArray[np.int64]:
    """A number for each answer of each group, below the size of `ids`, shape (n, G)."""
    if len(ids) >= LARGE:
        return _sorted(ids.T.copy("C"), are_counted=False).T.copy("C")
    last = np.maximum.reduce((ids == ids[:, None]) * np.arange(len(ids), dtype=np.uint8)[:, None, None])
    cells: NDArray[np.int64] = last + np.arange(0, ids.size, len(ids))
    return cells


def _total(numbers: Array, exponents: NDArray[np.int32], common: np.int64 | int) -> Array:
    """The sum over each group of numbers below 2^(exponent + common) in size, (n, G) to (G,)."""
    integers, scale = _fixed(numbers, 62 - len(numbers).bit_length() - int(common) - exponents)
    total: Array = np.add.reduce(integers) / scale
    return total


def _exponents(numbers: Array) -> NDArray[np.int32]:
    """The least e of each column with all its numbers below 2^e in size."""
    exponents: NDArray[np.int32] = np.frexp(np.maximum.reduce(np.abs(numbers)))[1]
    return exponents


def _fixed(numbers: Array, digits: NDArray[np.integer]) -> tuple[NDArray[np.int64], Array]:
    """The integers nearest to numbers × 2^digits, and that power; a number of more than `MOST_DIGITS` is too small."""
    scale: Array = np.ldexp(1.0, np.minimum(digits, MOST_DIGITS))
    return np.rint(numbers * scale).astype(np.int64), scale


def arrange(ids: Codes) -> tuple[Integers | None, NDArray[np.int64]]:
    """Rows group by group, as (order, starts); order is None if the rows of every group lie together already.

    Groups may come in any order.
    """
    edges = np.flatnonzero(ids[1:] != ids[:-1]) + 1
    starts = np.concatenate([[0], edges, [len(ids)]]).astype(np.int64) if len(ids) else np.zeros(1, np.int64)
    if np.all(np.diff(np.sort(ids[starts[:-1]]))):  # every run has an id of its own
        return None, starts
    order = np.argsort(ids, kind="stable")
    return order, arrange(ids[order])[1]


def count_sizes(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many groups there are of 0, 1, 2, … completions."""
    return np.bincount(np.diff(starts), minlength=1)


def read_strings(rows: list[Items], order: Integers | None, starts: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Codes, equal within a group if and only if the answers are; None here, where a dictionary always has to do."""
    return None

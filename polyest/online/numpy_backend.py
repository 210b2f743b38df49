"""theory.md §2, §5 and §9 in plain numpy: what `polyest.online.compiled` does fast, and the same to the bit.

Formulas are those of groups of n completions, shape (G, n). A total is a sum of fixed-point integers, hence exact:
permuting the completions changes no bit, in whatever order the sum is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.online.extras import MOST_DIGITS, PACKED, check_bounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.hashable_answers import Items
    from polyest.online.layout import Array, Codes, Integers, Layout, Scores
    from polyest.online.lookup import Tables

__all__ = ["arrange", "matches", "read_strings", "scores", "sums", "values"]

np.empty(1 << 18)  # glibc keeps freed memory, instead of having it faulted in again, once it saw a block as large freed


def matches(block: Codes) -> NDArray[np.int64]:
    """m_i = #{j ≠ i : z_j = z_i} for every completion of G groups of n completions, shape (G, n)."""
    ids = block.T.copy("C")
    counts = np.zeros(ids.shape, np.min_scalar_type(len(ids)))
    for apart in range(1, len(ids)):  # every pair once, in bytes, along the groups
        same = (ids[apart:] == ids[:-apart]).view(np.uint8)
        counts[apart:] += same
        counts[:-apart] += same
    return counts.T.astype(np.int64, order="C")


def scores(layout: Layout, weights: Array | None, out: Scores) -> None:
    """What each completion is paid; NaN in a group of one, and outside all groups.

    Rewards w_i·c[m_i]; advantages a[m_i] − T/(n−1), T = Σ_j c'[m_j], or with weights w_i·a[m_i] + S_i·d[m_i] −
    Σ_j w_j·b[m_j], S_i = Σ_{j≠i, z_j = z_i} w_j; a, b, c, d as in `polyest.online.lookup`; §9.
    """
    tables = layout.tables
    out[...] = np.nan
    if weights is not None:
        check_bounded(layout.ordered(weights))
    for size, _, rows in layout.blocks():
        if weights is None or tables.columns is None:
            m = _known_matches(layout, rows)
            paid = tables.of(size, tables.pay)[m]
            paid -= 0.0 if tables.totals is None else _means(tables, size, m)[:, None]
            out[rows] = paid if weights is None else weights[rows] * paid
        else:
            w, (b, a, d) = weights[rows], tables.of(size, tables.columns)
            m, same, exponents = _matches_and_sums(layout.codes[rows], w)
            others = _total(w * b[m], exponents, tables.exponents[size])
            out[rows] = w * a[m] + same * d[m] - others[:, None]


def values(layout: Layout, weights: Array | None, out: Array) -> None:
    """Σ_j c[m_j]/n, or Σ_j w_j·c[m_j]/n, of each group, c and n those of `tables.totals`; NaN for fewer than two."""
    tables = layout.tables
    out[...] = np.nan
    if weights is not None:
        check_bounded(layout.ordered(weights))
    for size, members, rows in layout.blocks():
        m = _known_matches(layout, rows)
        if weights is None or tables.columns is None:
            out[members] = _means(tables, size, m)
        else:
            w, (b, *_) = weights[rows], tables.of(size, tables.columns)
            out[members] = _total(w * b[m], _exponents(w), tables.exponents[size])


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
    for _, members, rows in layout.blocks():
        result[members] = _total(numbers[rows], _exponents(numbers[rows]), 0)
    return result


def _matches_and_sums(block: Codes, weights: Array) -> tuple[NDArray[np.int64], Array, NDArray[np.int32]]:
    """m_i and S_i, and the exponents of the weights.

    Among up to `PACKED` completions a one and a weight share an integer, the one above `field`.
    """
    size, exponents = block.shape[1], _exponents(weights)
    field, is_packed = 63 - size.bit_length(), size <= PACKED
    scale = _powers((2 * field - 64 if is_packed else field - 1) - exponents)
    ids, addends = block.T.copy("C"), _fixed(weights.T, scale)
    if is_packed:
        addends += 1 << field
    total, part, counts = -addends, np.empty_like(addends), np.full_like(addends, -1)
    for other, addend in zip(ids, addends, strict=True):
        same = ids == other
        total += np.multiply(same, addend, out=part)
        if not is_packed:
            counts += same
    if is_packed:
        counts = (total + (1 << (field - 1))) >> field
        total -= counts << field
    return counts.T.copy("C"), (total / scale).T.copy("C"), exponents


def _total(numbers: Array, exponents: NDArray[np.int32], common: np.int64 | int) -> Array:
    """The sum of each row's numbers, all below 2^(exponent + common) in size, shape (G,)."""
    scale = _powers(62 - numbers.shape[1].bit_length() - int(common) - exponents)
    result: Array = np.einsum("ij->i", _fixed(numbers, scale[:, None])) / scale
    return result


def _exponents(numbers: Array) -> NDArray[np.int32]:
    """The least e of each row with all its numbers below 2^e in size."""
    exponents: NDArray[np.int32] = np.frexp(np.maximum.reduce(np.abs(numbers.T, order="C")))[1]
    return exponents


def _powers(exponents: NDArray[np.int32]) -> Array:
    """2^exponents, none above `MOST_DIGITS`; −`MOST_DIGITS` would shift numbers that are too large."""
    powers: Array = np.ldexp(1.0, np.minimum(exponents, MOST_DIGITS))
    return powers


def _fixed(numbers: Array, scale: Array) -> NDArray[np.int64]:
    """Numbers × scale, as the nearest integers."""
    scaled = np.multiply(numbers, scale, order="C")
    return np.rint(scaled, out=scaled).astype(np.int64)


def arrange(ids: Codes) -> tuple[Integers | None, NDArray[np.int64]]:
    """Rows group by group, as (order, starts); order is None if the rows of every group lie together already.

    Groups may come in any order.
    """
    edges = np.flatnonzero(np.diff(ids)) + 1
    starts = np.concatenate([[0], edges, [len(ids)]]).astype(np.int64) if len(ids) else np.zeros(1, np.int64)
    if np.all(np.diff(np.sort(ids[starts[:-1]]))):  # every run has an id of its own
        return None, starts
    order = np.argsort(ids, kind="stable")
    return order, arrange(ids[order])[1]


def read_strings(rows: list[Items], order: Integers | None, starts: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Codes, equal within a group if and only if the answers are; None unless all are strings that can be encoded.

    A dictionary tells them apart too; here it always has to.
    """
    return None

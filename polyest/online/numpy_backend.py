"""theory.md §2, §5 and §9 in plain numpy: what `polyest.online.compiled` does fast, and the same to the bit.

Formulas are those of groups of n completions, shape (G, n). A total is a sum of fixed-point integers, hence exact:
permuting the completions changes no bit, in whatever order the sum is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.online.weights import LARGEST, MOST_DIGITS, PACKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.hashable_answers import Items
    from polyest.online.layout import Array, Codes, Integers, Layout, Scores

__all__ = [
    "advantages",
    "arrange",
    "bounded",
    "histogram",
    "matches",
    "means",
    "read_strings",
    "rewards",
    "sums",
    "tally",
    "weighted_advantages",
    "weighted_values",
]


def matches(block: Codes) -> NDArray[np.int64]:
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


def rewards(layout: Layout, weights: Array | None, out: Scores) -> bool:
    """out_i = w_i·c[m_i]; NaN in a group of one, and outside all groups. Whether the weights can be: see `bounded`."""
    out[...] = np.nan
    for size, _, rows in layout.blocks():
        paid = layout.tables.pay_of(size)[matches(layout.codes[rows])]
        out[rows] = paid if weights is None else weights[rows] * paid
    return weights is None or bounded(weights)


def advantages(layout: Layout, out: Scores) -> None:
    """out_i = a[m_i] − T/(n−1), T = Σ_j c'[m_j]; NaN in a group of one, and outside all groups."""
    baselines = means(layout, left_out=1, missing=None)
    out[...] = np.nan
    for size, members, rows in layout.blocks():
        out[rows] = layout.tables.pay_of(size)[matches(layout.codes[rows])] - baselines[members, None]


def means(layout: Layout, left_out: int, missing: NDArray[np.bool_] | None) -> Array:
    """Σ_m h_m·totals[m]/(n − left_out), shape (G,), c the totals of values; NaN for groups of fewer than two.

    h is the histogram of matches in the group without its missing answers, which have no matches.
    """
    result = np.full(len(layout.starts) - 1, np.nan)
    for size, members, rows in layout.blocks():
        counts = histogram(matches(layout.codes[rows]))
        if missing is not None:
            counts[:, 0] -= missing[rows].sum(axis=1)
        exact = (counts * layout.tables.totals_of(size)).sum(axis=1)
        result[members] = exact * layout.tables.scales[size] / (size - left_out)
    return result


def weighted_advantages(layout: Layout, weights: Array, out: Scores) -> bool:
    """out_i = w_i·a[m_i] + S_i·d[m_i] − Σ_j w_j·b[m_j], a, b, d as in `polyest.online.lookup.Weighted`; §9.

    S_i = Σ_{j≠i, z_j = z_i} w_j. NaN in a group of one, and outside all groups. Whether the weights are `bounded`.
    """
    out[...] = np.nan
    if not bounded(weights):
        return False
    for size, _, rows in layout.blocks():
        w, (b, a, d) = weights[rows], layout.tables.weighted_of(size)
        m, same = _matches_and_sums(layout.codes[rows], w)
        others = _total(w * b[m], _exponents(w) + int(layout.tables.exponents[size]))
        out[rows] = w * a[m] + same * d[m] - others[:, None]
    return True


def weighted_values(layout: Layout, weights: Array, out: Array) -> bool:
    """out_g = Σ_i w_i·c[m_i]/n, shape (G,); NaN for groups of fewer than two. Whether the weights are `bounded`."""
    out[...] = np.nan
    for size, members, rows in layout.blocks() if bounded(weights) else ():
        w, (c, *_) = weights[rows], layout.tables.weighted_of(size)
        paid = w * c[matches(layout.codes[rows])]
        out[members] = _total(paid, _exponents(w) + int(layout.tables.exponents[size])) / size
    return bounded(weights)


def sums(layout: Layout, numbers: Array) -> Array:
    """The sum of each group's numbers, whatever their order, shape (G,); 0 for fewer than two."""
    result = np.zeros(len(layout.starts) - 1)
    for _, members, rows in layout.blocks():
        result[members] = _total(numbers[rows], _exponents(numbers[rows]))
    return result


def bounded(weights: Array) -> bool:
    """Whether they are finite and at most `LARGEST` in size."""
    return weights.size == 0 or bool(weights.min() >= -LARGEST and weights.max() <= LARGEST)


def _matches_and_sums(block: Codes, weights: Array) -> tuple[NDArray[np.int64], Array]:
    """m_i and S_i, in one pass over the pairs: a one and a weight share an integer, the one above bit `field`."""
    size = block.shape[1]
    field = 63 - size.bit_length()
    if size > PACKED:
        return matches(block), _sums_apart(block, weights)
    shifts = _clipped(2 * field - 64 - _exponents(weights))[:, None]
    packed = _fixed(weights, shifts) + (1 << field)
    total = np.zeros(block.shape, np.int64)
    for column in range(size):
        total += (block == block[:, column, None]) * packed[:, column, None]
    total -= packed
    counts = (total + (1 << (field - 1))) >> field
    total -= counts << field
    return counts, total * _powers(-shifts)


def _sums_apart(block: Codes, weights: Array) -> Array:
    """S_i of large groups."""
    shifts = _clipped(62 - block.shape[1].bit_length() - _exponents(weights))[:, None]
    fixed = _fixed(weights, shifts)
    total = -fixed
    for column in range(block.shape[1]):
        total += (block == block[:, column, None]) * fixed[:, column, None]
    return total * _powers(-shifts)


def _total(numbers: Array, exponents: NDArray[np.int32]) -> Array:
    """The sum of each row's numbers, all below 2^exponent in size, shape (G,)."""
    shifts = _clipped(62 - numbers.shape[1].bit_length() - exponents)
    result: Array = _fixed(numbers, shifts[:, None]).sum(axis=1) * _powers(-shifts)
    return result


def _exponents(numbers: Array) -> NDArray[np.int32]:
    """The least e of each row with all its numbers below 2^e in size."""
    exponents: NDArray[np.int32] = np.frexp(np.abs(numbers).max(axis=1))[1]
    return exponents


def _clipped(shifts: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.clip(shifts, -MOST_DIGITS, MOST_DIGITS)


def _powers(exponents: NDArray[np.int32]) -> Array:
    """2^exponents."""
    powers: Array = np.ldexp(1.0, exponents)
    return powers


def _fixed(numbers: Array, shifts: NDArray[np.int32]) -> NDArray[np.int64]:
    """The numbers in units of 2^−shift, as integers."""
    return np.rint(numbers * _powers(shifts)).astype(np.int64)


def arrange(ids: Codes) -> tuple[Integers | None, NDArray[np.int64]]:
    """Rows group by group, as (order, starts); order is None if the rows of every group lie together already.

    Groups may come in any order; `polyest.online.compiled` may arrange them all the same where most groups have one
    row.
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


def read_strings(rows: list[Items], order: Integers | None, starts: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Codes ≥ 0, equal within a group if and only if the answers are; None unless all are strings that can be encoded.

    A dictionary tells them apart too; here it always has to.
    """
    return None

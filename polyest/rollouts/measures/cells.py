"""Sums over the distinct answers of groups: what an answer that came n times of N counts for, looked up, and its error.

Many measures are Σ_z f_N(n_z). They are computed for all groups at once, and so is their delete-one jackknife.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

Table: TypeAlias = "Callable[[int], Array | None]"  # f_N(0..N) of group size N, None where it has none

__all__ = ["AT_ONCE", "Cells", "Measured", "Table", "additive", "alike", "cells_of", "correct_cells", "mixed"]

AT_ONCE = 1 << 17  # answers that are worked on together, so that memory does not grow with the log


@dataclass(frozen=True, eq=False)
class Measured:
    """A measure of every group, shapes (G,).

    Attributes:
        values: NaN where a group has none.
        variances: of the values over fresh completions from the same policy; NaN where they are not known.
    """

    values: Array
    variances: Array

    @classmethod
    def without_error(cls, values: Array) -> Measured:
        """What has no error of its own, only the one over prompts."""
        return cls(values, np.broadcast_to(np.nan, len(values)))

    def times(self, factor: float) -> Measured:
        """In another unit."""
        return Measured(self.values * factor, self.variances * factor**2)


@dataclass(frozen=True, eq=False)
class Cells:
    """D distinct answers of G groups.

    Attributes:
        sizes: N, completions that gave one of them, shape (G,).
        owner: the group of each, ascending, shape (D,).
        counts: how often each came, shape (D,).
    """

    sizes: Whole
    owner: Whole
    counts: Whole

    def total(self, numbers: NDArray[np.generic]) -> Array:
        """Sums over the answers of every group, shape (G,)."""
        return np.bincount(self.owner, numbers, len(self.sizes)).astype(np.float64)  # of nothing it would be integers

    def looked_up(self, table: Table, counts: Whole | None = None) -> Array:
        """f_N(n) of every answer, shape (D,); NaN where there is no table for N."""
        sizes, index = self.distinct_sizes
        tables = [_or_nan(table(size), size) for size in sizes.tolist()]
        starts = np.concatenate([[0], np.cumsum([len(column) for column in tables])[:-1]]).astype(np.int64)
        found: Array = np.concatenate(tables)[starts[index[self.owner]] + (self.counts if counts is None else counts)]
        return found

    @cached_property
    def distinct_sizes(self) -> tuple[Whole, Whole]:
        """The sizes that occur, and which of them each group has."""
        sizes, index = np.unique(self.sizes, return_inverse=True)
        return sizes, index

    @cached_property
    def starts(self) -> Whole:
        """Where the answers of every group begin, shape (G+1,)."""
        return np.searchsorted(self.owner, np.arange(len(self.sizes) + 1))

    @cached_property
    def profiles(self) -> tuple[Whole, Whole]:
        """One group of each that has its own counts, and which of them each group is like."""
        return alike(self, self.counts)


def _blocks(cells: Cells) -> Iterator[Cells]:
    """Whole groups, about `AT_ONCE` answers of them."""
    step = max(AT_ONCE * len(cells.sizes) // max(len(cells.owner), 1), 1)
    for first in range(0, max(len(cells.sizes), 1), step):
        last = min(first + step, len(cells.sizes))
        own = slice(cells.starts[first], cells.starts[last])
        yield Cells(cells.sizes[first:last], cells.owner[own] - first, cells.counts[own])


def cells_of(statistics: GroupStatistics) -> Cells:
    """All answers."""
    return Cells(statistics.given, statistics.owner, statistics.counts)


def correct_cells(statistics: GroupStatistics) -> Cells:
    """The answers of the correct completions; verdicts are 0 or 1."""
    assert statistics.correct is not None
    hits = np.nan_to_num(statistics.correct).astype(np.int64)
    owner, counts = statistics.owner[hits > 0], hits[hits > 0]
    sizes = np.bincount(owner, counts, len(statistics.sizes)).astype(np.int64)
    return Cells(sizes, owner, counts)


def additive(cells: Cells, table: Table, least: int = 1) -> Measured:
    """Σ_z f_N(n_z) with its jackknife variance ((N−1)/N)·Σ_i (v_i − v̄)², v_i the value without completion i.

    Groups of fewer than `least` have no value. The variance of a group whose answers are all equal is 0.
    """
    found = [_additive(block, table, least) for block in _blocks(cells)]
    return Measured(np.concatenate([one.values for one in found]), np.concatenate([one.variances for one in found]))


def _additive(cells: Cells, table: Table, least: int) -> Measured:
    values = cells.total(cells.looked_up(table))
    values[cells.sizes < least] = np.nan

    def others(size: int) -> Array | None:
        inner = table(size - 1) if size > least else None
        return None if inner is None else np.append(inner, inner[-1])  # N equal answers: one is always left out

    now, before = cells.looked_up(others), cells.looked_up(others, cells.counts - 1)
    left_out = cells.total(now)[cells.owner] - now + before
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = cells.total(cells.counts * left_out) / cells.sizes
        squares = cells.total(cells.counts * (left_out - mean[cells.owner]) ** 2)
        variances = squares * (cells.sizes - 1) / cells.sizes
    variances[cells.sizes <= least] = np.nan
    return Measured(values, variances)


def alike(cells: Cells, kinds: Whole | Array) -> tuple[Whole, Whole]:
    """Groups whose answers are of the same kinds, whatever their order: one of each, and which of them each group is.

    Kinds are mixed to 64 bits (splitmix64), groups have their sums: as if at random, n different groups are taken for
    equal with probability below n²/2⁶⁵.
    """
    sums, done = [], 0
    for block in _blocks(cells):
        own = mixed(kinds[done : done + len(block.owner)])
        sums.append(np.diff(np.append(np.uint64(0), np.cumsum(own, dtype=np.uint64))[block.starts]))
        done += len(block.owner)
    _, firsts, which = np.unique(np.concatenate(sums), return_index=True, return_inverse=True)
    return firsts, which


def mixed(kinds: Whole | Array) -> NDArray[np.uint64]:
    """Integers from 0 on as 64 bits that look drawn by lot."""
    bits = (kinds + 1).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return bits


def _or_nan(column: Array | None, size: int) -> Array:
    return np.full(size + 1, np.nan) if column is None else column

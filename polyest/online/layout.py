"""Completions as they lie in memory, and which of them form a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.lookup import Array, Tables

    Ints = NDArray[Any]

__all__ = ["Layout", "blocks"]


@dataclass(frozen=True)
class Layout:
    """Groups of completions, and what they are paid.

    Attributes:
        codes: answers, shape (N,), contiguous.
        starts: shape (G + 1,); group g consists of the rows starts[g] ≤ i < starts[g + 1] of `rows`.
        tables: the look-up arrays of every group size that occurs.
        work: units of work for `engine.choose`: all pairs of a group, and `engine.LOOKUP_WORK` per completion.
        rows: places in `codes`, group by group; None if `codes` lies group by group itself.
        threads: how many threads may score.
    """

    codes: Ints
    starts: NDArray[np.int64]
    tables: Tables
    work: int
    rows: Ints | None = None
    threads: int = 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """n of each group, shape (G,)."""
        return np.diff(self.starts)

    @property
    def is_complete(self) -> bool:
        """Whether every code belongs to a group."""
        return int(self.starts[-1]) == len(self.codes)

    def blocks(self) -> Iterator[tuple[int, Ints, Ints]]:
        """`blocks` of these groups."""
        return blocks(self.starts, self.rows)

    def count(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of the chosen completions each group has, shape (G,)."""
        ordered = chosen if self.rows is None else chosen[self.rows]
        return np.diff(np.concatenate([[0], np.cumsum(ordered)])[self.starts])

    def sums(self, values: Array) -> Array:
        """The sum of each group's values in ascending order, so that permuting a group changes no bit, shape (G,)."""
        result = np.zeros(len(self.starts) - 1)
        for _, members, rows in self.blocks():
            for column in np.sort(values[rows], axis=1).T:
                result[members] += column
        return result

    def spread(self, values: Array) -> Array:
        """One value per group, as one per completion, shape (N,); NaN for what belongs to no group."""
        ordered = np.repeat(values, self.sizes)
        if self.rows is None:
            return ordered
        result = np.full(len(self.codes), np.nan)
        result[self.rows] = ordered
        return result


def blocks(starts: NDArray[np.int64], rows: Ints | None) -> Iterator[tuple[int, Ints, Ints]]:
    """For every size n ≥ 2: n, its groups (G,), and the places of their completions, (G, n)."""
    sizes = np.diff(starts)
    for size in np.flatnonzero(np.bincount(sizes)).tolist():  # np.unique would load numpy.ma
        if size < 2:
            continue
        members = np.flatnonzero(sizes == size)
        places = starts[members][:, None] + np.arange(size)
        yield size, members, places if rows is None else rows[places]

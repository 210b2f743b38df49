"""Completions as they lie in memory, and which of them form a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.lookup import Tables

    Array: TypeAlias = NDArray[np.float64]
    Scores: TypeAlias = NDArray[np.floating]
    Integers: TypeAlias = NDArray[np.integer]
    Codes: TypeAlias = NDArray[np.signedinteger]

__all__ = ["Layout", "blocks"]

PIECE = 1 << 14  # completions of a block, so that it stays in the cache, and its arrays in memory that is kept


@dataclass(frozen=True)
class Layout:
    """Groups of completions, and what they are paid.

    Attributes:
        codes: answers, shape (N,), contiguous.
        starts: shape (G + 1,); group g consists of the rows starts[g] ≤ i < starts[g + 1] of `rows`.
        tables: the look-up arrays of every group size that occurs.
        work: units of work for `backend.choose`: all pairs of a group, and `backend.LOOKUP_WORK` per completion.
        rows: places in `codes`, group by group; None if `codes` lies group by group itself.
        threads: how many threads may score.
        matches: m of every completion, shape (N,), where it is known; numpy counts them otherwise.
    """

    codes: Codes
    starts: NDArray[np.int64]
    tables: Tables
    work: int
    rows: Integers | None = None
    threads: int = 1
    matches: NDArray[np.int64] | None = None

    @property
    def sizes(self) -> NDArray[np.int64]:
        """n of each group, shape (G,)."""
        return np.diff(self.starts)

    def spread(self, values: Array) -> Array:
        """One value per group, as one per completion, shape (N,); NaN for what belongs to no group."""
        ordered = np.repeat(values, self.sizes)
        if self.rows is None:
            return ordered
        result = np.full(len(self.codes), np.nan)
        result[self.rows] = ordered
        return result


def blocks(starts: NDArray[np.int64], rows: Integers | None) -> Iterator[tuple[int, NDArray[np.int64], Integers]]:
    """For every size n ≥ 2, in one or more parts: n, its groups (G,), and the places of their completions, (G, n)."""
    sizes = np.diff(starts)
    order, ends = np.argsort(sizes, kind="stable"), np.append(0, np.cumsum(np.bincount(sizes)))
    for size in np.flatnonzero(np.diff(ends)).tolist():  # np.unique would load numpy.ma
        step = max(PIECE // max(size, 1), 1)
        for first in range(ends[size], ends[size + 1] if size > 1 else 0, step):
            some = order[first : min(first + step, ends[size + 1])]
            places = starts[some][:, None] + np.arange(size)
            yield size, some, places if rows is None else rows[places]

"""Completions as they lie in memory: group by group, one group after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.online import engine, twin

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from polyest.online.lookup import Array, Tables

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """Groups of completions, and what they are paid.

    Attributes:
        codes: answers, shape (N,), contiguous; group g is codes[starts[g] : starts[g + 1]].
        starts: shape (G + 1,).
        tables: the look-up arrays of every size that occurs.
        threads: how many threads may score.
    """

    codes: NDArray[Any]
    starts: NDArray[np.int64]
    tables: Tables
    threads: int = 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """n of each group, shape (G,)."""
        return np.diff(self.starts)

    @property
    def _engine(self) -> ModuleType:
        return engine.choose(engine.work(self.sizes))

    def rewards(self, out: NDArray[Any]) -> None:
        """pay[m_i] of every completion."""
        self._engine.rewards(self.codes, self.starts, self.tables, out, self.threads)

    def advantages(self, out: NDArray[Any]) -> None:
        """pay[m_i] less the group's total/(n−1)."""
        self._engine.advantages(self.codes, self.starts, self.tables, out, self.threads)

    def totals(self, less: int, absent: NDArray[np.bool_] | None, absent_pay: float) -> Array:
        """The group's total/(n − less), shape (G,); an absent answer adds `absent_pay`."""
        gone = None if absent is None else np.diff(np.concatenate([[0], np.cumsum(absent)])[self.starts])
        result: Array = self._engine.totals(self.codes, self.starts, self.tables, less, gone, absent_pay, self.threads)
        return result

    def sums(self, values: Array) -> Array:
        """The sum of each group's values in ascending order, so that permuting a group changes no bit, shape (G,)."""
        result = np.zeros(len(self.starts) - 1)
        for _, members, rows in twin.blocks(self.starts):
            for column in np.sort(values[rows], axis=1).T:
                result[members] += column
        return result

    def spread(self, values: Array) -> Array:
        """One value per group, as one per completion, shape (N,)."""
        return np.repeat(values, self.sizes)

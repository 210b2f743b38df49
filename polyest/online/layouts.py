"""The two ways completions lie in memory: a block of equal groups, or groups of mixed sizes one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from polyest.online import engine, twin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.lookup import Tables

    Array = NDArray[np.float64]
    Ints = NDArray[Any]

__all__ = ["Block", "Layout", "Rows", "sorted_sums"]


class Layout(Protocol):
    """Groups of completions, and what their tables pay."""

    def rewards(self, out: NDArray[Any]) -> None:
        """pay[m_i] of every completion."""

    def advantages(self, out: NDArray[Any]) -> None:
        """pay[m_i] less the group's total/(n−1)."""

    def totals(self, less: int, absent: NDArray[np.bool_] | None, absent_pay: float) -> Array:
        """The group's total/(n − less), shape (G,)."""

    def sums(self, values: Array) -> Array:
        """The sum of each group's values, whatever their order, shape (G,)."""

    def spread(self, values: Any) -> Any:
        """One value per group, as one per completion (or broadcastable to that)."""

    @property
    def codes(self) -> Ints:
        """The answers."""

    @property
    def sizes(self) -> Any:
        """n of each group, shape (G,)."""


@dataclass(frozen=True)
class Block:
    """G groups of K completions: codes (G, K)."""

    codes: Ints
    pay: Array
    weights: Array | None
    threads: int = 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.full(*self.codes.shape)

    @property
    def _engine(self) -> Any:
        return engine.choose(self.codes.size, self.codes.shape[1])

    def rewards(self, out: NDArray[Any]) -> None:
        self._engine.rewards(self.codes, self.pay, out, self.threads)

    def advantages(self, out: NDArray[Any]) -> None:
        self._engine.advantages(self.codes, self.pay, self.weights, out, self.threads)

    def totals(self, less: int, absent: NDArray[np.bool_] | None, absent_pay: float) -> Array:
        gone = None if absent is None else absent.sum(axis=1)
        divisor = self.codes.shape[1] - less
        return self._engine.totals(self.codes, self.weights, divisor, gone, absent_pay, self.threads)  # type: ignore[no-any-return]

    def sums(self, values: Array) -> Array:
        return sorted_sums(values)

    def spread(self, values: Any) -> Any:
        return values[:, None]


@dataclass(frozen=True)
class Rows:
    """Groups one after the other: codes (N,), group g at starts[g] : starts[g + 1]."""

    codes: Ints
    starts: NDArray[np.int64]
    tables: Tables
    threads: int = 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.diff(self.starts)

    @property
    def _engine(self) -> Any:
        return engine.choose(len(self.codes), int(self.sizes.max(initial=0)))

    def rewards(self, out: NDArray[Any]) -> None:
        self._engine.ragged_rewards(self.codes, self.starts, self.tables, out, self.threads)

    def advantages(self, out: NDArray[Any]) -> None:
        self._engine.ragged_advantages(self.codes, self.starts, self.tables, out, self.threads)

    def totals(self, less: int, absent: NDArray[np.bool_] | None, absent_pay: float) -> Array:
        gone = None if absent is None else np.bincount(self._group[absent], minlength=len(self.starts) - 1)
        return self._engine.ragged_totals(  # type: ignore[no-any-return]
            self.codes, self.starts, self.tables, less, gone, absent_pay, self.threads
        )

    def sums(self, values: Array) -> Array:
        result = np.zeros(len(self.starts) - 1)
        for _, members, rows in twin.blocks(self.starts):
            result[members] = sorted_sums(values[rows])
        return result

    def spread(self, values: Any) -> Any:
        return values[self._group]

    @property
    def _group(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.starts) - 1), self.sizes)


def sorted_sums(block: Array) -> Array:
    """Row sums in ascending order of the values, one addition after the other: permuting a row changes no bit."""
    total = np.zeros(len(block))
    for column in np.sort(block, axis=1).T:
        total += column
    return total

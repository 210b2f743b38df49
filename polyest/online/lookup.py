"""What a table pays, as arrays for the kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError, TableNotFoundError
from polyest.store import solve_command

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.table import Table

    Array = NDArray[np.float64]

__all__ = ["Lookup", "Tables", "advantage_pay", "read_only"]


def read_only(values: Sequence[float]) -> Array:
    """The values as a float64 array that cannot be written to."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


def advantage_pay(coefficients: Sequence[float], others: Sequence[float]) -> list[float]:
    """a_m = c_m + (c'_m + m·c'_m − m·c'_{m−1})/(K−1), with c'_{K−1} = 0, each rounded once (theory.md §5).

    The advantage is A_i = c[m_i] − b_i = a[m_i] − T/(K−1), T = Σ_j c'[m_j].

    >>> advantage_pay([-1.0, 0.0], [0.5])
    [-0.5, -0.5]
    """
    plain, other = [Fraction(c) for c in coefficients], [Fraction(c) for c in others] + [Fraction(0)]
    last = len(plain) - 1
    return [float(plain[m] + ((1 + m) * other[m] - (m * other[m - 1] if m else 0)) / last) for m in range(last + 1)]


@dataclass(frozen=True)
class Lookup:
    """The arrays of one group size K.

    Attributes:
        table: where they come from.
        coefficients: c, shape (K,).
    """

    table: Table
    coefficients: Array

    @classmethod
    def of(cls, table: Table) -> Lookup:
        return cls(table, read_only(table.coefficients))

    @cached_property
    def others(self) -> Array:
        """c', shape (K−1,): what the others are paid among themselves when one completion is left out."""
        problem, inner = self.table.problem, self.table.leave_one_out
        if problem.baseline is not None:
            raise ArgumentError(
                f"`advantages` need a table without baseline, got baseline={problem.baseline!r}: its rewards are made "
                "for a trainer that subtracts the mean itself; use .rewards, or load the table without baseline"
            )
        if inner is None:
            raise TableNotFoundError(
                f"`advantages` need the table of K−1 = {problem.group_size - 1}, which the table of {problem} lacks; "
                f"solve it again with: {solve_command(problem)} --force"
            )
        return read_only(inner.coefficients)

    @cached_property
    def weights(self) -> Array:
        """c' with c'_{K−1} = 0, shape (K,)."""
        return read_only([*self.others, 0.0])

    @cached_property
    def advantage_pay(self) -> Array:
        """`advantage_pay` of c and c', shape (K,)."""
        return read_only(advantage_pay(self.coefficients.tolist(), self.others.tolist()))


@dataclass(frozen=True)
class Tables:
    """Look-up arrays of several group sizes, end to end.

    Attributes:
        offsets: where the arrays of size n begin, shape (largest n + 1,); −1 where n is absent.
        pay: what a completion with m matches is paid, at offsets[n] + m.
        weights: what it adds to its group's total, at offsets[n] + m; empty if no totals are wanted.
    """

    offsets: NDArray[np.int64]
    pay: Array
    weights: Array

    @classmethod
    def join(cls, arrays: Mapping[int, tuple[Array, Array | None]]) -> Tables:
        """From (pay, weights) of each size."""
        offsets = np.full(max(arrays, default=0) + 1, -1, np.int64)
        offsets[list(arrays)] = np.cumsum([0, *arrays])[:-1]
        none = np.empty(0)
        pay = [pay for pay, _ in arrays.values()]
        weights = [none if weights is None else weights for _, weights in arrays.values()]
        return cls(offsets, np.concatenate([none, *pay]), np.concatenate([none, *weights]))

    def pay_of(self, size: int) -> Array:
        return self.pay[self.offsets[size] :][:size]

    def weights_of(self, size: int) -> Array:
        return self.weights[self.offsets[size] :][:size]

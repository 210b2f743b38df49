"""What a table pays, as arrays for the kernels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError, TableNotFoundError
from polyest.storage.store import solve_command

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.storage.table import Table

    Array = NDArray[np.float64]

__all__ = ["FixedPoint", "Lookup", "Tables", "advantage_pay", "fixed_point", "read_only"]


def read_only(values: Sequence[float]) -> Array:
    """The values as a float64 array that cannot be written to."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


@dataclass(frozen=True)
class FixedPoint:
    """Numbers as integers × scale, scale a power of two, so small that no sum of a group's numbers overflows int64.

    Attributes:
        integers: shape (K,), |Σ| < 2^62 for any K of them.
        scale: float64, at least 2^−1000; the rounding, at most scale/2, is below K/2^60 of the largest number.
    """

    integers: NDArray[np.int64]
    scale: float


def fixed_point(values: Sequence[float]) -> FixedPoint:
    """K numbers in fixed point.

    >>> fixed = fixed_point([-1.5, 0.0])
    >>> (fixed.integers * fixed.scale).tolist()
    [-1.5, 0.0]
    """
    exponent = math.frexp(max(map(abs, values)))[1]
    shift = min(62 - exponent - len(values).bit_length(), 1000)
    integers = np.array([round(Fraction(value) * Fraction(2) ** shift) for value in values], np.int64)
    integers.setflags(write=False)
    return FixedPoint(integers, math.ldexp(1.0, -shift))


def advantage_pay(coefficients: Sequence[float], others: Sequence[Fraction]) -> list[float]:
    """a_m = c_m + (c'_m + m·c'_m − m·c'_{m−1})/(K−1), each rounded once; c' has K entries, the last 0 (theory.md §5).

    The advantage is A_i = c[m_i] − b_i = a[m_i] − T/(K−1), T = Σ_j c'[m_j].

    >>> advantage_pay([-1.0, 0.0], [Fraction(1, 2), Fraction(0)])
    [-0.5, -0.5]
    """
    last = len(coefficients) - 1
    own = [(1 + m) * others[m] - (m * others[m - 1] if m else 0) for m in range(last + 1)]
    return [float(Fraction(c) + o / last) for c, o in zip(coefficients, own, strict=True)]


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

    def __reduce__(self) -> tuple[Any, ...]:
        """By its table: copies of the arrays could be written to."""
        return Lookup.of, (self.table,)

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
    def fixed_weights(self) -> FixedPoint:
        """What completions add to the T of their group's advantages: `weights`, shape (K,)."""
        return fixed_point(self.weights.tolist())

    @cached_property
    def fixed_coefficients(self) -> FixedPoint:
        """What completions add to their group's value: c, shape (K,)."""
        return fixed_point(self.coefficients.tolist())

    @cached_property
    def advantage_pay(self) -> Array:
        """`advantage_pay` of c and `fixed_weights`, shape (K,)."""
        fixed = self.fixed_weights
        others = [Fraction(fixed.scale) * n for n in fixed.integers.tolist()]
        return read_only(advantage_pay(self.coefficients.tolist(), others))

    def arrays(self, kind: str) -> tuple[Array, FixedPoint | None]:
        """What a completion is paid, and what it adds to its group's total; `weighted` is for weighted advantages."""
        if kind == "advantages":
            return self.advantage_pay, self.fixed_weights
        if kind == "weighted":
            return self.coefficients, self.fixed_weights
        return self.coefficients, self.fixed_coefficients if kind == "values" else None


@dataclass(frozen=True)
class Tables:
    """Look-up arrays of several group sizes, end to end, a zero before each of them and behind the last.

    Attributes:
        offsets: where the arrays of size n begin, shape (largest n + 1,); −1 where n is absent.
        pay: what a completion with m matches is paid, at offsets[n] + m.
        weights: what it adds to its group's total, in units of scales[n], at offsets[n] + m; a zero if none is wanted.
        scales: shape (largest n + 1,).
    """

    offsets: NDArray[np.int64]
    pay: Array
    weights: NDArray[np.int64]
    scales: Array

    @classmethod
    def join(cls, lookups: Mapping[int, Lookup], kind: str) -> Tables:
        """Those of each size, for rewards, advantages or values."""
        sizes, largest = list(lookups), max(lookups, default=0)
        arrays = [lookup.arrays(kind) for lookup in lookups.values()]
        weights = [weight for _, weight in arrays if weight is not None]
        offsets, scales = np.full(largest + 1, -1, np.int64), np.ones(largest + 1)
        offsets[sizes] = 1 + np.cumsum([0, *(n + 1 for n in sizes)])[:-1]
        if weights:
            scales[sizes] = [weight.scale for weight in weights]
        none, unpaid = np.zeros(1, np.int64), np.zeros(1)
        integers = [none, *chain.from_iterable((weight.integers, none) for weight in weights)]
        paid = [unpaid, *chain.from_iterable((pay, unpaid) for pay, _ in arrays)]
        return cls(offsets, np.concatenate(paid), np.concatenate(integers), scales)

    def arrays(self) -> tuple[NDArray[np.int64], Array, NDArray[np.int64], Array]:
        return self.offsets, self.pay, self.weights, self.scales

    def pay_of(self, size: int) -> Array:
        return self.pay[self.offsets[size] :][:size]

    def weights_of(self, size: int) -> NDArray[np.int64]:
        return self.weights[self.offsets[size] :][:size]

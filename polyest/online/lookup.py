"""What a table pays, as arrays for the kernels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from polyest.errors import ArgumentError, TableNotFoundError
from polyest.storage.store import solve_command

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.storage.table import Table

    from polyest.online.layout import Array

Number = TypeVar("Number", np.float64, np.int64)

__all__ = ["FixedPoint", "Lookup", "Tables", "Weighted", "advantage_pay", "fixed_point", "read_only"]


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
class Weighted:
    """What weighted completions of one group size are paid, A_i = w_i·a[m_i] + S_i·d[m_i] − Σ_j w_j·b[m_j].

    S_i is the sum of the others' weights with the same answer (theory.md §9).

    Attributes:
        others: b, shape (K,): c'[m]/(K−1); c where means are asked for.
        own: a, shape (K,): c[m] + b[m].
        steps: d, shape (K,): b[m] − b[m−1], rounded once; d[0] = 0.
        exponent: the least e with all of b below 2^e in size.
    """

    others: Array
    own: Array
    steps: Array
    exponent: int

    @classmethod
    def of_means(cls, coefficients: Array) -> Weighted:
        return cls(coefficients, coefficients, coefficients, _exponent(coefficients))

    @classmethod
    def of_advantages(cls, coefficients: Array, weights: Array) -> Weighted:
        """From c and c' with c'_{K−1} = 0."""
        shares = [Fraction(weight) / (len(weights) - 1) for weight in weights.tolist()]
        own = [float(Fraction(c) + share) for c, share in zip(coefficients.tolist(), shares, strict=True)]
        steps = [0.0, *(float(here - before) for before, here in pairwise(shares))]
        others = [*map(float, shares)]
        return cls(read_only(others), read_only(own), read_only(steps), _exponent(others))


def _exponent(numbers: Iterable[float]) -> int:
    return math.frexp(max(map(abs, numbers)))[1]


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

    def __reduce__(self) -> tuple[Callable[[Table], Lookup], tuple[Table]]:
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

    @cached_property
    def weighted_advantages(self) -> Weighted:
        return Weighted.of_advantages(self.coefficients, self.weights)

    @cached_property
    def weighted_values(self) -> Weighted:
        return Weighted.of_means(self.coefficients)

    def arrays(self, kind: str) -> tuple[Array, FixedPoint | None]:
        """What a completion is paid, and what it adds to its group's total."""
        if kind == "advantages":
            return self.advantage_pay, self.fixed_weights
        return self.coefficients, self.fixed_coefficients if kind == "values" else None

    def weighted(self, kind: str) -> Weighted:
        """The same of weighted completions."""
        return self.weighted_advantages if kind == "advantages" else self.weighted_values


@dataclass(frozen=True)
class Tables:
    """Look-up arrays of several group sizes, end to end, a zero before each of them and behind the last.

    Attributes:
        offsets: where the arrays of size n begin, shape (largest n + 1,); −1 where n is absent.
        pay: what a completion with m matches is paid, at offsets[n] + m; `Weighted.own` of weighted completions.
        totals: what it adds to its group's total, in units of scales[n], at offsets[n] + m; a zero if none is wanted.
        scales: shape (largest n + 1,).
        others: `Weighted.others`, at offsets[n] + m; a zero without weights.
        steps: `Weighted.steps`, likewise.
        exponents: `Weighted.exponent`, shape (largest n + 1,).
    """

    offsets: NDArray[np.int64]
    pay: Array
    totals: NDArray[np.int64]
    scales: Array
    others: Array = field(default_factory=lambda: np.zeros(1))
    steps: Array = field(default_factory=lambda: np.zeros(1))
    exponents: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))

    @classmethod
    def join(cls, lookups: Mapping[int, Lookup], kind: str) -> Tables:
        """Those of each size, for rewards, advantages or values."""
        arrays = [lookup.arrays(kind) for lookup in lookups.values()]
        totals = [total for _, total in arrays if total is not None]
        offsets, scales = _offsets(lookups), np.ones(max(lookups, default=0) + 1)
        if totals:
            scales[list(lookups)] = [total.scale for total in totals]
        integers = _joined([total.integers for total in totals], np.zeros(1, np.int64))
        return cls(offsets, _joined([pay for pay, _ in arrays], np.zeros(1)), integers, scales)

    @classmethod
    def join_weighted(cls, lookups: Mapping[int, Lookup], kind: str) -> Tables:
        """The same of weighted completions, for advantages or values."""
        found, zero = [lookup.weighted(kind) for lookup in lookups.values()], np.zeros(1)
        exponents = np.zeros(max(lookups, default=0) + 1, np.int64)
        exponents[list(lookups)] = [weighted.exponent for weighted in found]
        own, others, steps = (
            _joined([getattr(weighted, name) for weighted in found], zero) for name in ("own", "others", "steps")
        )
        return cls(_offsets(lookups), own, np.zeros(1, np.int64), zero, others, steps, exponents)

    def pay_of(self, size: int) -> Array:
        return self.pay[self.offsets[size] :][:size]

    def totals_of(self, size: int) -> NDArray[np.int64]:
        return self.totals[self.offsets[size] :][:size]

    def weighted_of(self, size: int) -> Weighted:
        others, own, steps = (array[self.offsets[size] :][:size] for array in (self.others, self.pay, self.steps))
        return Weighted(others, own, steps, int(self.exponents[size]))


def _offsets(lookups: Mapping[int, Lookup]) -> NDArray[np.int64]:
    offsets, sizes = np.full(max(lookups, default=0) + 1, -1, np.int64), list(lookups)
    offsets[sizes] = 1 + np.cumsum([0, *(n + 1 for n in sizes)])[:-1]
    return offsets


def _joined(arrays: Sequence[NDArray[Number]], zero: NDArray[Number]) -> NDArray[Number]:
    return np.concatenate([zero, *chain.from_iterable((array, zero) for array in arrays)])

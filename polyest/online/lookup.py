"""What a table pays, as arrays for the kernels, made once for each problem."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from polyest.errors import ArgumentError, TableNotFoundError
from polyest.loading import LIMIT, load_table, no_tables
from polyest.online.extras import PACKED
from polyest.storage.centring import centring_proof
from polyest.storage.store import solve_command

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.problems.problem import Problem
    from polyest.storage.table import Table

    Array = NDArray[np.float64]

Number = TypeVar("Number", np.float64, np.int64)

__all__ = ["FixedPoint", "Lookup", "Tables", "advantage_pay", "fixed_point", "lookup_of", "lookups", "read_only"]

_lookups: dict[Problem, tuple[Table, Lookup]] = {}


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
            graded = "those of polyest.graded do without it" if problem.method == "graded" else ""
            raise TableNotFoundError(
                f"`advantages` need the table of K−1 = {problem.group_size - 1}, which the table of {problem} lacks; "
                + (graded or f"solve it again with: {solve_command(problem)} --force")
            )
        return read_only(inner.coefficients)

    @cached_property
    def totals(self) -> FixedPoint:
        """c."""
        return fixed_point(self.coefficients.tolist())

    @cached_property
    def advantages(self) -> tuple[Array, FixedPoint]:
        """T is that of c' with c'_{K−1} = 0; `advantage_pay` is of c' as it is rounded there."""
        fixed = fixed_point([*self.others.tolist(), 0.0])
        others = [Fraction(fixed.scale) * n for n in fixed.integers.tolist()]
        return read_only(advantage_pay(self.coefficients.tolist(), others)), fixed

    @cached_property
    def weighted_values(self) -> Array:
        shares = self.coefficients / len(self.coefficients)
        return np.stack([shares, *np.zeros((2, len(shares)))])

    @cached_property
    def weighted_advantages(self) -> Array:
        shares = [Fraction(other) / len(self.others) for other in self.others.tolist()] + [Fraction(0)]
        own = [Fraction(c) + share for c, share in zip(self.coefficients.tolist(), shares, strict=True)]
        return np.array([shares, own, [0, *(here - before for before, here in pairwise(shares))]], np.float64)

    def arrays(self, kind: str) -> tuple[Array, FixedPoint | None]:
        """What a completion is paid, and what it adds to its group's total, for rewards, advantages or values."""
        return (
            self.advantages if kind == "advantages" else (self.coefficients, None if kind == "rewards" else self.totals)
        )

    def weighted(self, kind: str) -> Array:
        """b, a, d of weighted completions, shape (3, K), paid w_i·a[m_i] + S_i·d[m_i] − Σ_j w_j·b[m_j].

        S_i is the sum of the others' weights with the same answer; b_m = c'_m/(K−1), a_m = c_m + b_m, d_m = b_m −
        b_{m−1} and d_0 = 0, each rounded once (theory.md §9). Values are Σ_j w_j·b[m_j], b = c/K.
        """
        return self.weighted_advantages if kind == "advantages" else self.weighted_values


def lookup_of(problem: Problem) -> Lookup:
    """The look-up arrays of a problem, made once for as long as its table stays the same."""
    plain = load_table(problem)
    known = _lookups.get(problem)
    if known is None or known[0] is not plain:
        if len(_lookups) >= LIMIT:
            _lookups.clear()
        table = plain if problem.baseline is None else centring_proof(plain, problem.baseline)
        known = _lookups[problem] = plain, Lookup.of(table)
    return known[1]


def lookups(problems: Iterable[Problem]) -> dict[int, Lookup]:
    """The look-up arrays of several group sizes, by size.

    Raises:
        TableNotFoundError: some sizes have no table.
    """
    found, lacking = {}, []
    for problem in problems:
        try:
            found[problem.group_size] = lookup_of(problem)
        except TableNotFoundError:
            lacking.append(problem)
    if lacking:
        raise no_tables(lacking)
    return found


@dataclass(frozen=True)
class Tables:
    """Look-up arrays of several group sizes, end to end, a zero before each of them and `PACKED` behind the last.

    Those of size n begin at offsets[n]; groups of fewer than two are paid NaN, which comes last. So any table may be
    read in whole blocks, as far as small groups have them.

    Attributes:
        offsets: shape (largest n + 1,); −1 where n ≥ 2 is absent.
        pay: what a completion with m matches is paid, at offsets[n] + m.
        totals: what it adds to its group's total, in fixed point, at offsets[n] + m; None for rewards, which have none,
            and where completions are weighted.
        units: what to divide totals by, shape (largest n + 1,); NaN for n < 2.
        columns: `Lookup.weighted`, shape (3, R), at offsets[n] + m; None for rewards, and without weights.
        exponents: the least e with all |b_m| < 2^e, shape (largest n + 1,).
    """

    offsets: NDArray[np.int64]
    pay: Array
    totals: NDArray[np.int64] | None
    units: Array
    columns: Array | None
    exponents: NDArray[np.int64]

    @classmethod
    def join(cls, lookups: Mapping[int, Lookup], kind: str, is_weighted: bool = False) -> Tables:
        """Those of each size, for rewards, advantages or values."""
        sizes, slots = list(lookups), max(lookups, default=1) + 1
        offsets, units, exponents = np.full(slots, -1, np.int64), np.full(slots, np.nan), np.zeros(slots, np.int64)
        begins = 1 + np.cumsum([0, *(n + 1 for n in sizes)])
        offsets[sizes], offsets[:2] = begins[:-1], begins[-1]
        totals = columns = None
        arrays = [lookup.arrays(kind) for lookup in lookups.values()]
        if kind != "rewards" and is_weighted:
            found = [lookup.weighted(kind) for lookup in lookups.values()]
            exponents[sizes] = [math.frexp(np.abs(each[0]).max())[1] for each in found]
            columns = _joined(found, np.zeros((3, 1)))
        elif kind != "rewards":
            fixed = [total for _, total in arrays if total is not None]
            units[sizes] = [(n - (kind == "advantages")) / each.scale for n, each in zip(sizes, fixed, strict=True)]
            totals = _joined([*(each.integers for each in fixed), np.zeros(1, np.int64)], np.zeros(1, np.int64))
        pay = _joined([*(pay for pay, _ in arrays), np.full(1, np.nan)], np.zeros(1))
        return cls(offsets, pay, totals, units, columns, exponents)

    def without_matches(self, sizes: NDArray[np.int64]) -> tuple[Array, Array]:
        """What a completion without matches is paid and adds to its group's mean, in groups of these sizes."""
        known = np.minimum(sizes, len(self.offsets) - 1)
        assert self.totals is not None
        return self.pay[self.offsets[known]], self.totals[self.offsets[known]] / self.units[known]

    def of(self, size: int, array: NDArray[Number]) -> NDArray[Number]:
        """The part of one of these arrays that is for groups of this size."""
        return array[..., self.offsets[size] :][..., :size]


def _joined(arrays: Sequence[NDArray[Number]], zero: NDArray[Number]) -> NDArray[Number]:
    ends = np.repeat(zero, PACKED, axis=-1)
    return np.concatenate([*chain.from_iterable((zero, array) for array in arrays), ends], axis=-1)

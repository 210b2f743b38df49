"""What an estimator pays, as look-up matrices that a framework can index without asking the host anything."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, cast

import numpy as np

from polyest.errors import ArgumentError, PolyestError, TableNotFoundError, shortened, warn
from polyest.numbers.protocol import N
from polyest.online.lookup import Lookup, lookup_of
from polyest.problems.budget import refuse_others

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.estimator import Estimator
    from polyest.problems.problem import Problem

    Array = NDArray[np.float64]

__all__ = ["ArrayFunctions", "Matrices", "Totals", "check_names", "check_padding_id", "check_shape", "matrices"]


@dataclass(frozen=True)
class ArrayFunctions(Generic[N]):
    """The functions that a target's formula may use, of torch or jax.numpy: arrays there take floats for constants."""

    log: Callable[[N], N]
    exp: Callable[[N], N]
    sqrt: Callable[[N], N]

    def power(self, x: N, a: Fraction) -> N:
        return cast("N", operator.pow(x, float(a)))

    def rational(self, value: Fraction | int) -> N:
        return cast("N", float(value))


class Totals(NamedTuple):
    """What completions add to their group's total, in fixed point, so that sums are exact in any order.

    Attributes:
        integers: shape (R, K).
        scales: the unit of each row, shape (R,).
    """

    integers: NDArray[np.int64]
    scales: Array


class Matrices(NamedTuple):
    """Row n pays groups of n completions, column m those with m matches; without padding there is one row, that of K.

    Attributes:
        rewards: c, shape (R, K).
        shares: c again; the value is Σ_j c[m_j]/n.
        advantages: a of A_i = a[m_i] − T/(n−1), shape (R, K); None if the estimator has no advantages.
        weights: c' with c'_{n−1} = 0, of T = Σ_j c'[m_j]; None likewise.
        weighted: a, e and d of A_i = w_i a[m_i] + W_i e[m_i] − Σ_j w_j d[m_j], W_i the weight of all completions with
            the answer of i, shape (3, R, K): d = c'/(n−1), e_m = d_m − d_{m−1}, 0 at m = 0, and a = c + d − e
            (theory.md §9); None likewise.
    """

    rewards: Array
    shares: Totals
    advantages: Array | None
    weights: Totals | None
    weighted: Array | None


def matrices(estimator: Estimator, padded: bool) -> Matrices:
    """The look-up matrices of an estimator; with `padded`, of all groups of 0..K completions.

    A group that cannot be scored (fewer than two completions, or a size without a table) is paid NaN; sizes without
    a table are named in a warning.
    """
    own = Lookup.of(estimator.table)
    found = {own.table.group_size: own} | (_smaller(estimator.problem, _has_advantages(own)) if padded else {})
    rewards, shares = _stack(found, "values", padded)
    if not _has_advantages(own):
        return Matrices(rewards, shares, None, None, None)
    advantages, weights = _stack(found, "advantages", padded)
    sizes = np.arange(len(rewards)) if padded else np.array([len(own.coefficients)])
    return Matrices(rewards, shares, advantages, weights, _weighted(rewards, weights, sizes[:, None]))


def check_shape(estimator: Estimator, shape: tuple[int, ...]) -> None:
    """Refuse answers whose last dimension is not the table's group size."""
    K = estimator.problem.group_size
    if not shape or shape[-1] != K:
        raise ArgumentError(
            f"`answers` must have shape (..., {K}), as the table is for group_size={K}; got shape {tuple(shape)}; load "
            "the table of that size, or, with missing completions marked by an id, load(…, padding_id=that)"
        )


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keyword arguments that an estimator's methods do not have, and say which of them `load` has."""
    if "padding_id" in given:
        raise ArgumentError(
            "`padding_id` is no argument of an estimator's methods, whose tables depend on it; give it to "
            "load(…, padding_id=…)"
        )
    if any(name not in known for name in given):
        refuse_others(given, known)


def check_padding_id(padding_id: Any) -> int | None:
    """`padding_id` as an int, or None."""
    try:
        return None if padding_id is None else operator.index(padding_id)
    except TypeError:
        raise ArgumentError(
            f"`padding_id` must be an integer, as the answers are, got {shortened(padding_id)}"
        ) from None


def _smaller(problem: Problem, advantages: bool) -> dict[int, Lookup]:
    """The look-ups of 2..K−1 completions, as far as there are tables."""
    found: dict[int, Lookup] = {}
    lacking: dict[int, PolyestError] = {}
    for n in range(2, problem.group_size):
        try:
            lookup = lookup_of(problem.of_size(n))
            lookup.arrays("advantages" if advantages else "values")  # raises where there is no table of n−1
            found[n] = lookup
        except (ArgumentError, TableNotFoundError) as error:
            lacking[n] = error
    if lacking:
        sizes, reason = ", ".join(map(str, lacking)), next(iter(lacking.values()))
        warn(f"groups that padding leaves with {sizes} completions will score NaN: {reason}")
    return found


def _weighted(rewards: Array, weights: Totals, sizes: NDArray[np.int64]) -> Array:
    """See `Matrices.weighted`; `sizes` is n of each row, shape (R, 1)."""
    rates = weights.integers * weights.scales[:, None] / np.maximum(sizes - 1, 1)
    steps = np.diff(rates, axis=1, prepend=rates[:, :1])
    return np.stack([rewards + rates - steps, steps, rates])


def _has_advantages(lookup: Lookup) -> bool:
    try:
        return len(lookup.others) > 0
    except (ArgumentError, TableNotFoundError):
        return False


def _stack(found: dict[int, Lookup], kind: str, padded: bool) -> tuple[Array, Totals]:
    """The arrays of each size as rows, NaN where there are none."""
    K = max(found)
    rows = K + 1 if padded else 1
    pay, totals = np.full((rows, K), np.nan), Totals(np.zeros((rows, K), np.int64), np.full(rows, np.nan))
    for n, lookup in found.items():
        row = n if padded else 0
        pay[row, :n], total = lookup.arrays(kind)
        assert total is not None
        totals.integers[row, :n], totals.scales[row] = total.integers, total.scale
    return pay, totals

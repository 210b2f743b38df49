"""What an estimator pays, as look-up matrices that a framework can index without asking the host anything."""

from __future__ import annotations

import operator
import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError, PolyestError, TableNotFoundError
from polyest.loading import lookup_of, sibling
from polyest.online.lookup import Lookup

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.estimator import Estimator
    from polyest.problem import Problem

    Array = NDArray[np.float64]

__all__ = ["Functions", "Matrices", "check_padding_id", "check_shape", "matrices"]


class Functions:
    """The functions that a target's formula may use, taken from `namespace` (torch, jax.numpy)."""

    def __init__(self, namespace: Any) -> None:
        self.log, self.exp, self.sqrt = namespace.log, namespace.exp, namespace.sqrt

    def power(self, x: Any, exponent: Fraction) -> Any:
        return x ** float(exponent)

    def rational(self, value: Fraction | int) -> float:
        return float(value)


@dataclass(frozen=True)
class Matrices:
    """Row n pays groups of n completions, column m those with m matches; without padding there is one row, that of K.

    Attributes:
        rewards: c, shape (R, K).
        advantages: a of `polyest.online.lookup.advantage_pay`, shape (R, K); None if the estimator has no advantages.
        weights: c' with c'_{n−1} = 0: what a completion adds to T in A_i = a[m_i] − T/(n−1); None likewise.
    """

    rewards: Array
    advantages: Array | None
    weights: Array | None


def matrices(estimator: Estimator, padded: bool) -> Matrices:
    """The look-up matrices of an estimator; with `padded`, of all groups of 0..K completions.

    A group that cannot be scored (fewer than two completions, or a size without a table) is paid NaN; sizes without
    a table are named in a warning.
    """
    K = estimator.problem.group_size
    own = Lookup.of(estimator.table)
    found = {K: own} | (_smaller(estimator.problem, _has_advantages(own)) if padded else {})
    rewards = _stack(K, padded, {n: lookup.coefficients for n, lookup in found.items()})
    if not _has_advantages(own):
        return Matrices(rewards, None, None)
    advantages = _stack(K, padded, {n: lookup.advantage_pay for n, lookup in found.items()})
    return Matrices(rewards, advantages, _stack(K, padded, {n: lookup.weights for n, lookup in found.items()}))


def check_shape(estimator: Estimator, shape: tuple[int, ...]) -> None:
    """Refuse answers whose last dimension is not the table's group size."""
    K = estimator.problem.group_size
    if not shape or shape[-1] != K:
        raise ArgumentError(
            f"`answers` must have shape (..., {K}), as the table is for group_size={K}; got shape {tuple(shape)}; load "
            "the table of that size, or mark missing completions by padding_id"
        )


def check_padding_id(padding_id: Any) -> int | None:
    """`padding_id` as an int, or None."""
    try:
        return None if padding_id is None else operator.index(padding_id)
    except TypeError:
        raise ArgumentError(f"`padding_id` must be an integer, as the answers are, got {padding_id!r}") from None


def _smaller(problem: Problem, advantages: bool) -> dict[int, Lookup]:
    """The look-ups of 2..K−1 completions, as far as there are tables."""
    found: dict[int, Lookup] = {}
    lacking: dict[int, PolyestError] = {}
    for n in range(2, problem.group_size):
        try:
            lookup = lookup_of(sibling(problem, n))
            if advantages:
                lookup.advantage_pay  # noqa: B018  (raises where there is no table of n−1)
            found[n] = lookup
        except (ArgumentError, TableNotFoundError) as error:
            lacking[n] = error
    if lacking:
        sizes, reason = ", ".join(map(str, lacking)), next(iter(lacking.values()))
        warnings.warn(f"groups that padding leaves with {sizes} completions will score NaN: {reason}", stacklevel=5)
    return found


def _has_advantages(lookup: Lookup) -> bool:
    try:
        return len(lookup.others) > 0
    except (ArgumentError, TableNotFoundError):
        return False


def _stack(K: int, padded: bool, rows: dict[int, Array]) -> Array:
    matrix = np.full((K + 1 if padded else 1, K), np.nan)
    for n, row in rows.items():
        matrix[n if padded else 0, :n] = row
    return matrix

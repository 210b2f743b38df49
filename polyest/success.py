"""Success rates: exact values and gradient rewards of polynomials g(s), s the probability of a correct completion.

With a verifier, h of K completions are correct. A value g(s) = Σ a_j s^j of degree ≤ K is estimated without bias by
Σ a_j (h)_j/(K)_j. Its gradient is g'(s)·∇s, so a correct completion is paid the exact table of g' at the number of
correct ones among the other K−1, an incorrect one 0 (theory.md §6).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.methods.exact import u_statistic
from polyest.problem import LARGEST_GROUP, whole_number
from polyest.rationals import bounded_rational

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["SuccessRate", "majority_at", "pass_at", "polynomial", "truncated_log", "variance"]

LARGEST_ORDER = 1024  # k of pass@k: exact tables take seconds there


@dataclass(frozen=True)
class SuccessRate:
    """An objective g(s) for groups of K completions; made by the functions of this module.

    Attributes:
        name: how the objective is written.
        polynomial: a_0, a_1, … of g(s) = Σ a_j s^j, degree ≤ K.
        group_size: K ≥ 2.

    >>> objective = pass_at(2, group_size=4)
    >>> objective.values([True, False, False, False]), objective.values([[1, 1, 0, 0], [0, 0, 0, 0]]).round(3).tolist()
    (array(0.5), [0.833, 0.0])
    >>> objective.rewards([True, False, False, False]).tolist()
    [2.0, 0.0, 0.0, 0.0]
    """

    name: str
    polynomial: tuple[Fraction, ...]
    group_size: int

    @cached_property
    def value_coefficients(self) -> Array:
        """The value at h = 0..K correct completions, shape (K+1,): Σ_j a_j (h)_j/(K)_j, rounded once."""
        K = self.group_size
        return _frozen([u_statistic(self.polynomial, h, K) for h in range(K + 1)])

    @cached_property
    def coefficients(self) -> Array:
        """The reward of a correct completion at 0..K−1 correct others, shape (K,): the exact table of g'."""
        derivative = tuple(j * a for j, a in enumerate(self.polynomial))[1:] or (Fraction(0),)
        return _frozen([u_statistic(derivative, m, self.group_size - 1) for m in range(self.group_size)])

    def values(self, correct: ArrayLike) -> Array:
        """Unbiased estimates of g(s), shape (...,), from `correct` of shape (..., K), booleans or 0 and 1."""
        return np.asarray(self.value_coefficients[self._checked(correct).sum(axis=-1)])

    def rewards(self, correct: ArrayLike) -> Array:
        """Rewards whose policy gradient is ∇g(s) on average, shape (..., K)."""
        hits = self._checked(correct)
        return np.where(hits, self.coefficients[self._others(hits)], 0.0)

    def advantages(self, correct: ArrayLike) -> Array:
        """Rewards minus a baseline that completion i has no part in, shape (..., K); the same expected gradient.

        A_i = c[h_i]·(1{i correct} − h_i/(K−1)), h_i the number of correct ones among the others.
        """
        hits = self._checked(correct)
        others = self._others(hits)
        return np.asarray(self.coefficients[others] * (hits - others / (self.group_size - 1)))

    def _others(self, hits: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The number of correct ones among the others; at an incorrect one at most K−1."""
        others: NDArray[np.int64] = hits.sum(axis=-1, keepdims=True) - hits
        return others

    def _checked(self, correct: ArrayLike) -> NDArray[np.bool_]:
        hits = _array(correct, f"(..., {self.group_size}), the group size of this {self.name}")
        if hits.ndim == 0 or hits.shape[-1] != self.group_size:
            raise ArgumentError(
                f"`correct` must have shape (..., {self.group_size}), the group size of this {self.name}; got "
                f"{hits.shape}; make an objective for that group size"
            )
        if hits.dtype.kind not in "bui" or not np.isin(hits, (0, 1)).all():
            raise ArgumentError(
                f"`correct` must be booleans, or the integers 0 and 1; got {hits.dtype}; apply the verifier"
            )
        return hits.astype(bool)


def _array(correct: ArrayLike, required: str) -> NDArray[Any]:
    try:
        hits = np.asarray(correct)
    except ValueError:
        hits = np.empty(0, dtype=object)
    if hits.dtype == object:
        raise ArgumentError(
            f"`correct` must be booleans, or the integers 0 and 1, in an array of shape {required}; got lists of "
            "different lengths, or something else than these; make an objective for each group size and give 0 or 1 "
            "for every completion"
        )
    return hits


def pass_at(k: int, group_size: int) -> SuccessRate:
    """pass@k = 1 − (1−s)^k: that one of k completions is correct; k ≤ K. Chen et al. 2021, arXiv 2107.03374."""
    k = _order("k", k, group_size, "pass@{}")
    return _objective(f"pass@{k}", _sum([(Fraction(1), 0, 0), (Fraction(-1), 0, k)]), group_size)


def majority_at(k: int, group_size: int) -> SuccessRate:
    """majority@k = P(Binomial(k, s) > k/2): that most of k completions are correct; k odd, k ≤ K."""
    k = _order("k", k, group_size, "majority@{}")
    if k % 2 == 0:
        raise ArgumentError(f"`k` must be odd, so that a majority is never a tie; got {k}; use {k - 1} or {k + 1}")
    terms = [(Fraction(math.comb(k, i)), i, k - i) for i in range(k // 2 + 1, k + 1)]
    return _objective(f"majority@{k}", _sum(terms), group_size)


def variance(group_size: int) -> SuccessRate:
    """s(1−s): largest where the verifier's verdict is least certain."""
    return _objective("variance", (Fraction(0), Fraction(1), Fraction(-1)), group_size)


def truncated_log(terms: int, group_size: int) -> SuccessRate:
    """−Σ_{j=1}^{T} (1−s)^j/j, T ≤ K: the part of log s that K completions can estimate; its reward at T = K is K/(m+1).

    log s itself is not estimable: s(1−s)·g'(s) does not vanish at 0 (theory.md §6).

    >>> truncated_log(4, group_size=4).coefficients.round(3).tolist()
    [4.0, 2.0, 1.333, 1.0]
    """
    terms = _order("terms", terms, group_size, "truncated_log({})")
    return _objective(
        f"truncated_log({terms})", _sum([(Fraction(-1, j), 0, j) for j in range(1, terms + 1)]), group_size
    )


def polynomial(coefficients: Sequence[Any], group_size: int) -> SuccessRate:
    """Any polynomial Σ a_j s^j of degree ≤ K; the numbers are taken exactly (floats by their exact value)."""
    try:
        given = [Fraction(a) if isinstance(a, float) else a for a in coefficients]
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(f"`coefficients` must be finite numbers, got {shortened(coefficients)}") from None
    exact = tuple(bounded_rational(a, "coefficients", "be finite numbers") for a in given)
    return _objective("polynomial", exact or (Fraction(0),), group_size)


def _objective(name: str, polynomial: tuple[Fraction, ...], group_size: int) -> SuccessRate:
    degree = max((j for j, a in enumerate(polynomial) if a), default=0)
    K = _group_size(group_size, degree, name)
    return SuccessRate(name, polynomial[: degree + 1], K)


def _order(argument: str, value: Any, group_size: int, name: str) -> int:
    """k of an objective whose polynomial has degree k, checked before that is expanded."""
    order = whole_number(argument, value, least=1, most=LARGEST_ORDER)
    _group_size(group_size, order, name.format(order))
    return order


def _group_size(group_size: int, degree: int, name: str) -> int:
    K = whole_number("group_size", group_size, least=2, most=LARGEST_GROUP)
    if degree > K:
        raise ArgumentError(
            f"`group_size` must be at least {degree} for {name}, a polynomial of degree {degree} in s; got {K}: no "
            "estimator from fewer completions is unbiased; sample more or choose a smaller k"
        )
    return K


def _sum(terms: Sequence[tuple[Fraction, int, int]]) -> tuple[Fraction, ...]:
    """Σ w·s^i·(1−s)^j over (w, i, j), in powers of s."""
    powers = [Fraction(0)] * (1 + max(i + j for _, i, j in terms))
    for weight, i, j in terms:
        for step in range(j + 1):
            powers[i + step] += weight * math.comb(j, step) * (-1) ** step
    return tuple(powers)


def _frozen(values: Sequence[Fraction]) -> Array:
    array = np.array([float(v) for v in values])
    array.flags.writeable = False
    return array

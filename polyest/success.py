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
from typing import TYPE_CHECKING, Unpack

import numpy as np

from polyest.arrays import is_masked
from polyest.closed_forms.exact import u_statistic
from polyest.errors import ArgumentError, shortened
from polyest.numbers.rationals import bounded_rational, rational_text
from polyest.polynomials.powers import antiderivative, from_products
from polyest.problems.budget import BudgetArguments, Exact
from polyest.problems.coefficients import read_coefficients
from polyest.problems.problem import LARGEST_GROUP, whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.estimator import Estimator
    from polyest.problems.targets import Target
    from polyest.storage.table import Certificate

    Array = NDArray[np.float64]

__all__ = [
    "EstimatedRate",
    "SuccessRate",
    "integral",
    "majority_at",
    "pass_at",
    "polynomial",
    "power",
    "truncated_log",
    "variance",
]

LARGEST_ORDER = 1024  # k of pass@k: exact tables take a second there


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

    def __reduce__(self) -> tuple[type[SuccessRate], tuple[object, ...]]:
        """By its attributes: copies of the arrays could be written to."""
        return SuccessRate, (self.name, self.polynomial, self.group_size)

    @cached_property
    def value_coefficients(self) -> Array:
        """The value at h = 0..K correct completions, shape (K+1,): Σ_j a_j (h)_j/(K)_j, rounded once."""
        return _frozen(u_statistic(self.polynomial, self.group_size))

    @cached_property
    def coefficients(self) -> Array:
        """The reward of a correct completion at 0..K−1 correct others, shape (K,): the exact table of g'."""
        return _frozen(self._rationals)

    def values(self, correct: ArrayLike) -> Array:
        """Unbiased estimates of g(s), shape (...,), from `correct` of shape (..., K), booleans or 0 and 1."""
        return np.asarray(self.value_coefficients[self._checked(correct).sum(axis=-1)])

    def rewards(self, correct: ArrayLike) -> Array:
        """Rewards whose policy gradient is ∇g(s) on average, shape (..., K)."""
        hits = self._checked(correct)
        return np.where(hits, self.coefficients[self._others(hits)], 0.0)

    def advantages(self, correct: ArrayLike) -> Array:
        """Rewards minus a baseline that completion i has no part in, shape (..., K); the same expected gradient.

        A_i = c[h_i]·(1{i correct} − h_i/(K−1)), rounded once, h_i the number of correct ones among the others.
        """
        hits = self._checked(correct)
        return np.asarray(self._advantage_pay[hits.astype(np.intp), self._others(hits)])

    @cached_property
    def _rationals(self) -> list[Fraction]:
        derivative = tuple(j * a for j, a in enumerate(self.polynomial))[1:] or (Fraction(0),)
        return [*u_statistic(derivative, self.group_size - 1)]

    @cached_property
    def _advantage_pay(self) -> Array:
        """The advantages of incorrect and of correct completions at 0..K−1 correct others, shape (2, K)."""
        last, c = self.group_size - 1, self._rationals
        shares = [Fraction(h, last) for h in range(last + 1)]
        wrong = [-x * share for x, share in zip(c, shares, strict=True)]
        right = [x * (1 - share) for x, share in zip(c, shares, strict=True)]
        return np.stack([_frozen(wrong), _frozen(right)])

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


def _array(correct: ArrayLike, required: str) -> NDArray[np.generic]:
    try:
        hits = np.asarray(correct)
    except (TypeError, ValueError, RuntimeError):
        hits = np.empty(0, dtype=object)
    masked = is_masked(correct, 2)
    if masked or hits.dtype == object:
        came = "a masked array" if masked else "lists of different lengths, or something else than these"
        raise ArgumentError(
            f"`correct` must be booleans, or the integers 0 and 1, in an array of shape {required}; got {came}; make "
            "an objective for each group size and give 0 or 1 for every completion"
        )
    return hits


@dataclass(frozen=True)
class EstimatedRate(SuccessRate):
    """An objective g(s) = ±∫_0^s r with a target r that no table estimates exactly; made by `integral` and `power`.

    What is trained is g_Q(s) = ±∫_0^s Q_c, a polynomial of degree K, of which values, rewards and advantages are exact.

    Attributes:
        estimator: what `polyest.load` gives for r; `coefficients` are ± its own.
    """

    estimator: Estimator

    def __reduce__(self) -> tuple[type[SuccessRate], tuple[object, ...]]:
        """By its attributes: copies of the arrays could be written to."""
        return EstimatedRate, (self.name, self.polynomial, self.group_size, self.estimator)

    @property
    def certificate(self) -> Certificate:
        """That of the table: s(1−s)·|g_Q'(s) − g'(s)|, the error of the gradient by the logit of s, is at most
        ``worst_case_bias``. It says nothing of `values`: these are g_Q(s), off by ∫_0^s (Q_c − r).
        """
        return self.estimator.certificate


def pass_at(k: int, group_size: int) -> SuccessRate:
    """pass@k = 1 − (1−s)^k: that one of k completions is correct; k ≤ K. Chen et al. 2021, arXiv 2107.03374."""
    k = _order("k", k, group_size, "pass@{}")
    return _objective(f"pass@{k}", from_products([(Fraction(1), 0, 0), (Fraction(-1), 0, k)]), group_size)


def majority_at(k: int, group_size: int) -> SuccessRate:
    """majority@k = P(Binomial(k, s) > k/2): that most of k completions are correct; k odd, k ≤ K."""
    k = _order("k", k, group_size, "majority@{}")
    if k % 2 == 0:
        raise ArgumentError(f"`k` must be odd, so that a majority is never a tie; got {k}; use {k - 1} or {k + 1}")
    terms = [(Fraction(math.comb(k, i)), i, k - i) for i in range(k // 2 + 1, k + 1)]
    return _objective(f"majority@{k}", from_products(terms), group_size)


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
        f"truncated_log({terms})", from_products([(Fraction(-1, j), 0, j) for j in range(1, terms + 1)]), group_size
    )


def polynomial(coefficients: Sequence[Exact], group_size: int) -> SuccessRate:
    """Any polynomial Σ a_j s^j of degree ≤ K; a list of numbers, |a_j| ≤ 1e100, floats by their exact value."""
    exact = read_coefficients("coefficients", coefficients, LARGEST_GROUP + 1)
    return _objective("polynomial", exact or (Fraction(0),), group_size)


def power(a: Exact, group_size: int, method: str | None = None, **budget: Unpack[BudgetArguments]) -> EstimatedRate:
    """g(s) = s^{1+a}/(1+a), −1 < a < 0: correct completions are paid an estimate of s^a (Tsallis; a → −1 is log s).

    Args:
        a: the power that is paid, between −1 and 0.
        group_size, method, budget: as in `polyest.load`, of the target ``power(a)``; a < −½ needs a `bias_budget`.

    Raises:
        ArgumentError: a power outside (−1, 0), for which `polynomial` or `truncated_log` may serve.
        TableNotFoundError: names the command that solves the table.

    >>> rate = power(-0.5, group_size=8)
    >>> rate.rewards([1, 0, 0, 0, 0, 0, 0, 0])[0] > rate.rewards([1] * 8)[0]  # rare successes are paid more
    np.True_
    >>> rate.certificate.worst_case_bias.upper < 0.06
    True
    """
    number = bounded_rational(a, "a", "be a number between −1 and 0")
    if not -1 < number < 0:
        raise ArgumentError(
            f"`a` must be between −1 and 0, got {shortened(a)}; whole powers are polynomials, log s is truncated_log, "
            "others are success.integral('power(a)', …)"
        )
    return integral(f"power({rational_text(number)})", group_size, method, sign=-1, **budget)


def integral(
    target: str | Target,
    group_size: int,
    method: str | None = None,
    *,
    sign: int = 1,
    **budget: Unpack[BudgetArguments],
) -> EstimatedRate:
    """g(s) = ±∫_0^s r: any target as the derivative of a value of the success rate.

    Args:
        target, group_size, method, budget: as in `polyest.load`.
        sign: 1 or −1; the target ``power(a)`` is −s^a for a < 0.

    >>> integral("power(2)", 4).coefficients.round(3).tolist()
    [0.0, 0.0, 0.333, 1.0]
    """
    from polyest.estimator import load

    if isinstance(sign, bool) or not isinstance(sign, int | np.integer) or sign not in (1, -1):
        raise ArgumentError(
            f"`sign` must be the integer 1 or -1, got {shortened(sign)}; -1 turns a target over that pays less for more"
        )
    estimator = load(target, group_size, method, **budget)
    if estimator.problem.baseline is not None:
        raise ArgumentError("`baseline` is not supported for success rates; subtract none, and use .advantages")
    c = [int(sign) * Fraction(x) for x in estimator.coefficients.tolist()]
    name = f"{'−' if sign < 0 else ''}∫{estimator.problem.target}"
    return EstimatedRate(name, antiderivative(c), len(c), estimator)


def _objective(name: str, polynomial: tuple[Fraction, ...], group_size: int) -> SuccessRate:
    degree = max((j for j, a in enumerate(polynomial) if a), default=0)
    K = _group_size(group_size, degree, name)
    return SuccessRate(name, polynomial[: degree + 1], K)


def _order(argument: str, value: object, group_size: int, name: str) -> int:
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


def _frozen(values: Sequence[Fraction]) -> Array:
    array = np.array([float(v) for v in values])
    array.flags.writeable = False
    return array

"""Mean and variance of Σ_z f_z(N_z) for N ~ Multinomial(K, ν), exactly, from binomial and trinomial laws.

Var Σ_z f_z(N_z) = Σ_z Var f_z(N_z) + Σ_{z≠z'} Cov(f_z(N_z), f_z'(N_z')). Answers of one probability and one f are taken
together, so that the cost, at most A²K²/2 for A such kinds of answers, does not depend on how many answers there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import read_numbers
from polyest.errors import ArgumentError, shortened
from polyest.polynomials.bernstein import basis

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["Moments", "kinds_moments", "value_moments"]

CELLS = 1 << 16  # numbers of the trinomial laws that are looked at together
TABLE = "a flat array of finite numbers"
NEGLIGIBLE = 1e-50  # probabilities that are left out


@dataclass(frozen=True)
class Moments:
    """Of a group's value, where the law of the answers is known."""

    mean: float
    variance: float


def value_moments(coefficients: ArrayLike, probabilities: ArrayLike) -> Moments:
    """Mean and variance of the value of a group of K whose answers have known probabilities.

    The value is V = (1/K) Σ_i c[m_i] = Σ_z f(N_z), f(n) = n·c[n−1]/K. Its mean is Σ_z ν(z)·Q_c(ν(z)).

    Args:
        coefficients: c, shape (K,), as in `polyest.load(…).coefficients`.
        probabilities: ν, shape (S,), one for each answer, with sum 1.

    Raises:
        ArgumentError: the probabilities are none, or the coefficients no flat array of finite numbers.

    >>> value_moments([-1.0, 0.0], [0.5, 0.5])  # two completions: −1 if they differ, 0 if they agree
    Moments(mean=-0.5, variance=0.25)
    """
    c = read_numbers(coefficients, "coefficients", TABLE, "as polyest.load(…).coefficients has them")
    if c.ndim != 1 or not len(c) or not np.isfinite(c).all():
        raise ArgumentError(
            f"`coefficients` must be {TABLE}, got {shortened(coefficients)}; take those of an estimator"
        )
    p = read_numbers(probabilities, "probabilities", "flat, non-negative numbers that sum to 1", "one for each answer")
    if p.ndim != 1 or not (p >= 0).all() or abs(p.sum() - 1) > 1e-9:
        raise ArgumentError(
            f"`probabilities` must be flat, non-negative and sum to 1, got shape {p.shape} and sum {p.sum():.6g}; "
            "give one for each answer"
        )
    kinds, many = np.unique(p[p > 0], return_counts=True)
    f = np.concatenate([[0.0], np.arange(1, len(c) + 1) * c / len(c)])
    return kinds_moments(kinds, many.astype(np.float64), np.tile(f, (len(kinds), 1)))


def kinds_moments(p: Array, many: Array, f: Array) -> Moments:
    """The same where `many` answers have probability p and the statistic f each, shapes (A,), (A,), (A, K+1)."""
    K = f.shape[1] - 1
    laws = basis(K, p)
    means = (laws * f).sum(axis=1)
    variance = many @ ((laws * f * f).sum(axis=1) - means**2)
    step = max(1, CELLS // (K + 1) ** 2)
    for a in range(len(p)):
        for first in range(a, len(p), step):
            b = slice(first, first + step)
            pairs = 2 * many[a] * many[b]
            if first == a:
                pairs[0] = many[a] * (many[a] - 1)
            n, m = _support(laws[a : a + 1]), _support(laws[b])
            variance += pairs @ (_products(K, p[a], p[b], f[a], f[b], n, m) - means[a] * means[b])
    return Moments(float(many @ means), max(float(variance), 0.0))


def _support(laws: Array) -> slice:
    """The numbers that some of these laws, shape (B, K+1), have a chance to give."""
    likely = np.flatnonzero((laws > NEGLIGIBLE).any(axis=0))
    return slice(int(likely[0]), int(likely[-1]) + 1)


def _products(K: int, p: float, q: Array, f: Array, g: Array, n: slice, m: slice) -> Array:
    """E[f(N_y) g_b(N_z)] for one answer y of probability p and others z of q_b, shape (B,), by the trinomial law.

    N_y is taken within n and N_z within m.
    """
    choices, rest = _trinomials(K)
    numbers = np.arange(K + 1)
    logs = choices[n, m] + _log_power(np.full(1, p), numbers[n])[:, :, None] + _log_power(q, numbers[m])[:, None, :]
    law = np.exp(logs + _log_power(np.maximum(1 - p - q, 0), rest[n, m]))
    return np.asarray(((f[n] @ law) * g[:, m]).sum(axis=1))


def _log_power(p: Array, n: NDArray[np.int64]) -> Array:
    """n·log p, 0 at n = 0 also for p = 0; shape p.shape + n.shape."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n == 0, 0.0, n * np.log(p).reshape(-1, *[1] * n.ndim))


@lru_cache(maxsize=8)
def _trinomials(K: int) -> tuple[Array, NDArray[np.int64]]:
    """log K!/(n! m! (K−n−m)!), −∞ where n + m > K, and K−n−m or 0; shapes (K+1, K+1)."""
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, K + 1)))])
    n = np.arange(K + 1)
    rest = K - n[:, None] - n
    logs = factorials[K] - factorials[:, None] - factorials - factorials[np.maximum(rest, 0)]
    return np.where(rest >= 0, logs, -np.inf), np.maximum(rest, 0)

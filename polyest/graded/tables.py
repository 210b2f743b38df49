"""Exact tables of L-statistics, and what a gap between neighbouring rewards pays, in rational arithmetic.

The coefficient c_m is the rate at which a completion is paid while its reward exceeds a threshold that m of the others
exceed too ("others above"): it has mean g'(S), S the probability to exceed the threshold (docs/graded.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import comb, lcm
from typing import TYPE_CHECKING

import numpy as np

from polyest.online.lookup import read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Weights = tuple[Fraction, ...]

__all__ = ["KINDS", "Pay", "centring_proof", "coefficients", "pay", "pay_of"]

KINDS = ("rewards", "advantages", "values")


@lru_cache(maxsize=256)
def coefficients(weights: Weights, group_size: int, baseline: str | None = None) -> tuple[Fraction, ...]:
    """c_0..c_{K−1} of E[Σ_j w_j R_(j:n)], n ≤ K: c_m = n Σ_h w_{n−h} C(m,h) C(K−1−m,n−1−h)/C(K−1,n−1).

    With a baseline it is the table of K−1 and a 0, times K/(K−1) for the group's mean, so that the rewards less that
    mean have the expected gradient of the objective.

    >>> [str(c) for c in coefficients((Fraction(0), Fraction(0), Fraction(1)), 5)]
    ['3', '3/2', '1/2', '0', '0']
    """
    K, n = group_size, len(weights)
    if baseline is not None:
        return centring_proof(coefficients(weights, K - 1), baseline)
    scale = lcm(*(w.denominator for w in weights))
    paid = [(h, n * w.numerator * (scale // w.denominator)) for h, w in enumerate(reversed(weights)) if w]
    total = scale * comb(K - 1, n - 1)
    return tuple(Fraction(sum(w * comb(m, h) * comb(K - 1 - m, n - 1 - h) for h, w in paid), total) for m in range(K))


def centring_proof(inner: Weights, baseline: str) -> Weights:
    """The table of K from that of K−1 whose rewards, less the mean that the trainer subtracts, have its gradient."""
    scale = Fraction(len(inner) + 1, len(inner)) if baseline == "group_mean" else Fraction(1)
    return (*(scale * c for c in inner), Fraction(0))


@dataclass(frozen=True)
class Pay:
    """What the gaps x_{k+1} − x_k of the sorted rewards pay, with x_0 = x_{K+1} = 0.

    The completion of rank j gets Σ_{k<j} up_k (y_{k+1} − y_k) − Σ_{k≥j} down_k (z_{k+1} − z_k).

    Attributes:
        up: k = 0..K−1, shape (K,).
        down: k = 1..K, shape (K,).
        is_split: whether y and z are the positive and the negative parts of x; else both are x.
    """

    up: Array
    down: Array
    is_split: bool


@lru_cache(maxsize=1024)
def pay(kind: str, weights: Weights, group_size: int, baseline: str | None = None) -> Pay:
    """That of rewards, advantages or values, by the exact table; values are those without the baseline."""
    baseline = None if kind == "values" else baseline
    return pay_of(kind, coefficients(weights, group_size, baseline), is_proof=baseline is not None)


def pay_of(kind: str, c: Weights, is_proof: bool = False) -> Pay:
    """That of any table, centring-proof or not, each number rounded once."""
    K = len(c)
    if kind == "advantages":
        above = [Fraction(K - 1 - m, K - 1) * c[m] for m in range(K)]
        below = [Fraction(m, K - 1) * c[m] for m in range(K)]
        return _pay(above[::-1], [*below[:0:-1], Fraction(0)], is_split=False)
    if kind == "values":
        sums = [Fraction(0), *accumulate(x / K for x in c)]
        return _pay(sums[:0:-1], [sums[K] - s for s in sums[K - 1 :: -1]], is_split=True)
    if is_proof:
        return _pay(c[::-1], [Fraction(0)] * K, is_split=False)
    return _pay(c[::-1], c[::-1], is_split=True)


def _pay(up: list[Fraction] | Weights, down: list[Fraction] | Weights, is_split: bool) -> Pay:
    return Pay(read_only([float(x) for x in up]), read_only([float(x) for x in down]), is_split)

"""The Bayes table μ_m = E[r(p)], p ~ Beta(m+1, K−m): the centre of the variance-optimal program (theory.md §3)."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache, lru_cache

from polyest.numbers.conversion import to_fraction
from polyest.numbers.multiprecision import Multiprecision
from polyest.problems.targets import Target

__all__ = ["bayes_means"]

QUADRATURE_DIGITS = 70  # at least, so that one quadrature serves float64 and the usual precisions


def bayes_means(target: Target, group_size: int, digits: int = 0) -> tuple[Fraction, ...]:
    """μ_0 … μ_{K−1}, exactly where they are rational, else to so many digits or more.

    >>> from polyest.problems.targets import get_target
    >>> bayes_means(get_target("log"), 2)
    (Fraction(-3, 2), Fraction(-1, 2))
    """
    return _means(target, group_size, max(digits, QUADRATURE_DIGITS) if target.mean is None else 0)


@lru_cache(maxsize=64)
def _means(target: Target, group_size: int, digits: int) -> tuple[Fraction, ...]:
    if target.mean is not None:
        return tuple(target.mean(m, group_size) for m in range(group_size))
    ctx, n = Multiprecision(digits + 10), group_size - 1
    mp = ctx.mp
    r, intervals = cache(lambda p: target.formula(p, ctx)), [0, mp.mpf(1) / (n + 2), 1]  # one set of points for all m

    def mean(m: int) -> Fraction:
        scale = group_size * math.comb(n, m)
        return to_fraction(mp.quad(lambda p: scale * p**m * (1 - p) ** (n - m) * r(p), intervals))

    return tuple(map(mean, range(group_size)))

"""The Bayes table μ_m = E[r(p)], p ~ Beta(m+1, K−m): the centre of the variance-optimal program (theory.md §3)."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from polyest.numbers.conversion import Array, Context, exact
from polyest.numbers.multiprecision import Multiprecision
from polyest.problems.targets import Target

__all__ = ["bayes_means"]

QUADRATURE_DIGITS = 70  # at least, so that one quadrature serves float64 and the usual precisions


def bayes_means(target: Target, group_size: int, ctx: Context | None = None) -> Array:
    """μ_0 … μ_{K−1} in float64, or in the precision of `ctx`.

    >>> from polyest.problems.targets import get_target
    >>> bayes_means(get_target("log"), 2).tolist()
    [-1.5, -0.5]
    """
    if target.mean is not None:
        values = _rational(target, group_size)
    else:
        values = _quadrature(target, group_size, max(ctx.digits if ctx else 0, QUADRATURE_DIGITS))
    return np.array([float(v) for v in values]) if ctx is None else ctx.array(values)


@lru_cache(maxsize=64)
def _rational(target: Target, group_size: int) -> tuple[Fraction, ...]:
    assert target.mean is not None
    return tuple(target.mean(m, group_size) for m in range(group_size))


@lru_cache(maxsize=64)
def _quadrature(target: Target, group_size: int, digits: int) -> tuple[Fraction, ...]:
    ctx = Multiprecision(digits + 10)
    mp, n = ctx.mp, group_size - 1

    def mean(m: int) -> Any:
        scale = group_size * math.comb(n, m)
        return mp.quad(
            lambda p: scale * p**m * (1 - p) ** (n - m) * target.formula(p, ctx), [0, mp.mpf(m + 1) / (n + 2), 1]
        )

    return tuple(exact(mean(m)) for m in range(group_size))

"""Rows of the bias e(p) = p·(Q_c(p) − r(p)) in float64 or multi-precision: p·B_{m,K−1}(p) and its derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyest import bernstein
from polyest.offline.numbers import Mpfr, Multiprecision

__all__ = ["Rows", "rows"]


@dataclass(frozen=True)
class Rows:
    """φ_m(p) = p·B_{m,K−1}(p), m = 0..K−1, and its first two derivatives at the points, each of shape (P, K)."""

    value: Any
    first: Any
    second: Any


def rows(points: Any, group_size: int, ctx: Mpfr | Multiprecision | None = None) -> Rows:
    """The rows at `points`, in float64 or, with a context, on its numbers.

    φ_m = ((m+1)/K) B_{m+1,K}, so each derivative is a difference of a basis of one degree less.
    """
    K = group_size
    basis = _basis(K - 2, points, ctx) if K >= 2 else None
    p = np.asarray(points)[:, None]
    m = np.arange(1, K + 1)
    if basis is None:
        one = 0 * p + 1
        return Rows(p * one, one, 0 * one)
    padded = np.pad(basis, ((0, 0), (1, 2)), constant_values=0)  # B_{−1..K}, of degree K−2
    raised = p * padded[:, :-1] + (1 - p) * padded[:, 1:]  # B_{0..K}, of degree K−1
    second = (K - 1) * m * (padded[:, :-2] - 2 * padded[:, 1:-1] + padded[:, 2:])
    return Rows(p * raised[:, :-1], m * (raised[:, :-1] - raised[:, 1:]), second)


def _basis(n: int, points: Any, ctx: Mpfr | Multiprecision | None) -> Any:
    if ctx is None:
        return bernstein.basis(n, points)
    binomials = np.array([math.comb(n, m) for m in range(n + 1)], dtype=object)
    one = ctx.rational(1)
    powers = [[_powers(p, n, one), _powers(1 - p, n, one)] for p in points]
    return np.array([binomials * up * down[::-1] for up, down in powers], dtype=object).reshape(len(points), n + 1)


def _powers(x: Any, n: int, one: Any) -> Any:
    values = [one]
    for _ in range(n):
        values.append(values[-1] * x)
    return np.array(values, dtype=object)

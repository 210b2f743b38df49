"""Rows of the bias e(p) = p·(Q_c(p) − r(p)) in float64 or multi-precision: p·B_{m,K−1}(p) and its derivative."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from polyest import bernstein
from polyest.offline.numbers import Extended, Mpfr, Multiprecision

__all__ = ["Rows", "binomials", "rows"]


@dataclass(frozen=True)
class Rows:
    """φ_m(p) = p·B_{m,K−1}(p), m = 0..K−1, and its derivative at the points, each of shape (P, K)."""

    value: Any
    first: Any


def rows(points: Any, group_size: int, ctx: Extended | Mpfr | Multiprecision | None = None) -> Rows:
    """The rows at `points`, in float64 or, with a context, on its numbers.

    φ_m = ((m+1)/K) B_{m+1,K}, so φ'_m = (m+1)(B_{m,K−1} − B_{m+1,K−1}).
    """
    K = group_size
    basis = np.pad(_basis(K - 1, points, ctx), ((0, 0), (0, 1)), constant_values=0)
    return Rows(np.asarray(points)[:, None] * basis[:, :-1], np.arange(1, K + 1) * (basis[:, :-1] - basis[:, 1:]))


def _basis(n: int, points: Any, ctx: Extended | Mpfr | Multiprecision | None) -> Any:
    if ctx is None:
        return bernstein.basis(n, points)
    p = np.asarray(points)
    return (binomials(n, p.dtype) * _powers(p, n) * _powers(1 - p, n)[::-1]).T


@lru_cache(maxsize=64)
def binomials(n: int, dtype: Any = object) -> Any:
    """C(n, m), m = 0..n, as a column: integers, or floats of a kind that holds them."""
    return np.array([np.dtype(dtype).type(math.comb(n, m)) for m in range(n + 1)], dtype)[:, None]


def _powers(x: Any, n: int) -> Any:
    values = [x**0]
    for _ in range(n):
        values.append(values[-1] * x)
    return np.array(values, dtype=x.dtype).reshape(n + 1, len(x))

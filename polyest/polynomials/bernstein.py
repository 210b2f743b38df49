"""The Bernstein basis in float64, and the bias and noise of a table as functions of p (theory.md §2)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from polyest.numbers.float64 import NumpyContext
from polyest.problems.targets import Target, get_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["basis", "bias", "highest", "mean", "noise", "target_values"]

ZOOMS, FINER = 4, 41  # grids of so many points, each within two steps of the one before


def target_values(target: Target | str, p: ArrayLike) -> Array:
    """r(p) in float64, elementwise."""
    row = get_target(target) if isinstance(target, str) else target
    values = row.formula(np.asarray(p, dtype=np.float64), NumpyContext)
    return np.asarray(values, dtype=np.float64)


@lru_cache(maxsize=32)
def _log_binomials(n: int) -> NDArray[np.longdouble]:
    steps = np.log(np.arange(n, 0, -1, dtype=np.longdouble) / np.arange(1, n + 1, dtype=np.longdouble))
    return np.concatenate([np.zeros(1, np.longdouble), np.cumsum(steps)])


def basis(n: int, p: ArrayLike) -> Array:
    """B_{m,n}(p) = C(n,m) p^m (1−p)^{n−m}, m = 0..n.

    Args:
        n: degree, K−1 for a table of group size K.
        p: probabilities in [0, 1], shape (P,).

    Returns:
        float64 of shape (P, n+1); relative error about 1e-16·n, less where long doubles are wider.

    >>> basis(2, [0.5]).round(12).tolist()
    [[0.25, 0.5, 0.25]]
    """
    return _basis(n, np.asarray(p, dtype=np.float64).tobytes()).copy()


@lru_cache(maxsize=2)  # all curves of a figure are over the same points
def _basis(n: int, words: bytes) -> Array:
    points, m = np.frombuffer(words)[:, None].astype(np.longdouble), np.arange(n + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_p, log_q = np.log(points), np.log1p(-points)
        up, down = np.where(m == 0, 0, m * log_p), np.where(m == n, 0, (n - m) * log_q)
        return np.exp(_log_binomials(n) + up + down).astype(np.float64)


def mean(coefficients: Sequence[float] | Array, p: ArrayLike) -> Array:
    """Q_c(p) = Σ_m c_m B_{m,K−1}(p): the expected reward of an answer of probability p; p has shape (P,)."""
    return np.asarray(basis(len(coefficients) - 1, p) @ np.asarray(coefficients))


def bias(target: Target | str, coefficients: Sequence[float] | Array, p: ArrayLike) -> Array:
    """p·(Q_c(p) − r(p)) at p in (0, 1], shape (P,).

    >>> float(bias("log", [-1.5, -0.5, 0.0], [0.5])[0].round(6))
    0.034074
    """
    points = np.asarray(p, dtype=np.float64)
    return np.asarray(points * (mean(coefficients, points) - target_values(target, points)))


def noise(target: Target | str, coefficients: Sequence[float] | Array, p: ArrayLike) -> Array:
    """V_c(p) = p Σ_m B_{m,K−1}(p) ((m+1)/K) (c_m − r(p))² − p²(Q_c(p) − r(p))² at p in (0, 1], shape (P,)."""
    points, c = np.asarray(p, dtype=np.float64), np.asarray(coefficients, dtype=np.float64)
    K = len(c)
    deviations = c[None, :] - target_values(target, points)[:, None]
    weighted = basis(K - 1, points) * (np.arange(1, K + 1) / K)
    second = points * np.einsum("pm,pm,pm->p", weighted, deviations, deviations)
    return np.asarray(second - bias(target, c, points) ** 2)


def highest(function: Callable[[Array], Array], grid: Array, values: Array) -> tuple[float, float]:
    """Where a function is largest, and its value there: the best point of a grid, then of finer grids around it.

    >>> grid = np.linspace(0, 1, 9)
    >>> highest(np.sin, grid, np.sin(grid)) == (1.0, np.sin(1.0))
    True
    """
    for _ in range(ZOOMS):
        top = int(np.argmax(values))
        grid = np.linspace(grid[max(top - 1, 0)], grid[min(top + 1, len(grid) - 1)], FINER)
        values = function(grid)
    return float(grid[np.argmax(values)]), float(values.max())

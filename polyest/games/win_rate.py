"""The k-sample win rate from samples: an exact table (theory.md §8; U-statistics as in the method `exact`)."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.games.universal import UniversalGame
from polyest.problems.problem import whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["estimate_win_probabilities", "win_table"]


@lru_cache(maxsize=64)
def win_table(samples: int, opponents: int) -> Array:
    """The table that turns counts into win probabilities without bias, shape (N+1, N+1), read-only.

    Entry [A, B]: of N draws from π, A rank above y and B are y itself; then
    Σ_j C(B, j)·C(N−A−B, k−j) / (C(N, k)·(j+1)), the mean over all k of the N draws, has mean f_u(y, π) exactly.

    Args:
        samples: N ≥ k.
        opponents: k ≥ 1.

    Returns:
        float64, correctly rounded; NaN where A + B > N.

    Raises:
        ArgumentError: N < k: a polynomial of degree k needs k draws.

    >>> win_table(2, 1)[:, 0].tolist()
    [1.0, 0.5, 0.0]
    """
    N, k = whole_number("samples", samples, 1), whole_number("opponents", opponents, 1)
    if k > N:
        raise ArgumentError(f"`samples` must be at least `opponents` = {k}, got {N}; draw more")
    table = np.full((N + 1, N + 1), np.nan)
    for above in range(N + 1):
        for same in range(N + 1 - above):
            table[above, same] = float(_mean_over_subsets(same, N - above - same, N, k))
    table.flags.writeable = False
    return table


def _mean_over_subsets(same: int, below: int, samples: int, opponents: int) -> Fraction:
    wins = (Fraction(comb(same, j) * comb(below, opponents - j), j + 1) for j in range(opponents + 1))
    return sum(wins, Fraction(0)) / comb(samples, opponents)


def estimate_win_probabilities(game: UniversalGame, draws: ArrayLike) -> Array:
    """An unbiased estimate of f(y, π), shape (..., n), from N ≥ k draws from π, shape (..., N).

    >>> from polyest.games import universal_game
    >>> estimate_win_probabilities(universal_game([[0, 1]], opponents=1), [1, 1]).tolist()
    [1.0, 0.5]
    """
    drawn = np.asarray(draws)
    if (
        drawn.dtype.kind not in "iu"
        or drawn.ndim < 1
        or drawn.size == 0
        or drawn.min() < 0
        or drawn.max() >= game.outputs
    ):
        raise ArgumentError(f"`draws` must be outputs 0..{game.outputs - 1}, shape (..., N); got {draws!r:.60}")
    table = win_table(drawn.shape[-1], game.opponents)
    counts = (drawn[..., None] == np.arange(game.outputs)).sum(axis=-2)
    estimate = np.zeros(counts.shape)
    for order, weight in zip(game.orders, game.weights, strict=True):
        ranked = counts[..., order]
        estimate[..., order] += weight * table[ranked.cumsum(axis=-1) - ranked, ranked]
    return estimate

"""The k-sample win rate from samples: an exact table (theory.md §8; U-statistics as in the method `exact`)."""

from __future__ import annotations

from functools import lru_cache
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.games.reading import read_integers, read_made
from polyest.games.universal import UniversalGame
from polyest.problems.problem import whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["estimate_win_probabilities", "win_table"]

LARGEST_SAMPLE = 1024  # N: a second, and 8 MB for each table that is kept


def win_table(samples: int, opponents: int) -> Array:
    """The table that turns counts into win probabilities without bias, shape (N+1, N+1), read-only.

    Entry [A, B]: of N draws from π, A rank above y and B are y itself; then
    Σ_j C(B, j)·C(N−A−B, k−j) / (C(N, k)·(j+1)), the mean over all k of the N draws, has mean f_u(y, π) exactly. By
    C(B, j)/(j+1) = C(B+1, j+1)/(B+1) and Vandermonde it is [C(N−A+1, k+1) − C(N−A−B, k+1)] / ((B+1)·C(N, k)).

    Args:
        samples: N ≥ k, at most 1024.
        opponents: k ≥ 1.

    Returns:
        float64, correctly rounded; NaN where A + B > N.

    Raises:
        ArgumentError: N < k, as a polynomial of degree k needs k draws; or N > 1024.

    >>> win_table(2, 1)[:, 0].tolist()
    [1.0, 0.5, 0.0]
    """
    N, k = whole_number("samples", samples, 1), whole_number("opponents", opponents, 1)
    if N > LARGEST_SAMPLE:
        raise ArgumentError(
            f"`samples` must be at most {LARGEST_SAMPLE}, as the table has (N+1)² entries, got {shortened(samples)}; "
            "average the estimates of parts of the draws"
        )
    if k > N:
        raise ArgumentError(f"`samples` must be at least `opponents` = {k}, got {N}; draw more")
    return _win_table(N, k)


@lru_cache(maxsize=16)
def _win_table(N: int, k: int) -> Array:
    table, all_subsets = np.full((N + 1, N + 1), np.nan), comb(N, k)
    subsets = [comb(i, k + 1) for i in range(N + 2)]
    for above in range(N + 1):
        rest = N - above
        table[above, : rest + 1] = [
            (subsets[rest + 1] - subsets[rest - same]) / ((same + 1) * all_subsets) for same in range(rest + 1)
        ]
    table.flags.writeable = False
    return table


def estimate_win_probabilities(game: UniversalGame, draws: ArrayLike) -> Array:
    """An unbiased estimate of f(y, π), shape (..., n), from N ≥ k draws from π, shape (..., N).

    Raises:
        ArgumentError: draws that are no outputs of the game, fewer than k, or more than 1,024.

    >>> from polyest.games import universal_game
    >>> estimate_win_probabilities(universal_game([[0, 1]], opponents=1), [1, 1]).tolist()
    [1.0, 0.5]
    """
    read_made("game", game, UniversalGame, "universal_game")
    required, remedy = f"outputs 0..{game.outputs - 1}, shape (..., N)", "number them as in the orders of the game"
    drawn = read_integers("draws", draws, required, remedy)
    if drawn.min() < 0 or drawn.max() >= game.outputs:
        raise ArgumentError(f"`draws` must be {required}; got {shortened(draws)}; {remedy}")
    table = win_table(drawn.shape[-1], game.opponents)
    counts = (drawn[..., None] == np.arange(game.outputs)).sum(axis=-2)
    estimate = np.zeros(counts.shape)
    for order, weight in zip(game.orders, game.weights, strict=True):
        ranked = counts[..., order]
        estimate[..., order] += weight * table[ranked.cumsum(axis=-1) - ranked, ranked]
    return estimate

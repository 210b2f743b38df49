"""The functions of `polyest.graded.scoring` in numba, for small groups: same arguments, same scores to the bit."""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.online.compiled import jit

if TYPE_CHECKING:
    from polyest.graded.tables import Array, Pay

__all__ = ["scores", "totals"]


def scores(rewards: Array, pay: Pay, out: Array) -> None:
    """See `polyest.graded.scoring.scores`."""
    _scores(rewards, pay.up, pay.down, pay.is_split, out)


def totals(rewards: Array, pay: Pay, out: Array) -> None:
    """See `polyest.graded.scoring.totals`."""
    _totals(rewards, pay.up, pay.down, pay.is_split, out)


@jit
def _rank(group, ranked, order):
    """The rewards in ascending order, and who has them, by insertion."""
    for i in range(group.shape[0]):
        x, j = group[i], i
        while j > 0 and ranked[j - 1] > x:
            ranked[j], order[j] = ranked[j - 1], order[j - 1]
            j -= 1
        ranked[j], order[j] = x, i


@jit
def _from_above(ranked, down, is_split, sums):
    """Σ_{k≥j} down_k (z_{k+1} − z_k)."""
    size, total, above = ranked.shape[0], 0.0, 0.0
    for j in range(size - 1, -1, -1):
        z = min(ranked[j], 0.0) if is_split else ranked[j]
        total += down[j] * (above - z)
        sums[j], above = total, z
    return total


@jit
def _scores(rewards, up, down, is_split, out):
    groups, size = rewards.shape
    ranked, order, sums = np.empty(size), np.empty(size, np.int64), np.empty(size)
    for g in range(groups):
        _rank(rewards[g], ranked, order)
        _from_above(ranked, down, is_split, sums)
        total, below = 0.0, 0.0
        for j in range(size):
            y = max(ranked[j], 0.0) if is_split else ranked[j]
            total += up[j] * (y - below)
            out[g, order[j]], below = total - sums[j] + 0.0, y


@jit
def _totals(rewards, up, down, is_split, out):
    groups, size = rewards.shape
    ranked, order, sums = np.empty(size), np.empty(size, np.int64), np.empty(size)
    for g in range(groups):
        _rank(rewards[g], ranked, order)
        total, below = 0.0, 0.0
        for j in range(size):
            y = max(ranked[j], 0.0) if is_split else ranked[j]
            total += up[j] * (y - below)
            below = y
        out[g] = total - _from_above(ranked, down, is_split, sums) + 0.0

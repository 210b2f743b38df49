"""Sorted rewards → gaps → sums: one sort and two running sums per group, in numpy; the twin of `compiled`.

A running sum adds the terms of one rank after the other, and an empty gap adds 0: permuting a group changes no bit, and
equal rewards have equal scores.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.online import backend, numpy_backend

if TYPE_CHECKING:
    from polyest.graded.tables import Array, Pay

__all__ = ["score", "scores", "totals"]

PIECE = 1 << 14  # rewards at a time, so that all that is computed from them stays in the cache
WORK = 16  # units of `backend`'s work for a reward
SMALL = 48  # rewards of a group that insertion sorts faster than numpy does


def score(kind: str, rewards: Array, pay: Pay) -> Array:
    """The rewards or advantages of G groups of K, shape (G, K), or their values, shape (G,); `rewards` contiguous.

    Raises:
        ArgumentError: rewards so far apart that float64 cannot hold the result.
    """
    groups, size = rewards.shape
    result = np.empty(groups if kind == "values" else rewards.shape)
    step, run = max(PIECE // size, 1), _chosen(*rewards.shape)
    function = run.totals if kind == "values" else run.scores
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, groups, step):
            piece = slice(start, start + step)
            function(rewards[piece], pay, result[piece])
    if not np.isfinite(result).all():
        raise ArgumentError(
            f"`rewards` must not be so far apart that float64 overflows, got sizes up to {np.abs(rewards).max():.3g}; "
            "rescale or clip them"
        )
    return result


def scores(rewards: Array, pay: Pay, out: Array) -> None:
    """What each completion is paid, see `Pay`."""
    order = np.argsort(rewards, axis=1)
    cells = order + np.arange(0, rewards.size, rewards.shape[1])[:, None]
    up, down = _sums(rewards.reshape(-1)[cells], pay)
    up -= down
    up += 0.0  # no negative zeros
    out.reshape(-1)[cells] = up


def totals(rewards: Array, pay: Pay, out: Array) -> None:
    """What a completion above all gaps is paid for `up`, less what one below all of them is for `down`."""
    up, down = _sums(np.sort(rewards, axis=1), pay)
    np.subtract(up[:, -1], down[:, 0], out=out)
    out += 0.0


def _sums(ranked: Array, pay: Pay) -> tuple[Array, Array]:
    """Σ_{k<j} up_k (y_{k+1} − y_k) and Σ_{k≥j} down_k (z_{k+1} − z_k), j = 1..K, each of shape (G, K)."""
    y, z = (np.maximum(ranked, 0.0), np.minimum(ranked, 0.0)) if pay.is_split else (ranked, ranked)
    up, down = np.empty_like(ranked), np.empty_like(ranked)
    up[:, 0] = y[:, 0]
    np.subtract(y[:, 1:], y[:, :-1], out=up[:, 1:])
    np.subtract(0.0, z[:, -1], out=down[:, -1])  # numpy 2.4's negative errs on strides of 64 bytes
    np.subtract(z[:, 1:], z[:, :-1], out=down[:, :-1])
    up *= pay.up
    down *= pay.down
    np.cumsum(up, axis=1, out=up)
    np.cumsum(down[:, ::-1], axis=1, out=down[:, ::-1])
    return up, down


def _chosen(groups: int, size: int) -> ModuleType:
    """numba for large batches of small groups, which it sorts by insertion; else this module. See `backend.choose`."""
    if size > SMALL or backend.choose(WORK * groups * size) is numpy_backend:
        return sys.modules[__name__]
    from polyest.graded import compiled

    return compiled

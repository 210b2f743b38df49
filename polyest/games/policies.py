"""Softmax policies, and the exact expected updates that move them (theory.md §2, §8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.games.alignment import AlignmentGame
from polyest.problems.problem import whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["UPDATES", "Run", "apply_update", "ascend", "expected_gradient", "softmax"]

UPDATES = ("mirror_ascent", "policy_gradient")


def softmax(logits: ArrayLike) -> Array:
    """The policy exp(θ)/Σ exp(θ), shape (T,), of its logits.

    >>> softmax([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    theta = np.asarray(logits, dtype=np.float64)
    masses = np.exp(theta - theta.max())
    return np.asarray(masses / masses.sum())


@dataclass(frozen=True)
class Run:
    """A play of a game.

    Attributes:
        policy: the last policy, shape (T,).
        nu: its answer probabilities, shape (n,).
        steps: how many updates were made.
        slack: max_z g(z) − E_ν[g] of the game that was played: its objective is at most this far from its best.
    """

    policy: Array
    nu: Array
    steps: int
    slack: float


def expected_gradient(game: AlignmentGame, policy: ArrayLike) -> Array:
    """∂F/∂θ, shape (T,), for logits θ: π(y)·(g(ans(y)) − E_π[g]); exact, whichever penalty the game is played with."""
    pi = np.asarray(policy, dtype=np.float64)
    worth = game.gradient(game.answer_probabilities(pi))
    per_trace = worth if game.traces is None else worth[game.traces]
    alive = pi > 0
    return np.asarray(np.where(alive, pi * (per_trace - (pi[alive] * per_trace[alive]).sum()), 0.0))


def apply_update(logits: Array, gradient: Array, step: float, update: str) -> Array:
    """The logits after one update: θ + η·∂F/∂θ, or, for mirror ascent, θ + η·∂F/∂θ / π."""
    if update == "policy_gradient":
        return np.asarray(logits + step * gradient)
    pi = softmax(logits)
    alive = pi > 0
    return np.asarray(logits + step * np.where(alive, gradient / np.where(alive, pi, 1.0), 0.0))


def ascend(
    game: AlignmentGame,
    *,
    update: str = "mirror_ascent",
    step: float | None = None,
    steps: int = 10_000,
    slack: float = 1e-9,
    logits: ArrayLike | None = None,
) -> Run:
    """Play exact expected updates from the uniform policy (or `logits`) until the slack is small.

    Args:
        game: a true game, or one `played_with` a table.
        update: ``"mirror_ascent"`` or ``"policy_gradient"``.
        step: η; by default 1/steepness of the penalty for mirror ascent, and the same for policy gradient.
        steps: at most so many updates.
        slack: stop when max_z g(z) − E_ν[g] is at most this.
        logits: where to start, shape (T,).

    Returns:
        A `Run`.

    Source: theory.md §8; docs/convergence.md.

    >>> from polyest.games import alignment_game
    >>> game = alignment_game([1.0, 0.0], weight=1.0)
    >>> ascend(game).nu.round(4).tolist()
    [0.7311, 0.2689]
    """
    check_update(update)
    theta, eta = start(game, logits), step_size(game, step)
    for done in range(whole_number("steps", steps, 0) + 1):
        policy = softmax(theta)
        gap = slack_at(game, game.answer_probabilities(policy))
        if gap <= slack or done == steps:
            break
        theta = apply_update(theta, expected_gradient(game, policy), eta, update)
    return Run(policy, game.answer_probabilities(policy), done, gap)


def slack_at(game: AlignmentGame, nu: Array) -> float:
    """max_z g(z) − E_ν[g]; by concavity the objective at ν is at most this far from its maximum."""
    worth = game.gradient(nu)
    alive = nu > 0
    return float(worth.max() - (nu[alive] * worth[alive]).sum())


def check_update(update: str) -> None:
    if update not in UPDATES:
        raise ArgumentError(f"`update` must be one of {', '.join(UPDATES)}; got {update!r}")


def start(game: AlignmentGame, logits: ArrayLike | None) -> Array:
    """The logits to start from, shape (T,): zeros by default."""
    theta = np.zeros(game.policy_size) if logits is None else np.array(logits, dtype=np.float64)
    if theta.shape != (game.policy_size,) or not np.isfinite(theta).all():
        raise ArgumentError(f"`logits` must be {game.policy_size} finite numbers, got shape {theta.shape}")
    return theta


def step_size(game: AlignmentGame, step: float | None) -> float:
    """η, by default 1/steepness of the penalty; 1 where there is none."""
    if step is not None and not (np.isfinite(step) and step > 0):
        raise ArgumentError(f"`step` must be positive and finite, got {step!r}")
    steepness = game.penalty.steepness
    return float(step) if step is not None else 1 / steepness if steepness > 0 else 1.0

"""Softmax policies, and the exact expected updates that move them (theory.md §2, §8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import read_numbers
from polyest.errors import ArgumentError, nearest, shortened
from polyest.games.alignment import AlignmentGame
from polyest.games.reading import read_amount, read_finite, read_made, read_policy
from polyest.problems.problem import whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["UPDATES", "Run", "apply_update", "ascend", "expected_gradient", "softmax"]

UPDATES = ("mirror_ascent", "policy_gradient")
LOGITS = "a non-empty one-dimensional array of numbers below inf, one of them finite"


def softmax(logits: ArrayLike) -> Array:
    """The policy exp(θ)/Σ exp(θ), shape (T,), of its logits, −inf among them.

    Raises:
        ArgumentError: no such numbers, or none that is finite.

    >>> softmax([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    theta = read_numbers(logits, "logits", LOGITS, "−inf for what cannot be drawn")
    if theta.ndim != 1 or theta.size == 0 or np.isnan(theta).any() or not np.isfinite(theta.max()):
        raise ArgumentError(f"`logits` must be {LOGITS}; got {shortened(logits)}; give −inf for what cannot be drawn")
    return policy_of(theta)


def policy_of(theta: Array) -> Array:
    """The same, of logits that are known to be such."""
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
    """∂F/∂θ, shape (T,), for logits θ: π(y)·(g(ans(y)) − E_π[g]); exact, whichever penalty the game is played with.

    Raises:
        ArgumentError: the policy is none of the game.
    """
    read_made("game", game, AlignmentGame, "alignment_game")
    return exact_gradient(game, read_policy("policy", policy, game.policy_size, game.entry))


def exact_gradient(game: AlignmentGame, pi: Array) -> Array:
    """The same, of a policy that is known to be one."""
    worth = game.worth(game.masses(pi))
    per_trace = worth if game.traces is None else worth[game.traces]
    alive = pi > 0
    return np.asarray(np.where(alive, pi * (per_trace - (pi[alive] * per_trace[alive]).sum()), 0.0))


def apply_update(logits: Array, gradient: Array, step: float, update: str) -> Array:
    """The logits after one update: θ + η·∂F/∂θ, or, for mirror ascent, θ + η·∂F/∂θ / π."""
    if update == "policy_gradient":
        return np.asarray(logits + step * gradient)
    pi = policy_of(logits)
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

    Raises:
        ArgumentError: an argument is outside its domain.

    Source: theory.md §8; docs/convergence.md.

    >>> from polyest.games import alignment_game
    >>> game = alignment_game([1.0, 0.0], weight=1.0)
    >>> ascend(game).nu.round(4).tolist()
    [0.7311, 0.2689]
    """
    check_update(update)
    read_made("game", game, AlignmentGame, "alignment_game")
    theta, eta = start(game, logits), step_size(game, step)
    enough = read_amount("slack", slack, "0 for all steps")
    for done in range(whole_number("steps", steps, 0) + 1):
        policy = policy_of(theta)
        gap = slack_at(game, game.masses(policy))
        if gap <= enough or done == steps:
            break
        theta = apply_update(theta, exact_gradient(game, policy), eta, update)
    return Run(policy, game.masses(policy), done, gap)


def slack_at(game: AlignmentGame, nu: Array) -> float:
    """max_z g(z) − E_ν[g]; by concavity the objective at ν is at most this far from its maximum."""
    worth = game.worth(nu)
    alive = nu > 0
    return float(worth.max() - (nu[alive] * worth[alive]).sum())


def check_update(update: str) -> None:
    if not isinstance(update, str) or update not in UPDATES:
        hint = nearest(str(update).lower(), UPDATES)
        raise ArgumentError(f"`update` must be one of {', '.join(UPDATES)}; got {shortened(update)}{hint}")


def start(game: AlignmentGame, logits: ArrayLike | None) -> Array:
    """The logits to start from, shape (T,): zeros by default."""
    if logits is None:
        return np.zeros(game.policy_size)
    theta = read_finite("logits", logits)
    if len(theta) != game.policy_size:
        raise ArgumentError(
            f"`logits` must be {game.policy_size} finite numbers, one for each trace, got {len(theta)}; leave them out "
            "to start from the uniform policy"
        )
    return theta


def step_size(game: AlignmentGame, step: float | None) -> float:
    """η, by default 1/steepness of the penalty; 1 where there is none."""
    if step is not None:
        return read_amount("step", step, "leave it out for 1/steepness of the penalty", is_positive=True)
    steepness = game.penalty.steepness
    return 1 / steepness if steepness > 0 else 1.0

"""The symmetric (k+1)-player alignment game ("asymptotic universal alignment", arXiv 2601.08777; theory.md §8)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.games.reading import read_amount, read_finite, read_integers, read_made, read_policy
from polyest.problems.problem import whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Order = NDArray[np.int64]

__all__ = ["SelfPlay", "UniversalGame", "self_play", "universal_game"]

LARGEST = 1e100  # weight: sums stay finite


@dataclass(frozen=True)
class UniversalGame:
    """Users who rank outputs; k+1 players each submit one; made by `universal_game`.

    Attributes:
        orders: each user's outputs from best to worst, shape (U, n).
        weights: ω, shape (U,), summing to 1.
        opponents: k ≥ 1.
    """

    orders: Order
    weights: Array
    opponents: int

    @property
    def outputs(self) -> int:
        """n, how many outputs there are."""
        return int(self.orders.shape[1])

    def win_probabilities(self, policy: ArrayLike) -> Array:
        """f(y, π), shape (n,): how often output y wins against k draws from π, ties split evenly.

        f = Σ_u ω_u [(1−a)^{k+1} − (1−a−b)^{k+1}]/((k+1)b), written as Σ_j (1−a)^j (1−a−b)^{k−j}/(k+1), which does not
        divide by b = π(y).
        """
        return self.wins(self._policy(policy))

    def wins(self, pi: Array) -> Array:
        """The same, of a policy that is known to be one."""
        ranked = pi[self.orders]
        below = np.maximum(ranked[:, ::-1].cumsum(axis=1)[:, ::-1], 0.0)  # 1 − a
        worse = np.concatenate([below[:, 1:], np.zeros((len(below), 1))], axis=1)  # 1 − a − b
        total, power = np.ones_like(below), np.ones_like(below)
        for _ in range(self.opponents):
            power = power * worse
            total = total * below + power
        shares = self.weights[:, None] * total / (self.opponents + 1)
        return np.asarray(np.bincount(self.orders.ravel(), shares.ravel(), self.outputs), dtype=np.float64)

    def gap(self, policy: ArrayLike) -> float:
        """max_y f(y, π) − 1/(k+1): zero exactly at a symmetric equilibrium."""
        return self.gap_at(self._policy(policy))

    def gap_at(self, pi: Array) -> float:
        """The same, of a policy that is known to be one."""
        return float(self.wins(pi).max() - 1 / (self.opponents + 1))

    def worst_win_rate(self, policy: ArrayLike) -> float:
        """The least probability with which k draws from π beat a single output; at best k/(k+1)."""
        return float(1 - self.win_probabilities(policy).max())

    def best_repeated_output(self) -> tuple[int, float]:
        """The output that does best when all k draws are that output, and its worst win rate: the baseline."""
        rates = [self.worst_win_rate(row) for row in np.eye(self.outputs)]
        best = int(np.argmax(rates))
        return best, rates[best]

    def _policy(self, policy: ArrayLike) -> Array:
        return read_policy("policy", policy, self.outputs, "output of the game")


def universal_game(orders: ArrayLike, opponents: int, weights: ArrayLike | None = None) -> UniversalGame:
    """The game of users with strict rankings.

    Args:
        orders: each user's outputs 0..n−1 from best to worst, shape (U, n).
        opponents: k ≥ 1, the draws that one output is compared with.
        weights: ω ≥ 0, shape (U,), scaled to sum 1; equal by default.

    Returns:
        A `UniversalGame`.

    Raises:
        ArgumentError: an order is no permutation, or another bad argument.

    >>> game = universal_game([[0, 1], [1, 0]], opponents=1)
    >>> game.win_probabilities([0.5, 0.5]).tolist()
    [0.5, 0.5]
    """
    required, remedy = "whole numbers of shape (users, outputs)", "give a row for each user, the best output first"
    ranks = read_integers("orders", orders, required, remedy)
    if ranks.ndim != 2:
        raise ArgumentError(f"`orders` must be {required}; got shape {ranks.shape}; {remedy}")
    if (np.sort(ranks, axis=1) != np.arange(ranks.shape[1])).any():
        raise ArgumentError(
            f"`orders` must rank each of the outputs 0..{ranks.shape[1] - 1} once in every row; check the rows"
        )
    omega = np.ones(len(ranks)) if weights is None else read_finite("weights", weights)
    total = math.fsum(omega) if len(omega) == len(ranks) and 0 <= omega.min() <= omega.max() <= LARGEST else 0.0
    if total <= 0:
        raise ArgumentError(
            f"`weights` must be {len(ranks)} numbers from 0 to {LARGEST:g}, not all 0; got {shortened(weights)}; leave "
            "them out for users who count alike"
        )
    return UniversalGame(ranks.astype(np.int64), omega / omega.sum(), whole_number("opponents", opponents, 1))


@dataclass(frozen=True)
class SelfPlay:
    """The outcome of self-play.

    Attributes:
        policy: the averaged policy, shape (n,).
        gap: max_y f(y, π) − 1/(k+1) at it.
        rounds: how many rounds were played.
    """

    policy: Array
    gap: float
    rounds: int


def self_play(game: UniversalGame, *, gap: float = 1e-3, rounds: int = 100_000) -> SelfPlay:
    """A symmetric equilibrium by regret matching⁺ against oneself, averaged with linear weights.

    f(y, ·) is convex in π, so that the average policy's gap is at most the average regret (docs/convergence.md,
    proposition 7); the rounds stop as soon as the gap itself is small enough.

    Args:
        game: from `universal_game`.
        gap: stop when max_y f(y, π) − 1/(k+1) is at most this.
        rounds: at most so many rounds.

    Returns:
        A `SelfPlay`.

    Raises:
        ArgumentError: the gap is no number ≥ 0, or the rounds are none ≥ 1.

    >>> cycle = universal_game([[0, 1, 2], [1, 2, 0], [2, 0, 1]], opponents=2)
    >>> self_play(cycle).policy.round(2).tolist()
    [0.33, 0.33, 0.33]
    """
    read_made("game", game, UniversalGame, "universal_game")
    enough = read_amount("gap", gap, "0 for all rounds")
    regrets, prediction, total = np.zeros(game.outputs), np.zeros(game.outputs), np.zeros(game.outputs)
    best, best_gap = np.full(game.outputs, 1 / game.outputs), np.inf
    for turn in range(1, whole_number("rounds", rounds, 1) + 1):
        policy = _matching(regrets + prediction)
        wins = game.wins(policy)
        prediction = wins - policy @ wins
        regrets = np.maximum(regrets + prediction, 0.0)
        total = total + turn * policy
        if turn & (turn - 1) == 0 or turn % 16 == 0:
            average = total / total.sum()
            for candidate in (average, policy):
                if (reached := game.gap_at(candidate)) < best_gap:
                    best, best_gap = candidate, reached
            if best_gap <= enough:
                break
    return SelfPlay(best, float(best_gap), turn)


def _matching(regrets: Array) -> Array:
    positive = np.maximum(regrets, 0.0)
    return np.full(len(positive), 1 / len(positive)) if positive.sum() <= 0 else positive / positive.sum()

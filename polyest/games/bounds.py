"""How far a policy can be from the true equilibrium, in terms of the certificate (docs/convergence.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.games.alignment import AlignmentGame
from polyest.games.penalties import Penalty, TablePenalty, TargetPenalty
from polyest.games.policies import slack_at
from polyest.games.reading import read_amount, read_made, read_policy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["GapBound", "excess", "gap_bound", "log_excess", "pointwise_excess"]

PROBES = 400


@dataclass(frozen=True)
class GapBound:
    """F(ν∗) − F(ν) ≤ slack + Σ_z excess(z).

    Attributes:
        slack: max_z g_Q(z) − E_ν[g_Q]: how far ν is from the equilibrium of the game that was played.
        excess: what the table's bias can cost, answer by answer, shape (n,).
    """

    slack: float
    excess: Array

    @property
    def value(self) -> float:
        return self.slack + float(self.excess.sum())


def gap_bound(
    game: AlignmentGame, played: AlignmentGame, nu: ArrayLike, worst_case_bias: float | None = None
) -> GapBound:
    """An upper bound on the gap of any policy, from the policy itself and the certificate of the table it was paid by.

    gap(ν) ≤ slack + Σ_z b(ν(z)), where b(p) is the largest ∫_p^x (y − h(t)) dt over x in [0, 1] and over the slopes y
    that a table of this bias can have at p: p·|y − h(p)| ≤ B and, Q being increasing, y ≤ min_{t≥p} h(t) + B/t.

    Args:
        game: the true game.
        played: the game played with a table whose Q is increasing.
        nu: the policy's answer probabilities, shape (n,).
        worst_case_bias: B = τ·β(c) + λ·β(l), from the certificates; None uses the table's own Q instead, which is
            tighter.

    Returns:
        A `GapBound`.

    Raises:
        ArgumentError: Q is not increasing, `nu` no policy of both games, or B not a finite number ≥ 0.

    Source: docs/convergence.md, theorem 1.

    >>> from polyest.games import alignment_game
    >>> game = alignment_game([1.0, 0.0], 1.0)
    >>> played = game.played_with([-1.5, -0.5, 0.0])
    >>> nu = played.equilibrium()
    >>> game.objective(game.equilibrium()) - game.objective(nu) <= gap_bound(game, played, nu, 0.094).value
    True
    """
    truth = _true_penalty(game)
    _check_played(game, played)
    p = read_policy("nu", nu, game.answers)
    if worst_case_bias is None:
        parts = pointwise_excess(truth, played.penalty, p)
    else:
        budget = read_amount("worst_case_bias", worst_case_bias, "take it from the certificates, or leave it out")
        parts = excess(truth, p, budget)
    return GapBound(max(slack_at(played, p), 0.0), parts)


def log_excess(p: ArrayLike, budget: float) -> Array:
    """b(p) for h = log p + constant: p·(e^{B/p} − 1 − B/p) at p ≥ B, and e·B − 2p + p·log(p/B) below.

    It never exceeds e·B, and is about B²/(2p) for p well above B. For h = w·log p use w·log_excess(p, B/w).

    >>> log_excess([0.0, 0.5], 0.01).round(6).tolist()
    [0.027183, 0.000101]
    """
    x = np.asarray(p, dtype=np.float64)
    if budget == 0:
        return np.zeros_like(x)
    common = np.minimum(budget / np.maximum(x, budget), 1.0)
    at_most = np.where(common < 1e-4, common**2 * (0.5 + common / 6), np.expm1(common) - common)
    small = np.minimum(np.maximum(x, 1e-300), budget)
    rare = np.e * budget - 2 * small + small * np.log(small / budget)
    return np.asarray(np.where(x >= budget, x * at_most, rare))


def excess(penalty: TargetPenalty, p: ArrayLike, budget: float) -> Array:
    """b(p) of `gap_bound` for any increasing slope h, elementwise."""
    x = np.asarray(p, dtype=np.float64)
    if budget == 0:
        return np.zeros_like(x)
    if penalty.is_logarithmic:
        w = penalty.total_weight
        return np.asarray(w * log_excess(x, budget / w))
    with np.errstate(divide="ignore", invalid="ignore"):
        lowest = np.where(x > 0, penalty.slope(x) - budget / x, -np.inf)
    return np.maximum(_area(penalty, x, _highest(penalty, x, budget)), _area(penalty, x, lowest))


def pointwise_excess(penalty: TargetPenalty, played: Penalty, p: ArrayLike) -> Array:
    """b(p) with the slope that the played game has at p: what the certificate's b(p) is a bound of."""
    x = np.asarray(p, dtype=np.float64)
    return _area(penalty, x, played.slope(x))


def _highest(penalty: Penalty, p: Array, budget: float) -> Array:
    """min_{t ≥ p} h(t) + B/t, over a grid of t (any t gives a valid bound)."""
    grid = np.unique(np.concatenate([np.geomspace(1e-12, 1, PROBES), budget * np.geomspace(0.1, 10, PROBES), p[p > 0]]))
    grid = grid[grid <= 1]
    least = np.minimum.accumulate((penalty.slope(grid) + budget / grid)[::-1])[::-1]
    return np.asarray(least[np.searchsorted(grid, p)])


def _area(penalty: Penalty, p: Array, y: Array) -> Array:
    """max_{x ∈ [0,1]} ∫_p^x (y − h(t)) dt, at the x with h(x) = y."""
    finite = np.where(np.isfinite(y), y, 0.0)
    x = np.where(y == -np.inf, 0.0, penalty.inverse(finite))
    linear = np.where(x == p, 0.0, finite * (x - p))
    area = linear - (penalty.potential(x) - penalty.potential(p))
    return np.asarray(np.where((y == -np.inf) & (p == 0), 0.0, np.maximum(area, 0.0)))


def _check_played(game: AlignmentGame, played: AlignmentGame) -> None:
    read_made("played", played, AlignmentGame, "game.played_with")
    if isinstance(played.penalty, TablePenalty) and not played.penalty.is_increasing:
        raise ArgumentError("`played` must have an increasing Q for this bound; this table's is not: use another table")
    if played.answers != game.answers:
        raise ArgumentError(
            f"`played` must have the {game.answers} answers of `game`, got {played.answers}; take game.played_with(…)"
        )


def _true_penalty(game: AlignmentGame) -> TargetPenalty:
    read_made("game", game, AlignmentGame, "alignment_game")
    if not isinstance(game.penalty, TargetPenalty):
        raise ArgumentError("`game` must be the true one, got one that is played with a table; pass that as `played`")
    return game.penalty

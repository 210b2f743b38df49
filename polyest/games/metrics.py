"""How far a policy is from the equilibrium: gap, divergence, answers alive, exploitability (theory.md §8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.games.alignment import AlignmentGame
from polyest.games.policies import slack_at
from polyest.games.reading import read_amount, read_made, read_number, read_policy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["ALIVE", "alive", "exploitability", "gap", "kl_divergence", "target_player_regret"]

ALIVE = 1e-6


def gap(game: AlignmentGame, nu: ArrayLike, best: float | None = None) -> float:
    """F(ν∗) − F(ν) ≥ 0; `best` is F(ν∗) where it is known.

    Raises:
        ArgumentError: `nu` is no policy of the game, or `best` no finite number.

    >>> from polyest.games import alignment_game
    >>> round(gap(alignment_game([0.0, 0.0], 1.0), [0.5, 0.5]), 12)
    0.0
    """
    read_made("game", game, AlignmentGame, "alignment_game")
    top = game.objective(game.equilibrium()) if best is None else read_number("best", best, "leave it out")
    return top - game.objective(nu)


def kl_divergence(p: ArrayLike, q: ArrayLike) -> float:
    """KL(p‖q) = Σ p log(p/q), infinite where q gives no mass to what p does. For log, gap = (τ+λ)·KL(ν‖ν∗).

    Raises:
        ArgumentError: `p` and `q` are no policies of one length.

    >>> round(kl_divergence([0.5, 0.5], [0.25, 0.75]), 6)
    0.143841
    """
    a = read_policy("p", p)
    b = read_policy("q", q, len(a), "entry of `p`")
    held = a > 0
    if (b[held] <= 0).any():
        return float("inf")
    return float(max((a[held] * np.log(a[held] / b[held])).sum(), 0.0))


def alive(nu: ArrayLike, threshold: float = ALIVE) -> int:
    """How many answers have more mass than `threshold`.

    Raises:
        ArgumentError: `nu` is no policy, or the threshold no number ≥ 0.

    >>> alive([0.5, 0.5 - 1e-9, 1e-9])
    2
    """
    return int((read_policy("nu", nu) > read_amount("threshold", threshold, f"{ALIVE:g} is usual")).sum())


def target_player_regret(game: AlignmentGame, nu: ArrayLike, q: ArrayLike) -> float:
    """What the target player gives away with q against ν: the Bregman divergence Σ_z H(ν) − H(q) − h(q)·(ν − q) ≥ 0.

    In the zero-sum form the policy player maximises, and the target player minimises over q,
    L(ν, q) = Σ_z ν·payoff − [H(q) + h(q)·(ν − q)]; the target player's best response is q = ν.

    Raises:
        ArgumentError: `nu` or `q` is no policy of the game.

    >>> from polyest.games import alignment_game
    >>> round(target_player_regret(alignment_game([0.0, 0.0], 1.0), [0.5, 0.5], [0.25, 0.75]), 6)
    0.143841
    """
    read_made("game", game, AlignmentGame, "alignment_game")
    return _regret(game, read_policy("nu", nu, game.answers), read_policy("q", q, game.answers))


def _regret(game: AlignmentGame, p: Array, other: Array) -> float:
    slopes, differs = game.penalty.slope(other), p != other
    if not np.isfinite(slopes[differs]).all():
        return float("inf")
    rise = game.penalty.potential(p) - game.penalty.potential(other)
    return float((rise[differs] - slopes[differs] * (p - other)[differs]).sum())


def exploitability(game: AlignmentGame, nu: ArrayLike, q: ArrayLike | None = None) -> float:
    """How much the two players of the zero-sum form gain by best responses: max_{ν'} L(ν', q) − min_{q'} L(ν, q').

    With q = ν (the default, the target player's best response) it is max_z g(z) − E_ν[g], never less than the gap.

    Args:
        game: the true game, or one played with a table.
        nu: the policy player's ν, shape (n,).
        q: the target player's q, shape (n,).

    Raises:
        ArgumentError: `nu` or `q` is no policy of the game.

    Source: theory.md §8.

    >>> from polyest.games import alignment_game
    >>> game = alignment_game([1.0, 0.0], 1.0)
    >>> abs(exploitability(game, game.equilibrium())) < 1e-12
    True
    """
    read_made("game", game, AlignmentGame, "alignment_game")
    p = read_policy("nu", nu, game.answers)
    if q is None:
        return slack_at(game, p)
    other = read_policy("q", q, game.answers)
    worth = game.worth(other)
    return float(worth.max() - np.where(p > 0, p * worth, 0.0).sum()) + _regret(game, p, other)

"""Two hundred (k+1)-player games: what self-play reaches, and what the best single output does."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from polyest.games import estimate_win_probabilities, self_play, universal_game

__all__ = ["universal_cell"]


def universal_cell(seed: int) -> list[dict[str, Any]]:
    """One random game of 5 to 30 users and outputs."""
    rng, k = np.random.default_rng(seed), 1 + seed % 8
    users, outputs = (int(size) for size in rng.integers(5, 31, size=2))
    game = universal_game(np.argsort(rng.random((users, outputs)), axis=1), k, rng.dirichlet(np.ones(users)))
    start = time.perf_counter()
    found = self_play(game)
    seconds = time.perf_counter() - start
    draws = rng.choice(outputs, size=(500, 16), p=found.policy)
    estimate = estimate_win_probabilities(game, draws).mean(axis=0)
    error = np.abs(estimate - game.win_probabilities(found.policy)).max()
    return [
        {"k": k, "seed": seed, "users": users, "outputs": outputs, "gap": found.gap, "rounds": found.rounds}
        | {"seconds": seconds, "win_rate": game.worst_win_rate(found.policy)}
        | {"single": game.best_repeated_output()[1], "estimate_error": float(error)}
    ]

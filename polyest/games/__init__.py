"""Games that show what an estimator's bias and noise do to the policy that is trained with it (theory.md §8).

>>> import polyest
>>> from polyest.games import alignment_game, gap
>>> game = alignment_game([1.0, 0.5, -2.0], weight=1.0)
>>> played = game.played_with(polyest.load("log", 8, method="plug_in").coefficients)
>>> round(gap(game, played.equilibrium()), 3)
0.031

A policy is probabilities that sum to 1, up to the rounding of float32, one for each answer (trace, output) of the game;
what is none is refused (`polyest.errors.ArgumentError`), as are masked arrays and numbers that are not finite.

- games: `alignment`, of policies and `penalties`, and `universal`, with `win_rate`;
- where they end: `equilibrium` (by `rootfinding`); the way there: `policies` exactly, `sampling` by chance;
- how far away that is: `metrics`, and in theory `bounds`; `reading` checks what is given.
"""

from __future__ import annotations

from polyest.games.alignment import AlignmentGame, alignment_game
from polyest.games.bounds import GapBound, gap_bound
from polyest.games.metrics import alive, exploitability, gap, kl_divergence, target_player_regret
from polyest.games.policies import Run, ascend, expected_gradient, softmax
from polyest.games.sampling import Path, Sampler, play, sampler
from polyest.games.universal import SelfPlay, UniversalGame, self_play, universal_game
from polyest.games.win_rate import estimate_win_probabilities, win_table

__all__ = [
    "AlignmentGame",
    "GapBound",
    "Path",
    "Run",
    "Sampler",
    "SelfPlay",
    "UniversalGame",
    "alignment_game",
    "alive",
    "ascend",
    "estimate_win_probabilities",
    "expected_gradient",
    "exploitability",
    "gap",
    "gap_bound",
    "kl_divergence",
    "play",
    "sampler",
    "self_play",
    "softmax",
    "target_player_regret",
    "universal_game",
    "win_table",
]

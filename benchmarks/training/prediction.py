"""What theory.md §8 predicts, before anything is trained: the equilibrium of the game that each arm's updates play.

GRPO subtracts the group mean, which leaves the first K − 1 entries of a table, read as one of group size K − 1
(theory.md §5); exact advantages leave all K; an oracle plays the true game. T visits are one group of K·T, as long as
the policy moves little between them (theory.md §10). Dividing by the standard deviation
is not linear: no prediction.
"""

from __future__ import annotations

from functools import cache

import numpy as np

import polyest
from benchmarks.training.metrics import assess
from benchmarks.training.task import PROMPTS, game

__all__ = ["best", "predicted"]

EXACT = {
    "aqp_exact": ("aqp", 1),
    "aqp_4_visits": ("aqp", 4),
    "aqp_24_visits": ("aqp", 24),
    "harmonic_16_visits": ("harmonic", 16),
}


@cache
def best() -> dict[str, float]:
    """The metrics of the optimum."""
    return assess(np.array([game(prompt).equilibrium() for prompt in PROMPTS]))


@cache  # the figure and the table show the same
def predicted(arm: str, group_size: int) -> dict[str, float] | None:
    """The metrics of an arm's equilibrium; None where there is no prediction."""
    if arm == "trl_default":
        return None
    if arm == "oracle":
        return best()
    played = [game(prompt).played_with(effective_table(arm, group_size)) for prompt in PROMPTS]
    return assess(np.array([surrogate.equilibrium() for surrogate in played]))


def effective_table(arm: str, group_size: int) -> np.ndarray:
    """The table whose surrogate the expected updates follow."""
    if arm in EXACT:
        method, visits = EXACT[arm]
        return polyest.load("log", group_size * visits, method).coefficients
    if arm == "plug_in":
        return polyest.load("log", group_size, method="plug_in").coefficients[:-1]
    return polyest.load("log", group_size, method=arm, baseline="leave_one_out_mean").coefficients[:-1]

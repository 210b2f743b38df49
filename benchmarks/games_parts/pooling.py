"""Pooling a prompt's visits: the exact bias under a known drift, and training on pooled groups at several speeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.games_parts.arms import load
from polyest.games import alignment_game, gap, softmax
from polyest.games.sampling import draw
from polyest.history import PromptHistory, drift_bias

__all__ = ["bias_cell", "training_cell"]

Row = dict[str, Any]
GROUP_SIZE = 8


def bias_cell(method: str, drift: float, visits: int) -> list[Row]:
    """The largest bias p·|E c[m] − log p| over p when every visit's p was `drift` lower or higher than the next's."""
    K, N = GROUP_SIZE, GROUP_SIZE * visits
    table = load(N, method=method)
    ages = np.repeat(np.arange(visits - 1, -1, -1), K)[:-1]
    measured = 0.0
    for p in np.geomspace(1e-3, 1, 120):
        for direction in (-1, 1):
            past = np.clip(p + direction * drift * ages, 0, 1)
            mean = _number_distribution(past) @ table.coefficients
            measured = max(measured, float(p * abs(mean - np.log(p))))
    bound = table.certificate.worst_case_bias.upper + drift_bias(table.coefficients, np.minimum(drift * ages, 1))
    return [{"method": method, "drift": drift, "visits": visits, "N": N, "bias": measured, "bound": bound}]


def _number_distribution(probabilities: np.ndarray) -> np.ndarray:
    """The law of the number of successes of independent trials."""
    law = np.ones(1)
    for p in probabilities:
        law = np.convolve(law, [1 - p, p])
    return law


def training_cell(method: str, visits: int, step: float, seed: int, updates: int) -> list[Row]:
    """One prompt, one group of 8 per update, paid from the pool of its last visits; a larger step moves faster."""
    game = alignment_game(np.random.default_rng(0).normal(size=20), 1.0)
    history = PromptHistory("log", GROUP_SIZE, method, visits=visits)
    rng, theta, tail, moved = np.random.default_rng(seed), np.zeros(20), [], []
    for update in range(updates):
        policy = softmax(theta)
        answers = draw(policy, (1, GROUP_SIZE), rng)[0]
        rewards = game.payoffs[answers]
        others = (rewards.sum() - rewards) / (GROUP_SIZE - 1)
        advantages = rewards - others - history.score("prompt", answers).advantages
        weights = np.bincount(answers, advantages, minlength=20) / GROUP_SIZE
        theta = theta + step * (weights - policy * weights.sum())
        moved.append(np.abs(softmax(theta) - policy).max())
        if 2 * update >= updates and update % 20 == 0:
            tail.append(gap(game, policy))
    result = {"gap": float(np.mean(tail)), "drift": float(np.mean(moved))}
    return [{"method": method, "visits": visits, "step": step, "seed": seed} | result]

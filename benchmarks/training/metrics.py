"""How far a policy is from the best one, exactly."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.training.task import ANSWERS, NUMBERS, PROMPTS, WEIGHT, game, right
from polyest.games import AlignmentGame

__all__ = ["METRICS", "assess", "right_answers", "score"]

METRICS = ("gap", "entropy", "alive", "accuracy", "among_right", "among_wrong")


def assess(probabilities: np.ndarray) -> dict[str, float]:
    """The means over prompts of `score`; probabilities has shape (prompts, answers), in the task's order."""
    scores = [score(prompt, nu) for prompt, nu in zip(PROMPTS, probabilities, strict=True)]
    return {name: float(np.mean([line[name] for line in scores])) for name in METRICS}


def score(prompt: str, nu: np.ndarray) -> dict[str, Any]:
    """One prompt: F(ν*) − F(ν), entropy, right answers with a tenth of their mass under ν* or more, mass of all.

    And two parts of F(ν*) − F(ν) = τ·KL(ν‖ν*): how ν spreads its mass among the right answers, and among the wrong
    ones. The rest is how much mass is right.
    """
    played, star, optimum = _solved(prompt)
    truth = right_answers(prompt)
    return {
        "gap": optimum - played.objective(nu),
        "entropy": float(-(nu[nu > 0] @ np.log(nu[nu > 0]))),
        "alive": int((nu >= star / 10)[truth].sum()),
        "accuracy": float(nu[truth].sum()),
        "among_right": _spread(nu[truth], star[truth]),
        "among_wrong": _spread(nu[~truth], star[~truth]),
    }


def _spread(p: np.ndarray, q: np.ndarray) -> float:
    """τ·p(all)·KL of p from q, both scaled to sum to 1."""
    p, q = p[p > 0], q[p > 0] / q.sum()
    return WEIGHT * float(p @ np.log(p / p.sum() / q))


@lru_cache(maxsize=len(NUMBERS))
def _solved(prompt: str) -> tuple[AlignmentGame, np.ndarray, float]:
    true = game(prompt)
    star = true.equilibrium()
    return true, star, true.objective(star)


@lru_cache(maxsize=len(NUMBERS))
def right_answers(prompt: str) -> np.ndarray:
    """Which of ANSWERS are right, shape (answers,)."""
    return np.array([right(prompt, answer) for answer in ANSWERS])

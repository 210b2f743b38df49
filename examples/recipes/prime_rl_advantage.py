"""prime-rl: an advantage function, for one group at a time.

    type = "custom", import_path = "prime_rl_advantage.advantage"

A rollout is what `verifiers` returns: a mapping with its `reward` and its `completion`, messages or a text.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from polyest.adapters import ragged
from polyest.adapters.pay import AnswerPay


def answer(completion: Any) -> str | None:
    """What is counted: here the last word of the last message."""
    text = completion if isinstance(completion, str) else completion[-1]["content"] if completion else ""
    return text.split()[-1] if text.strip() else None


def advantage(inputs: Any, weight: float = 0.1) -> list[list[float]]:
    """Exact advantages of rewards and answers, at each token; errored rollouts are not among the inputs."""
    pay = AnswerPay(target="log", sign=-1, weight=weight)
    rewards = np.array([rollout["reward"] for rollout in inputs.rollouts], np.float64)
    groups = [0] * len(rewards)
    paid = ragged.advantages(pay, [answer(rollout["completion"]) for rollout in inputs.rollouts], groups)
    spread: list[list[float]] = inputs.broadcast((ragged.centred(rewards, groups) + paid).tolist())
    return spread

"""Tunix: one object as reward function and as estimator; run by itself, some updates with Tunix's reward manager.

GRPOLearner(cluster, reward_fns=[correct, ANSWERS], algo_config=GRPOConfig(
    num_generations=8, advantage_estimator="polyest", loss_agg_mode="seq-mean-token-sum"))
"""

from __future__ import annotations

import letters
import numpy as np
import torch
from tunix.rl.algorithm_config import AlgorithmConfig
from tunix.rl.function_registry import get_advantage_estimator, register_advantage_estimator
from tunix.rl.reward_manager import SequenceRewardManager

from polyest.adapters.tunix import AnswerAdvantages

ANSWERS = AnswerAdvantages(letters.answer, weight=0.3, time_limit=None)
register_advantage_estimator("polyest")(ANSWERS.advantages)


def correct(prompts: list[str], completions: list[str], **columns: object) -> list[float]:
    """A reward function as Tunix has them."""
    return [letters.correct(text) for text in completions]


MANAGER = SequenceRewardManager([correct, ANSWERS], AlgorithmConfig())


def loss(drawn: torch.Tensor, log_probs: torch.Tensor) -> torch.Tensor:
    """−Σ A·log π on the policy."""
    texts = [letters.ALPHABET[letter] for letter in drawn.ravel().tolist()]
    rewards = MANAGER(prompts=["?"] * len(texts), completions=texts, mode="train")["rewards"]
    advantages = get_advantage_estimator("polyest")(rewards=rewards, num_generations=letters.GROUP_SIZE)
    return -(torch.from_numpy(np.asarray(advantages, dtype=np.float32)) * log_probs.ravel()).mean()


if __name__ == "__main__":
    letters.train(loss)

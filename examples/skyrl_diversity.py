"""SkyRL: estimators under a name of your own; run by itself, some updates with SkyRL's own advantages and loss.

With a model, register in your entry point, before SkyRL's own, and say
trainer.algorithm.advantage_estimator=polyest trainer.algorithm.loss_reduction=seq_mean_token_sum_norm
"""

from __future__ import annotations

import torch
from letters import ALPHABET, GROUP_SIZE, GROUPS, answer, correct, train
from skyrl.backends.skyrl_train.utils.ppo_utils import (
    AdvantageEstimatorRegistry,
    PolicyLossRegistry,
    apply_loss_reduction_to_advantages_minibatch,
    compute_advantages_and_returns,
)
from skyrl.train.config import AlgorithmConfig

from polyest.adapters.skyrl import AnswerAdvantages, encode

ALGORITHM = AlgorithmConfig(
    advantage_estimator="polyest", use_kl_loss=False, loss_reduction="seq_mean_token_sum_norm", max_seq_len=1
)
AdvantageEstimatorRegistry.register("polyest", AnswerAdvantages(weight=0.3))


def reward(text: str) -> float:
    """What your environment's step returns."""
    return encode(correct(text), answer(text))


def loss(letters: torch.Tensor, log_probs: torch.Tensor) -> torch.Tensor:
    """One minibatch, one token each."""
    rewards = torch.tensor([[reward(ALPHABET[letter])] for letter in letters.ravel().tolist()])
    mask, uids = torch.ones(len(rewards), 1), [str(i // GROUP_SIZE) for i in range(len(rewards))]
    advantages, _ = compute_advantages_and_returns(rewards, mask, uids, ALGORITHM.advantage_estimator, ALGORITHM)
    reduced = apply_loss_reduction_to_advantages_minibatch(
        advantages, mask, ALGORITHM.loss_reduction, GROUPS * GROUP_SIZE, ALGORITHM.max_seq_len
    )
    rows = log_probs.reshape(-1, 1)
    return PolicyLossRegistry.get("regular")(rows, rows.detach(), reduced, ALGORITHM, loss_mask=mask)[0]


if __name__ == "__main__":
    train(loss)

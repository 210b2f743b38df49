"""NeMo-RL: an advantage estimator, put in the place of the one that is called grpo.

    import nemo_rl.algorithms.grpo as grpo
    grpo.GRPOAdvantageEstimator = AnswerAdvantageEstimator      # before setup; its names are hard-coded

It sees rewards only, so that the environment pays `encode(correct, answer)`.
"""

from __future__ import annotations

from typing import Any

import torch

from polyest.adapters import ragged
from polyest.adapters.code import NO_ANSWER, decode
from polyest.adapters.pay import AnswerPay

PAY = AnswerPay(target="log", sign=-1, weight=0.1)


class AnswerAdvantageEstimator:
    """Exact advantages of rewards and answers."""

    def __init__(self, estimator_config: Any, loss_config: Any) -> None:
        pass

    def compute_advantage(
        self, prompt_ids: Any, rewards: Any, mask: Any, valid_mask: Any = None, **_: Any
    ) -> torch.Tensor:
        """Shape of the mask; `valid_mask` is 0 for rows that are no completions."""
        groups = torch.unique(prompt_ids, dim=0, return_inverse=True)[1].cpu().numpy()
        usable = (torch.ones_like(rewards) if valid_mask is None else valid_mask).cpu().numpy() > 0
        advantages = torch.zeros(len(rewards), dtype=torch.float64)
        R, identities = decode(rewards.double().cpu().numpy()[usable])
        answers = [None if z == NO_ANSWER else z for z in identities.tolist()]
        paid = ragged.centred(R, groups[usable]) + ragged.advantages(PAY, answers, groups[usable])
        advantages[torch.from_numpy(usable)] = torch.from_numpy(paid)
        return advantages.to(rewards).unsqueeze(-1).expand(mask.shape)

"""slime: --custom-reward-post-process-path slime_rewards.post_process, in place of its own normalisation of groups.

Samples have their rewards already (--rm-type, or a function of yours), and `group_index` says whose group they are in.
What is returned second is the advantage of each completion. With --group-rm --custom-rm-path slime_rewards.group_reward
instead, and --disable-grpo-std-normalization, slime subtracts the group mean itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from polyest.adapters import ragged
from polyest.adapters.pay import AnswerPay

PAY = AnswerPay(target="log", sign=-1, weight=0.1)


def answer(text: str) -> str | None:
    """What is counted: here the last word."""
    return text.split()[-1] if text.strip() else None


def post_process(args: Any, samples: list[Any]) -> tuple[list[float], list[float]]:
    """The rewards as they were, and the exact advantages of these and of the answers."""
    rewards = np.array([sample.get_reward_value(args) for sample in samples])
    groups = [sample.group_index for sample in samples]
    paid = ragged.advantages(PAY, [answer(sample.response) for sample in samples], groups)
    return rewards.tolist(), (ragged.centred(rewards, groups) + paid).tolist()


async def group_reward(args: Any, samples: list[Any], **_: Any) -> list[float]:
    """Of the samples of one prompt: right or wrong, and what answers are paid, proof against the subtraction."""
    right = [float(answer(sample.response) == sample.label) for sample in samples]
    paid = ragged.rewards(PAY, [answer(sample.response) for sample in samples], [0] * len(samples))
    return (np.array(right) + paid).tolist()

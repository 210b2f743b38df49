"""OpenRLHF: --remote_rm_url openrlhf_rewards.py --advantage_estimator dr_grpo, and `install` before training.

Its reward function sees parts of groups, so that the reward carries the answer in its low bits, and the experience
maker, which has whole groups, pays what they say; then OpenRLHF subtracts the group mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from polyest.adapters import ragged
from polyest.adapters.code import NO_ANSWER, decode, encode
from polyest.adapters.pay import AnswerPay

PAY = AnswerPay(target="log", sign=-1, weight=0.1)


def answer(text: str) -> str | None:
    """What is counted: here the last word."""
    return text.split()[-1] if text.strip() else None


def reward_func(queries: list[str], prompts: list[str], labels: list[str], **_: Any) -> dict[str, Any]:
    """1 for a right answer, with the answer in its low bits; `scores` are the plain rewards."""
    answers = [answer(query[len(prompt) :]) for query, prompt in zip(queries, prompts, strict=True)]
    right = [float(given == label) for given, label in zip(answers, labels, strict=True)]
    codes = [encode(reward, given) for reward, given in zip(right, answers, strict=True)]
    return {"rewards": torch.tensor(codes), "scores": torch.tensor(right), "extra_logs": {}}


def install(maker_class: Any, group_size: int) -> None:
    """Let `RemoteExperienceMaker.compute_advantages_and_returns` see what is paid, in place of the codes."""
    plain = maker_class.compute_advantages_and_returns

    def compute_advantages_and_returns(self: Any, experiences: list[Any], **kwargs: Any) -> Any:
        index = np.concatenate([experience.index for experience in experiences])
        codes = torch.cat([experience.rewards for experience in experiences])
        rewards, identities = decode(codes.double().cpu().numpy())
        answers = [None if z == NO_ANSWER else z for z in identities.tolist()]
        paid = torch.from_numpy(rewards + ragged.rewards(PAY, answers, index // group_size)).to(codes)
        for experience, own in zip(experiences, paid.split([len(e.index) for e in experiences]), strict=True):
            experience.rewards = own
        return plain(self, experiences, **kwargs)

    maker_class.compute_advantages_and_returns = compute_advantages_and_returns

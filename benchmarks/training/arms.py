"""The arms: what is paid for an answer, and what the trainer makes of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from transformers import PreTrainedTokenizerBase, Qwen2ForCausalLM
from trl import GRPOTrainer

from benchmarks.training.policy import answer_probabilities
from benchmarks.training.task import ANSWERS, WEIGHT, credit
from polyest.adapters.trl import AnswerReward, ExactAdvantagesMixin
from polyest.problems.budget import AqpArguments

__all__ = ["Arm", "ExactTrainer", "Maker", "Reward", "arm_named", "paid_exactly", "table"]

Reward = Callable[..., list[Any]]
Maker = Callable[[Qwen2ForCausalLM, PreTrainedTokenizerBase], Reward]


@dataclass(frozen=True)
class Arm:
    """A run's reward functions and trainer.

    Attributes:
        bonus: makes the reward function for diversity, which already contains τ.
        trainer: the class of the trainer.
        scale_rewards: what the trainer divides by.
    """

    bonus: Maker
    trainer: type[GRPOTrainer] = GRPOTrainer
    scale_rewards: str = "none"

    def rewards(self, policy: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerBase) -> list[Reward]:
        """Correctness, and the bonus."""
        return [correctness, self.bonus(policy, tokenizer)]


class ExactTrainer(ExactAdvantagesMixin, GRPOTrainer):
    """GRPO with polyest's exact advantages."""


def arm_named(name: str) -> Arm:
    """The arm of a name in `settings.ARMS`, or in `slowly.ARMS`."""
    return {
        "trl_default": Arm(by_hand, scale_rewards="group"),
        "plug_in": Arm(by_hand),
        "harmonic": Arm(table("harmonic")),
        "aqp": Arm(table("aqp")),
        "aqp_exact": Arm(table("aqp"), ExactTrainer),
        "aqp_4_visits": Arm(table("aqp", visits=4), ExactTrainer),
        "aqp_24_visits": Arm(table("aqp", visits=24), ExactTrainer),
        "harmonic_16_visits": Arm(table("harmonic", visits=16), ExactTrainer),
        "oracle": Arm(paid_exactly(math.log)),
    }[name]


def correctness(prompts: Sequence[str], completions: Sequence[str], **_: Any) -> list[float]:
    return [credit(prompt, completion) for prompt, completion in zip(prompts, completions, strict=True)]


def by_hand(_policy: Qwen2ForCausalLM, _tokenizer: PreTrainedTokenizerBase) -> Reward:
    """−τ·log of the frequency in the group, as it is written today."""

    def surprise(prompts: Sequence[str], completions: Sequence[str], **_: Any) -> list[float]:
        named = list(zip(prompts, completions, strict=True))
        counts, sizes = Counter(named), Counter(prompts)
        return [-WEIGHT * math.log(counts[pair] / sizes[pair[0]]) for pair in named]

    return surprise


def table(method: str, visits: int = 1, **budget: Unpack[AqpArguments]) -> Maker:
    """polyest's adapter; what a completion says is its answer."""
    return lambda _policy, _tokenizer: AnswerReward(
        str, "log", sign=-1, weight=WEIGHT, method=method, time_limit=None, visits=visits, **budget
    )


def paid_exactly(target: Callable[[float], float]) -> Maker:
    """−τ·r(p), p the exact probability under the policy in training, which no trainer could know."""
    place = {answer: index for index, answer in enumerate(ANSWERS)}

    def maker(policy: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerBase) -> Reward:
        def exact_surprise(prompts: Sequence[str], completions: Sequence[str], **_: Any) -> list[float]:
            distinct = list(dict.fromkeys(prompts))
            ids = tokenizer(distinct, return_tensors="pt").input_ids
            known = dict(zip(distinct, answer_probabilities(policy, ids), strict=True))
            return [-WEIGHT * target(known[p][place[c]]) for p, c in zip(prompts, completions, strict=True)]

        return exact_surprise

    return maker

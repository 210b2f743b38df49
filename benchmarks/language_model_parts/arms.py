"""The arms: a right answer is paid 1 − τ·log p̂, everything else 0."""

from __future__ import annotations

import inspect
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from trl import GRPOTrainer

from benchmarks.language_model_parts.model import answer_probabilities
from benchmarks.language_model_parts.tasks import Task
from polyest.adapters.trl import AnswerReward, ExactAdvantagesMixin

__all__ = ["ARMS", "WEIGHT", "arm", "can_pool"]

WEIGHT = 0.5  # τ
ARMS = ("plug_in", "aqp", "aqp_4_visits", "oracle")
Reward = Callable[..., list[Any]]


class ExactTrainer(ExactAdvantagesMixin, GRPOTrainer):
    """GRPO with polyest's exact advantages."""


def can_pool() -> bool:
    """Whether this polyest pools the visits of a prompt."""
    return "visits" in inspect.signature(AnswerReward.__init__).parameters


def arm(name: str, tasks: Sequence[Task], model: Any, tokenizer: Any) -> tuple[type[GRPOTrainer], list[Reward]]:
    """Its trainer and reward functions."""
    by_prompt = {task.prompt: task for task in tasks}

    def correct(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        return [float(text in by_prompt[prompt].said) for prompt, text in zip(prompts, completions, strict=True)]

    def paying(probability: Callable[[list[str], list[str]], list[float]]) -> Reward:
        def reward(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
            answers = [by_prompt[prompt].said.get(text, "") for prompt, text in zip(prompts, completions, strict=True)]
            shares = probability(prompts, answers)
            return [1 - WEIGHT * math.log(p) if answer else 0.0 for answer, p in zip(answers, shares, strict=True)]

        return reward

    def frequencies(prompts: list[str], answers: list[str]) -> list[float]:
        named = list(zip(prompts, answers, strict=True))
        counts, sizes = Counter(named), Counter(prompts)
        return [counts[pair] / sizes[pair[0]] for pair in named]

    def exactly(prompts: list[str], answers: list[str]) -> list[float]:
        known = {prompt: answer_probabilities(model, tokenizer, by_prompt[prompt]) for prompt in dict.fromkeys(prompts)}
        return [known[prompt].get(answer, 1.0) for prompt, answer in zip(prompts, answers, strict=True)]

    if name == "plug_in":
        return GRPOTrainer, [paying(frequencies)]
    if name == "oracle":
        return GRPOTrainer, [paying(exactly)]
    said = {form: answer for task in tasks for form, answer in task.said.items()}
    options: dict[str, Any] = {"visits": 4} if name == "aqp_4_visits" else {}
    product = AnswerReward(
        lambda text: said.get(text, text),
        "log",
        weight=WEIGHT,
        combine="multiply",
        reward=correct,
        offset=1.0,
        time_limit=None,
        **options,
    )
    return ExactTrainer, [product]

"""Trainers small enough for a test: a one-layer Qwen2 over four tokens, built here, and completions as prescribed."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable
from math import comb
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"  # for rollout_func

import pytest
import torch
from datasets import Dataset
from tokens import TOKENS, tokenizer
from transformers import Qwen2Config, Qwen2ForCausalLM
from trl import GRPOConfig, GRPOTrainer

from polyest.adapters.trl import ExactAdvantagesMixin
from polyest.adapters.trl.group_reward import GroupReward

GRPOTrainer.create_model_card = lambda *_, **__: None  # which reads what every installed package says
COMPLETIONS = ["", "a", "b", "c"]  # in the order of their tokens; the first is no answer


class ExactTrainer(ExactAdvantagesMixin, GRPOTrainer):
    """As the README writes it."""


def policy(seed: int = 0) -> Qwen2ForCausalLM:
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(TOKENS),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=16,
        tie_word_embeddings=False,
        initializer_range=0.5,  # else all answers are about equally likely
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return Qwen2ForCausalLM(config)


def rows_of(answers: Iterable[str], prompt: Any = "a") -> list[dict[str, Any]]:
    """Rows of a dataset for one prompt, whose completions are to be `answers`."""
    return [{"prompt": prompt, "wanted": answer} for answer in answers]


# TRL before 0.24 or so has neither rollout functions nor names for ways to scale
STRINGS = GRPOConfig.__dataclass_fields__["scale_rewards"].type is not bool
NEW = "rollout_func" in inspect.signature(GRPOTrainer.__init__).parameters
NOT_IN_OLD = "this TRL does not have yet: "


def refused_scale(given: str) -> str:
    """What is told of a trainer that divides by a standard deviation."""
    return f"`scale_rewards` must be 'none', got {given!r}" if STRINGS else "`scale_rewards` must be False, got True"


class Wanted:
    """A rollout function whose completions are those set beforehand; an empty one ends at once."""

    completions: list[str]

    def generate(self, input_ids: torch.Tensor, **_: Any) -> torch.Tensor:
        """In place of a model's own, where TRL has no rollout functions yet."""
        ids = [[TOKENS[letter] for letter in text] or [0] for text in self.completions]
        width = max(map(len, ids))
        return torch.cat([input_ids, torch.tensor([[*row, *[0] * (width - len(row))] for row in ids])], dim=1)

    def __call__(self, prompts: list[Any], trainer: GRPOTrainer) -> dict[str, Any]:
        ids = [[TOKENS[letter] for letter in text] or [0] for text in self.completions]
        return {"prompt_ids": [[1]] * len(prompts), "completion_ids": ids, "logprobs": None}


def make_trainer(
    folder: Path, reward_funcs: list[Any], trainer_class: type[GRPOTrainer] = GRPOTrainer, **options: Any
) -> GRPOTrainer:
    """A trainer of groups of four by default, whose completions `scored` prescribes; skips what this TRL cannot."""
    if lacking := options.keys() - GRPOConfig.__dataclass_fields__.keys():
        pytest.skip(NOT_IN_OLD + ", ".join(lacking))
    settings = {
        "num_generations": 4,
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 4,
        "max_completion_length": 1,
        "scale_rewards": "none",
        "loss_type": "dr_grpo",
        "temperature": 1.0,
        "beta": 0.0,
        "use_cpu": True,
        "report_to": "none",
        "bf16": False,
        "save_strategy": "no",
        "disable_tqdm": True,
    } | options
    wanted, model = Wanted(), policy()
    if not NEW:
        model.generate = wanted.generate
        settings["scale_rewards"] = settings["scale_rewards"] if STRINGS else settings["scale_rewards"] != "none"
    trainer = trainer_class(
        model=model,
        reward_funcs=reward_funcs,
        args=GRPOConfig(output_dir=str(folder), **settings),
        train_dataset=Dataset.from_list(rows_of("ab")),
        eval_dataset=Dataset.from_list(rows_of("ab")),
        processing_class=tokenizer(),
        **({"rollout_func": wanted} if NEW else {}),
    )
    trainer.rollout_func = wanted
    for reward in () if hasattr(trainer, "_log_metric") else reward_funcs:
        if isinstance(reward, GroupReward):
            reward.bind(trainer)
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def let_generate(trainer: GRPOTrainer) -> None:
    """Real completions from now on."""
    trainer.rollout_func = None
    vars(trainer.model).pop("generate", None)


def scored(trainer: GRPOTrainer, answers: Iterable[str], prompt: Any = "a") -> dict[str, Any]:
    """TRL's own batch for prescribed completions: their ids and advantages."""
    trainer.rollout_func.completions = [*answers]
    return trainer._generate_and_score_completions(rows_of(answers, prompt))


def called(reward: GroupReward, trainer: GRPOTrainer, texts: list[Any], prompts: list[Any] | None = None) -> list[Any]:
    """What the reward function pays where the trainer calls it."""
    told = {"log_metric": trainer._log_metric} if NEW else {}
    reward.bind(trainer)
    return reward(completions=texts, prompts=prompts or texts, trainer_state=trainer.state, **told)


def logs_of(trainer: GRPOTrainer) -> dict[str, Any]:
    """What TRL notes for its table of completions."""
    return getattr(trainer, "_logs", None) or vars(trainer)["_textual_logs"]


def answer(text: str) -> str | None:
    return text or None


def bernstein(coefficients: Any, p: Any) -> Any:
    """Q_c(p) = Σ_m c_m B_{m,n}(p)."""
    n = len(coefficients) - 1
    return sum(c * comb(n, m) * p**m * (1 - p) ** (n - m) for m, c in enumerate(coefficients))


def probabilities(trainer: GRPOTrainer) -> Any:
    """ν: the policy's probability of each one-token completion of the prompt "a"."""
    return trainer.model(torch.tensor([[1]])).logits[0, -1].softmax(-1)

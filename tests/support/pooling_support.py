"""Trainers of TRL's that really generate, with prompts that come back; what they pay and log, batch by batch."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

from datasets import Dataset
from tokens import tokenizer
from trl_support import NEW, ExactTrainer, GRPOConfig, GRPOTrainer, policy

import polyest
from polyest.adapters.trl import AnswerReward


class Recording(AnswerReward):
    """Notes what each batch in training was: prompts, completions, and what TRL is told."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.batches: list[tuple[list[str], list[str], list[float | None]]] = []

    def __call__(self, completions: Any, log_metric: Any = None, **columns: Any) -> list[float | None]:
        told = super().__call__(completions, log_metric, **columns)
        if self._trainer.model.training:
            self.batches.append((columns["prompts"], [*completions], told))
        return told


def reward(**options: Any) -> Recording:
    settings = {"time_limit": None, "method": "harmonic", "visits": 3} | options
    return Recording(lambda text: text or None, "log", **settings)


def real_trainer(
    folder: Path, reward_func: Any, prompts: list[Any], trainer_class: type[GRPOTrainer] = GRPOTrainer, **options: Any
) -> GRPOTrainer:
    """Groups of four, one batch of two prompts for each step, unless `options` say otherwise."""
    settings = {
        "num_generations": 4,
        "per_device_train_batch_size": 8,
        "max_completion_length": 2,
        "learning_rate": 0.05,
        "scale_rewards": "none",
        "loss_type": "dr_grpo",
        "use_cpu": True,
        "report_to": "none",
        "bf16": False,
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_steps": 1,
    } | options
    rows = [prompt if isinstance(prompt, dict) else {"prompt": prompt} for prompt in prompts]
    trainer = trainer_class(
        model=policy(),
        reward_funcs=[reward_func],
        args=GRPOConfig(output_dir=str(folder), **settings),
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(rows),
        processing_class=tokenizer(),
    )
    if not NEW:  # what later ones do themselves
        reward_func.bind(trainer)
    return trainer


TRAINERS = {"reward": GRPOTrainer, "mixin": ExactTrainer}


def paid(batches: list[tuple[list[Any], list[str]]], visits: int, centred: bool) -> list[list[float]]:
    """What each batch is paid, −log p̂ (harmonic), from pools of plain lists; no answer is paid the table's least."""
    past: dict[str, list[list[str]]] = {}
    result = []
    for keys, completions in batches:
        now: dict[str, list[str]] = {}
        for key, text in zip(keys, completions, strict=True):
            now.setdefault(key, []).append(text)
        pools = {key: [*past.get(key, []), visit][-visits:] for key, visit in now.items()}
        past |= pools
        result.append(
            [
                one(text, [*chain.from_iterable(pools[key])], centred)
                for key, text in zip(keys, completions, strict=True)
            ]
        )
    return result


def one(text: str, pool: list[str], centred: bool) -> float:
    baseline = "leave_one_out_mean" if centred else None
    c = polyest.load("log", len(pool), "harmonic", baseline=baseline).coefficients
    return float(-c[pool.count(text) - 1] if text else min(-c))

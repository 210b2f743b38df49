"""One training run, from fresh weights to its result file."""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers
import trl
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback

from benchmarks.training.arms import Arm, arm_named
from benchmarks.training.metrics import assess
from benchmarks.training.policy import answer_probabilities, build_policy, build_tokenizer
from benchmarks.training.settings import Run
from benchmarks.training.task import LONGEST, PROMPTS
from polyest.storage.files import replacing

__all__ = ["finished", "read", "run_once", "train"]

Result = dict[str, Any]


def run_once(run: Run, folder: Path) -> None:
    """Train and write the result, unless it is there."""
    if finished(run, folder):
        return
    result = train(run)
    with replacing(run.path(folder)) as partial:
        partial.write_text(json.dumps(result, indent=1) + "\n", encoding="ascii")


def finished(run: Run, folder: Path) -> bool:
    """Whether the folder has this run's result, with these settings."""
    path = run.path(folder)
    return path.exists() and read(path)["run"] == run.description()


def read(path: Path) -> Result:
    """A result file."""
    result: Result = json.loads(path.read_text(encoding="ascii"))
    return result


def train(run: Run, arm: Arm | None = None) -> Result:
    """Train from fresh weights, as the arm of the run's name unless another is given.

    Returns:
        ``run``, ``versions``, ``seconds_per_step`` without the evaluations, and ``evaluations``: for every metric, and
        for ``step``, one number per evaluation.
    """
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    tokenizer, policy = build_tokenizer(), build_policy(run.seed, run.settings.width, run.settings.layers)
    prompts = tokenizer(list(PROMPTS), return_tensors="pt").input_ids
    recorder = Recorder(run.settings.evaluate_every, prompts)
    arm = arm or arm_named(run.arm)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as scratch:
        warnings.simplefilter("ignore", FutureWarning)  # TRL asks for activation checkpointing under its old name
        trainer = arm.trainer(
            model=policy,
            reward_funcs=arm.rewards(policy, tokenizer),
            args=trainer_settings(run, arm.scale_rewards, scratch),
            train_dataset=Dataset.from_dict({"prompt": list(PROMPTS) * run.settings.steps}),
            processing_class=tokenizer,
            callbacks=[recorder],
        )
        trainer.remove_callback(PrinterCallback)
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start - recorder.seconds
    return {
        "run": run.description(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "trl": trl.__version__},
        "seconds_per_step": round(seconds / run.settings.steps, 5),
        "evaluations": recorder.evaluations,
    }


def trainer_settings(run: Run, scale_rewards: str, scratch: str) -> trl.GRPOConfig:
    """One update per batch; every prompt with K completions in every batch, in a fixed order."""
    return trl.GRPOConfig(
        output_dir=scratch,
        seed=run.seed,
        max_steps=run.settings.steps,
        learning_rate=run.settings.learning_rate,
        per_device_train_batch_size=run.group_size * len(PROMPTS),
        num_generations=run.group_size,
        max_completion_length=LONGEST,
        shuffle_dataset=False,
        beta=0.0,
        loss_type="dr_grpo",  # divides by a constant, not by a completion's length
        scale_rewards=scale_rewards,
        max_grad_norm=0.0,  # no clipping, which is not linear
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=True,
        dataloader_pin_memory=False,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


class Recorder(TrainerCallback):
    """Assesses the policy exactly, before the first step and then every so often."""

    def __init__(self, every: int, prompts: torch.Tensor) -> None:
        self.every, self.prompts = every, prompts
        self.seconds = 0.0
        self.evaluations: dict[str, list[float]] = {}

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **kept: Any) -> None:
        self.record(state.global_step, kept["model"])

    def on_step_end(self, _args: Any, state: Any, _control: Any, **kept: Any) -> None:
        if state.global_step % self.every == 0 or state.global_step == state.max_steps:
            self.record(state.global_step, kept["model"])

    def record(self, step: int, policy: Any) -> None:
        start = time.perf_counter()
        line = {"step": step} | assess(answer_probabilities(policy, self.prompts))
        for name, value in line.items():
            self.evaluations.setdefault(name, []).append(round(value, 6))
        self.seconds += time.perf_counter() - start

"""A job of ranks.py: trains on prompts that come back; what it was told and what it remembers."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import torch
from pooling_support import TRAINERS, Recording, real_trainer, reward
from tokens import TOKENS
from trl_support import NEW, GRPOTrainer, called

from polyest.errors import ArgumentError
from polyest.history.snapshot import packed
from polyest.history.store import Past

# Three groups of four at a step, two steps an epoch; one prompt is there twice, and one is left over at an epoch's end,
# which the oldest TRL counts as a step of its own, so that it ends before the last.
PROMPTS = ["a", "b", "c", "ab", "a", "ba", *(["cc"] if NEW else [])]
COMPLETIONS = ["", "a", "b", "aa", "ab"]
WHOLE = ["product"]  # with three processes from the first step on; they go on with all kinds
UNTIL = {2: 2, 1: 4, 3: 6}  # a training that is resumed with one process, and then with three

# Without GPUs accelerate calls the device of several processes "cpu:0", to which transformers has the optimizer loaded.
# torch knows "cpu" alone: torch.load(file, map_location=torch.device("cpu", 0)) fails.
torch.serialization.register_package(
    12, lambda storage: None, lambda storage, place: storage if place == "cpu:0" else None
)


def pays(completions: list[str], **_: Any) -> list[float]:
    return [len(text) / 3 for text in completions]


def kinds() -> dict[str, tuple[type[GRPOTrainer], Recording]]:
    """A trainer's class and a reward function for each."""
    product = {"combine": "multiply", "reward": pays, "visits": 4}
    return {kind: (trainer, reward(forgetting=0.7)) for kind, trainer in TRAINERS.items()} | {
        "product": (TRAINERS["mixin"], reward(**product)),
    }


def sampled(kind: str) -> dict[str, Any]:
    """With completions that the processes really draw, each its own."""
    func, folder = reward(), Path(tempfile.mkdtemp())
    trainer = real_trainer(folder, func, PROMPTS, TRAINERS[kind], per_device_train_batch_size=6, max_steps=4)
    trainer.train()
    logs = [{k: v for k, v in line.items() if k.startswith("answer_reward/")} for line in trainer.state.log_history]
    return {"batches": func.batches, "history": packed(func._history.state_dict()), "logs": logs}


class Prescribed:
    """A rollout function whose completions depend on the step and on the place in the batch of all processes."""

    def __call__(self, prompts: list[Any], trainer: GRPOTrainer) -> dict[str, Any]:
        step, first = trainer.state.global_step, trainer.accelerator.process_index * len(prompts)
        texts = [Random(f"{step} {first + place}").choice(COMPLETIONS) for place in range(len(prompts))]
        ids = [[TOKENS[letter] for letter in text] or [0] for text in texts]
        return {"prompt_ids": [[1]] * len(prompts), "completion_ids": ids, "logprobs": None}


def trained(folder: Path, kind: str, steps: int, checkpoint: Path | None = None) -> dict[str, Any]:
    """With prescribed completions, from the beginning or a checkpoint on; the last step is saved in `folder`.

    Weights are float64, and an error of a gradient moves them by 0.05/0.001 = 50 times as much at most: Adam divides by
    the gradient's size, and where that is 0 its rounding would count else.
    """
    trainer_class, func = kinds()[kind]
    advantages: list[list[float]] = []

    class Noting(trainer_class):  # type: ignore[misc, valid-type]
        def _generate_and_score_completions(self, inputs: Any) -> Any:
            output = super()._generate_and_score_completions(inputs)
            advantages.append(output["advantages"].tolist())
            return output

    size = 12 // int(os.environ.get("WORLD_SIZE", "1"))
    options = {"per_device_train_batch_size": size, "max_steps": steps, "save_strategy": "steps", "save_steps": steps}
    options |= {"shuffle_dataset": False, "lr_scheduler_type": "constant", "adam_epsilon": 1e-3}
    trainer = real_trainer(folder, func, PROMPTS, Noting, **options)
    trainer.model.double()
    trainer.rollout_func = Prescribed()
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    told = [batch[2] for batch in func.batches]
    weights = torch.cat([parameter.detach().ravel() for parameter in trainer.model.parameters()]).tolist()
    history = packed(func._history.state_dict())
    return {"told": told, "advantages": advantages, "history": history, "weights": weights}


def resumed(folder: Path, kind: str, world: int) -> dict[str, Any]:
    """Its part of the training that goes on with other numbers of processes."""
    before = [UNTIL[other] for other in UNTIL if UNTIL[other] < UNTIL[world]]
    checkpoint = folder / kind / f"checkpoint-{before[-1]}" if before else None
    return trained(folder / kind, kind, UNTIL[world], checkpoint)


def uneven(sizes: list[int], rank: int) -> list[list[float | None]]:
    """What is paid twelve completions that lie on the processes like this, twice."""
    func, own = reward(), slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))
    trainer = real_trainer(Path(tempfile.mkdtemp()), func, PROMPTS)
    batches = [Random(seed).choices(COMPLETIONS, k=12) for seed in range(2)]
    prompts = [letter for letter in "abc" for _ in range(4)]
    return [called(func, trainer, texts[own], prompts[own]) for texts in batches]


def failure(rank: int) -> str:
    """What each process is told when the one that remembers cannot: it has weights, and is given none."""
    func = reward()
    trainer = real_trainer(Path(tempfile.mkdtemp()), func, PROMPTS)
    if rank == 0:
        func._history._store.prompts = {0: Past(bytes(8), bytes(8), bytes(16), 1)}
    try:
        called(func, trainer, ["a"] * 4)
    except ArgumentError as error:
        return str(error)
    return "no error"


def run(folder: Path, rank: int, world: int) -> dict[str, Any]:
    outcome: dict[str, Any] = {"sampled": {kind: sampled(kind) for kind in TRAINERS}} if world == 2 else {}
    if NEW:
        whole = kinds() if world < 3 else WHOLE
        outcome["whole"] = {kind: trained(folder / f"whole-{world}-{kind}", kind, 6) for kind in whole}
        outcome["resumed"] = {kind: resumed(folder, kind, world) for kind in kinds()}
    if NEW and world == 2:
        stopped = {kind: folder / kind / f"checkpoint-{UNTIL[2]}" for kind in kinds()}
        outcome["again"] = {kind: trained(folder / f"again-{kind}", kind, 6, at) for kind, at in stopped.items()}
    sizes = {1: [12], 2: [5, 7], 3: [9, 0, 3]}[world]
    return outcome | {"uneven": uneven(sizes, rank), "failure": failure(rank)}

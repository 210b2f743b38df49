"""One process of torchrun: writes what TRL makes of prescribed completions as JSON.

torchrun --nproc_per_node 2 tests/support/trl_worker.py OUT
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from torch import distributed
from trl_support import ExactTrainer, GRPOTrainer, make_trainer, scored

from polyest.adapters.trl import AnswerReward
from polyest.errors import ArgumentError

# Groups of four, a dot for no answer. Half of a batch is one process's: that spreads the only group of a batch of four
# and the middle one of a batch of twelve. The processes meet the answers in different orders.
BATCHES = ["abbc", "aaba", "bcab", "ccca", "abc.", "....", "a.bb", "aabbcabccbaa", "cab.bbaa.c.c"]
WORDS = {"a": "one half", "b": "0.5", "c": "½"}
CLASSES = {"mixin": ExactTrainer, "reward": GRPOTrainer}


def answer(text: str) -> str | None:
    return WORDS.get(text)


def fails_on_c(text: str) -> str:
    if text == "c":
        raise KeyError(text)
    return text


def run(rank: int, world: int) -> dict[str, Any]:
    """For both kinds of trainer this process's advantages, and all logged rewards and metrics, batch by batch."""
    result: dict[str, Any] = {}
    for kind, trainer_class in CLASSES.items():
        rewards = [AnswerReward(answer, time_limit=None)]
        size = 12 // world
        trainer = make_trainer(Path(tempfile.mkdtemp()), rewards, trainer_class, per_device_train_batch_size=size)
        result[kind] = [batch(trainer, texts, rank, world) for texts in BATCHES]
    result["failure"] = failure(trainer, rank, world)
    return result


def batch(trainer: GRPOTrainer, texts: str, rank: int, world: int) -> dict[str, Any]:
    trainer._logs["rewards"].clear()
    trainer._metrics["train"].clear()
    own = len(texts) // world
    output = scored(trainer, [text.strip(".") for text in texts[rank * own : (rank + 1) * own]])
    return {
        "advantages": output["advantages"].tolist(),
        "rewards": [*trainer._logs["rewards"]["answer_reward"]],
        "metrics": {name: value[0] for name, value in trainer._metrics["train"].items() if "answer_reward/" in name},
    }


def failure(trainer: GRPOTrainer, rank: int, world: int) -> str:
    """What each process is told when the extractor fails in the last one only."""
    reward = AnswerReward(fails_on_c, time_limit=None)
    try:
        reward(completions=["c" if rank == world - 1 else "a"] * 2, log_metric=trainer._log_metric)
    except ArgumentError as error:
        return str(error)
    return "no error"


if __name__ == "__main__":
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    outcome = run(rank, world)
    Path(f"{sys.argv[1]}.{rank}").write_text(json.dumps(outcome))
    distributed.destroy_process_group()  # else torch aborts at exit

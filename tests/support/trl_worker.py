"""A job of ranks.py: what TRL makes of prescribed completions."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from trl_support import ExactTrainer, GRPOTrainer, called, logs_of, make_trainer, scored

from polyest.adapters.trl import AnswerReward, GradedReward
from polyest.adapters.trl.group_reward import GroupReward
from polyest.errors import PolyestError
from polyest.graded import best_of

# Groups of four, a dot for no answer. Half of a batch is one process's: that spreads the only group of a batch of four
# and the middle one of a batch of twelve. The processes meet the answers in different orders.
BATCHES = ["abbc", "aaba", "bcab", "ccca", "abc.", "....", "a.bb", "aabbcabccbaa", "cab.bbaa.c.c"]
WORDS = {"a": "one half", "b": "0.5", "c": "½"}
PAYS = {"": 0.0, "a": 1.0, "b": 0.5, "c": 0.0}
NAME = "answer_reward"


def answer(text: str) -> str | None:
    return WORDS.get(text)


def pays(completions: list[str], **columns: Any) -> list[float]:
    return [PAYS[text] for text in completions]


def kinds() -> dict[str, tuple[type[GRPOTrainer], GroupReward]]:
    """A trainer's class and a reward function for each."""
    plain, product = {"time_limit": None}, {"time_limit": None, "combine": "multiply", "reward": pays}
    return {
        "reward": (GRPOTrainer, AnswerReward(answer, **plain)),
        "mixin": (ExactTrainer, AnswerReward(answer, **plain)),
        "product": (GRPOTrainer, AnswerReward(answer, **product)),
        "product, mixin": (ExactTrainer, AnswerReward(answer, **product)),
        "graded": (GRPOTrainer, GradedReward(best_of(2), pays, name=NAME)),
        "graded, mixin": (ExactTrainer, GradedReward(best_of(4), pays, name=NAME)),
    }


def fails_on_c(text: str) -> str:
    if text == "c":
        raise KeyError(text)
    return text


def fails_with_c(completions: list[str], **columns: Any) -> list[float]:
    return [float(fails_on_c(text) == "a") for text in completions]


def run(_: Path, rank: int, world: int) -> dict[str, Any]:
    """For each kind this process's advantages, and all logged rewards and metrics, batch by batch."""
    result: dict[str, Any] = {}
    for kind, (trainer_class, reward) in kinds().items():
        size = 12 // world
        trainer = make_trainer(Path(tempfile.mkdtemp()), [reward], trainer_class, per_device_train_batch_size=size)
        result[kind] = [batch(trainer, texts, rank, world) for texts in BATCHES]
    plain = make_trainer(Path(tempfile.mkdtemp()), [pays], per_device_train_batch_size=12 // world)
    failing = {
        "extract": AnswerReward(fails_on_c, time_limit=None),
        "reward": GradedReward(best_of(2), fails_with_c),
    }
    result["failure"] = {name: failure(reward, plain, rank, world) for name, reward in failing.items()}
    return result


def batch(trainer: GRPOTrainer, texts: str, rank: int, world: int) -> dict[str, Any]:
    logs_of(trainer)["rewards"].clear()
    trainer._metrics["train"].clear()
    own = len(texts) // world
    output = scored(trainer, [text.strip(".") for text in texts[rank * own : (rank + 1) * own]])
    return {
        "advantages": output["advantages"].tolist(),
        "rewards": [*logs_of(trainer)["rewards"][NAME]],
        "metrics": {name: value[0] for name, value in trainer._metrics["train"].items() if "answer_reward/" in name},
    }


def failure(reward: GroupReward, trainer: GRPOTrainer, rank: int, world: int) -> str:
    """What each process is told when a function of the user's fails in the last one only."""
    try:
        called(reward, trainer, ["c" if rank == world - 1 else "a"] * 2)
    except (PolyestError, KeyError) as error:
        return str(error)
    return "no error"

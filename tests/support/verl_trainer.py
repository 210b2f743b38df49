"""verl's own trainer with `ReturningPrompts`, on its own transfer queue: all is verl's but what takes a GPU.

python tests/support/verl_trainer.py OUT     writes what was drawn and what it was paid, training stopped or not
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import sys
import tempfile
import warnings
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas
import ray
import transfer_queue
from hydra import compose, initialize_config_module
from tokens import tokenizer
from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput
from verl.trainer.ppo.padding_utils import upsample_batch_to_divisible_size
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopWorkerTQ
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from polyest.adapters.code import encode
from polyest.adapters.verl import ReturningPrompts
from polyest.adapters.verl.returning import FILE, history_of

STEPS, SAVED = 5, 3
OVERRIDES = [
    "algorithm.adv_estimator=polyest",
    *[f"+algorithm.polyest.{entry}" for entry in ("method=harmonic", "visits=3", "forgetting=0.7")],
    "actor_rollout_ref.rollout.n=3",
    "data.train_batch_size=2",
    "data.shuffle=False",
    "data.dataloader_num_workers=0",
    "data.filter_overlong_prompts=False",
    "trainer.val_before_train=False",
    f"trainer.total_epochs={STEPS}",
    f"trainer.save_freq={SAVED}",
    "trainer.test_freq=-1",
    "trainer.logger=[]",
]


class Writer(AgentLoopWorkerTQ.__ray_metadata__.modified_class):  # type: ignore[misc]
    """Puts groups into the queue as verl's worker does; answers are drawn here, by step, prompt and session."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.processor = self.reward_loop_worker_handles = None
        self.distillation_enabled = False

    def generate_sequences(self, batch: Any) -> None:
        step = int(batch["global_steps"])
        columns = {name: list(batch[name]) for name in ("uid", "raw_prompt")}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

        async def run() -> None:
            for row in rows:
                await self._run_prompt(row | {"global_steps": step}, {}, {"validate": False})

        asyncio.run(run())

    async def _run_agent_loop(self, sampling_params: Any, trajectory: Any, trace: bool, **kwargs: Any) -> None:
        step, said = kwargs["global_steps"], kwargs["raw_prompt"][0]["content"]
        rng = random.Random(f"{step} {said} {kwargs['session_id']}")
        reward, answer = rng.choice([0.0, 1.0]), rng.choice("abc")
        output = AgentLoopOutput(
            prompt_ids=[1],
            response_ids=[2] * rng.randrange(1, 4),
            response_mask=[1],
            reward_score=encode(reward, answer),
            metrics=AgentLoopMetrics(),
            num_turns=1,
            extra_fields={"min_global_steps": step, "max_global_steps": step, "drawn": [said, answer, reward]},
        )
        output.response_mask = [1] * len(output.response_ids)
        await self._agent_loop_postprocess(output, trajectory["validate"], **kwargs)


class Weights:
    """The workers, as far as checkpoints know them."""

    def save_checkpoint(self, local: str, *_: object, **__: object) -> None:
        Path(local).mkdir(parents=True)

    def load_checkpoint(self, local_path: str, **_: object) -> None:
        assert Path(local_path).is_dir()


class Trainer(ReturningPrompts, PPOTrainerSync):
    """As the adapter's documentation writes it; workers do nothing."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        nothing = lambda *_: None  # noqa: E731
        self.tokenizer, self.processor = tokenizer(), None
        self.actor_rollout_wg, self.steps = Weights(), []
        self.checkpoint_manager = SimpleNamespace(update_weights=nothing, sleep_replicas=nothing)
        self.reward_loop_manager = SimpleNamespace(reward_loop_worker_handles=[])
        self.resource_pool_manager = SimpleNamespace(get_n_gpus=lambda: 1)
        self.replay_buffer.poll_interval = 0.01
        self._init_dataloader()
        self._init_dump_executor()
        self._load_checkpoint()

    def _balance_batch(self, batch: Any, metrics: dict[str, Any]) -> Any:
        """Sessions in their order, whichever was done first, and what verl fills a batch up with."""
        uids = [*dict.fromkeys(key.split("_")[0] for key in batch.keys)]
        places = [(uids.index(key.split("_")[0]), key) for key in batch.keys]
        batch.reorder(sorted(range(len(places)), key=places.__getitem__))
        return upsample_batch_to_divisible_size(batch, 4, 0)

    def _compute_old_log_prob(self, batch: Any, metrics: dict[str, Any]) -> Any:
        return batch

    def _update_actor(self, batch: Any, metrics: dict[str, Any]) -> Any:
        names = ["extra_fields", "advantages", "response_mask"]
        data = transfer_queue.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=names)
        drawn = [fields["drawn"] for fields in data["extra_fields"]]
        paid = [advantages.tolist() for advantages in data["advantages"].unbind()]
        real = [bool(mask.any()) for mask in data["response_mask"].unbind()]
        told = {name: value for name, value in metrics.items() if name.startswith("polyest/")}
        self.steps.append({"drawn": drawn, "paid": paid, "real": real, "metrics": told})
        return batch


@cache
def composed() -> Any:
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", OVERRIDES)


def trainer_in(folder: Path, steps: int) -> Trainer:
    """With the latest checkpoint there is, in a process that has no history."""
    history_of.cache_clear()
    file = folder / "prompts.parquet"
    prompts = [[{"role": "user", "content": name}] for name in ("p", "q", "r", "s")]
    pandas.DataFrame({"prompt": prompts, "data_source": "none"}).to_parquet(file)
    config = deepcopy(composed())
    config.data.train_files = config.data.val_files = str(file)
    config.trainer.default_local_dir, config.trainer.total_training_steps = str(folder), steps
    return Trainer(config)


def trained(folder: Path, steps: int) -> list[dict[str, Any]]:
    trainer = trainer_in(folder, steps)
    trainer.fit(Writer(trainer.config))
    return trainer.steps


def warned(folder: Path) -> list[str]:
    """What is said of a checkpoint without history."""
    (folder / f"global_step_{STEPS}" / FILE).unlink()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer_in(folder, STEPS)
    return [str(warning.message) for warning in caught]


if __name__ == "__main__":
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    transfer_queue.init({"backend": {"SimpleStorage": {"num_data_storage_units": 1}}})
    whole, part = (Path(tempfile.mkdtemp()) for _ in range(2))
    outcome = {"whole": trained(whole, STEPS), "part": trained(part, SAVED), "rest": trained(part, STEPS)}
    Path(sys.argv[1]).write_text(json.dumps(outcome | {"warned": warned(whole)}))
    transfer_queue.close()
    ray.shutdown()
    os._exit(0)  # the interpreter's own end takes seconds

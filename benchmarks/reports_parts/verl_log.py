"""A log of verl's: its functions estimate advantages, give the loss and dump; the model is that of examples/tiny.py.

verl's trainer wants GPUs and a server that samples. Here torch samples a token, and the dump is made by the trainer's
own method, called on a trainer that was not started.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.reports_parts.places import EXAMPLES

if TYPE_CHECKING:
    from verl import DataProto

__all__ = ["write"]

PROMPTS, GROUP, STEPS, RIGHT = "abcdefghijkl", 16, 60, "abcdef"
OPTIONS = ("+algorithm.polyest.target=log", "+algorithm.polyest.sign=-1", "+algorithm.polyest.weight=0.05")


def write(folder: Path) -> list[Path]:
    """A folder of ``{step}.jsonl``, as ``trainer.rollout_data_dir`` names it."""
    sys.path.insert(0, str(EXAMPLES))
    from verl.trainer.ppo.ray_trainer import RayPPOTrainer

    trainer = RayPPOTrainer.__new__(RayPPOTrainer)
    trainer._init_dump_executor()
    for step, (batch, extra) in enumerate(_batches(trainer), start=1):
        trainer.global_steps = step
        trainer._log_rollout_data(batch, extra, {}, str(folder / "rollouts"))
    trainer._shutdown_dump_executor()
    return [folder / "rollouts"]


def _batches(trainer: Any) -> Iterator[tuple[DataProto, dict[str, list[object]]]]:
    """What is sampled at each step, and what the reward function says of it; the model is trained in between."""
    import numpy as np
    import tiny
    import torch
    from verl import DataProto

    torch.manual_seed(0)
    model, trainer.tokenizer, learn = tiny.model(), tiny.tokenizer(), _loss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    index = np.repeat([f"{letter}?" for letter in PROMPTS], GROUP).astype(object)
    prompts = torch.tensor([trainer.tokenizer(text).input_ids for text in index])
    truth = np.array([{"ground_truth": RIGHT}] * len(index), dtype=object)
    for _ in range(STEPS):
        law = torch.distributions.Categorical(logits=model(prompts).logits[:, -1])
        tokens = law.sample()
        found = [_judge(text) for text in trainer.tokenizer.batch_decode(tokens[:, None], skip_special_tokens=True)]
        scores = torch.tensor([one.pop("score") for one in found])[:, None]
        tensors = {"prompts": prompts, "responses": tokens[:, None], "token_level_scores": scores}
        extra = {name: [one[name] for one in found] for name in found[0]}
        yield DataProto.from_dict(tensors, non_tensors={"reward_model": truth, "uid": index}), extra
        optimizer.zero_grad()
        learn(scores, index, law.log_prob(tokens)[:, None]).backward()
        optimizer.step()


def _judge(text: str) -> dict[str, Any]:
    """As verl's configuration names it: a right letter is worth 1, and the letter is the answer."""
    from polyest.adapters.verl import reward_function

    def correct(solution_str: str, ground_truth: str, **_: object) -> float:
        return float(solution_str != "" and solution_str in ground_truth)

    return dict(reward_function(lambda text: text.strip() or None, correct, time_limit=None)("letters", text, RIGHT))


def _loss() -> Any:
    """verl's loss of verl's advantages, which are polyest's, of correctness and diversity."""
    import torch
    from hydra import compose, initialize_config_module
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
    from verl.workers.config import ActorConfig

    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", ["algorithm.adv_estimator=polyest", *OPTIONS]).algorithm
    actor = ActorConfig(strategy="fsdp", rollout_n=GROUP, ppo_micro_batch_size_per_gpu=1, use_dynamic_bsz=True)
    estimate, policy_loss = get_adv_estimator_fn(config.adv_estimator), get_policy_loss_fn("vanilla")

    def loss(scores: torch.Tensor, index: Any, log_probs: torch.Tensor) -> torch.Tensor:
        mask = torch.ones_like(scores)
        advantages, _ = estimate(token_level_rewards=scores, response_mask=mask, index=index, config=config)
        return policy_loss(log_probs.detach(), log_probs, advantages, mask, "seq-mean-token-sum", actor)[0]

    return loss

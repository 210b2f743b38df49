"""What the tests of the verl adapter share; importing it skips them where verl is not installed."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
import pytest

from polyest.adapters.code import encode

torch = pytest.importorskip("torch")
verl = pytest.importorskip("verl")
adapter = importlib.import_module("polyest.adapters.verl")
omegaconf = importlib.import_module("omegaconf")

OPTIONS = {"target": "log", "method": "harmonic", "sign": -1, "weight": 0.5}
ALGORITHM: Any = omegaconf.OmegaConf.create({"polyest": OPTIONS})


def loaded(module: str) -> Any:
    """A module of verl's; what it and ray warn of while they are imported is not our business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"verl.{module}")


def config(**options: Any) -> Any:
    """verl's algorithm section with what the command line adds."""
    from hydra import compose, initialize_config_module

    with initialize_config_module("verl.trainer.config", version_base=None):
        overrides = [f"+algorithm.polyest.{name}={value}" for name, value in (OPTIONS | options).items()]
        return compose("ppo_trainer", [*overrides, "algorithm.adv_estimator=polyest"]).algorithm


def token_rewards(scores: list[float], mask: Any) -> Any:
    """As verl assembles them: the score at the last token of each response, in float32."""
    rewards = torch.zeros(mask.shape, dtype=torch.float32)
    rewards[torch.arange(len(scores)), mask.sum(dim=1) - 1] = torch.tensor(scores, dtype=torch.float32)
    return rewards


def advantages(answers: list[Any], groups: list[str], rewards: list[float], algorithm: Any = ALGORITHM) -> Any:
    """The advantage of each completion of one token."""
    mask = torch.ones(len(answers), 1, dtype=torch.int64)
    scores = token_rewards([encode(r, a) for r, a in zip(rewards, answers, strict=True)], mask)
    index = np.array(groups, dtype=object)
    return adapter.advantages(scores, mask, index=index, config=algorithm)[0][:, 0]

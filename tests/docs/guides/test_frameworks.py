"""Recipes for frameworks that are not installed here: stubs with their signatures, and the expected update.

The stubs are ours, written after the public code of November 2026; that the frameworks still have these signatures is
not tested.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from expected_update import ANSWERS, REWARDS, TEXTS, answers_pay, every_group, gradient, update
from places import ROOT
from scripts import module_of

from polyest.adapters.code import encode

pytestmark = pytest.mark.slow
K = 3
GROUPS = every_group(K)
DRAWN = [i for group in GROUPS for i in group]
FOLDER = ROOT / "examples" / "recipes"


def recipe(name: str) -> ModuleType:
    return module_of(FOLDER / f"{name}.py")


def expected(centred: bool, rewards: list[float] = REWARDS) -> Any:
    """Of weight 0.1, diversity; with the trainer's centring 1 − 1/K times the gradient."""
    paid = answers_pay("log", K, -0.1, centred)
    return (1 - 1 / K if centred else 1) * gradient([a + R for a, R in zip(paid, rewards, strict=True)])


@dataclass
class Sample:
    """slime's, as far as rewards see it."""

    response: str
    group_index: int
    reward: float
    label: str = "x"

    def get_reward_value(self, args: Any) -> float:
        return self.reward


def samples() -> list[Sample]:
    return [Sample(TEXTS[i], n // K, REWARDS[i]) for n, i in enumerate(DRAWN)]


def test_slime_post_processes_rewards() -> None:
    raw, advantages = recipe("slime_rewards").post_process(SimpleNamespace(), samples())
    assert raw == [REWARDS[i] for i in DRAWN]
    assert update(advantages, K) == pytest.approx(expected(centred=False), abs=1e-12)


def test_slime_rewards_groups() -> None:
    module, found = recipe("slime_rewards"), []
    every = samples()
    for start in range(0, len(every), K):
        rewards = np.array(asyncio.run(module.group_reward(SimpleNamespace(), every[start : start + K])))
        found += (rewards - rewards.mean()).tolist()  # slime's, with --disable-grpo-std-normalization
    assert update(found, K) == pytest.approx(expected(centred=True, rewards=[1.0, 0.0, 1.0, 0.0]), abs=1e-12)


def test_openrlhf() -> None:
    torch = pytest.importorskip("torch")
    module = recipe("openrlhf_rewards")

    class Maker:
        """Subtracts the group mean, as dr_grpo does, of rewards in the order of `index`."""

        def compute_advantages_and_returns(self, experiences: list[Any], **kwargs: Any) -> list[float]:
            index = np.concatenate([experience.index for experience in experiences])
            rewards = np.empty(len(index))
            rewards[index] = torch.cat([experience.rewards for experience in experiences]).numpy()
            groups = rewards.reshape(-1, K)
            return (groups - groups.mean(axis=1, keepdims=True)).ravel().tolist()

    def experiences() -> Iterator[Any]:
        order = np.random.default_rng(0).permutation(len(DRAWN))
        for part in np.array_split(order, 5):
            texts = [TEXTS[DRAWN[n]] for n in part]
            rewards = [module.reward_func([f"?{text}"], ["?"], ["x"])["rewards"] for text in texts]
            yield SimpleNamespace(index=part.tolist(), rewards=torch.cat(rewards))

    module.install(Maker, K)
    found = Maker().compute_advantages_and_returns([*experiences()], gamma=1.0)
    assert update(found, K) == pytest.approx(expected(centred=True, rewards=[1.0, 0.0, 1.0, 0.0]), abs=1e-6)


def codes() -> list[float]:
    return [encode(REWARDS[i], ANSWERS[i]) for i in DRAWN]


def test_nemo_rl() -> None:
    torch = pytest.importorskip("torch")
    estimator = recipe("nemo_rl_advantages").AnswerAdvantageEstimator(None, None)
    rows = len(DRAWN)
    rewards = torch.tensor([*codes(), 0.0])  # the last row is a placeholder
    prompts, valid = torch.arange(rows + 1) // K, torch.tensor([1.0] * rows + [0.0])
    A = estimator.compute_advantage(prompts[:, None].expand(-1, 4), rewards, torch.ones(rows + 1, 5), valid_mask=valid)
    assert A.shape == (rows + 1, 5)
    assert A[-1].tolist() == [0] * 5
    assert update(A[:-1, 0], K) == pytest.approx(expected(centred=False), abs=1e-6)


@dataclass
class AdvantageInputs:
    """prime-rl's."""

    rollouts: list[dict[str, Any]]
    completion_lengths: list[int]

    def broadcast(self, values: list[float]) -> list[list[float]]:
        return [[float(v)] * n for v, n in zip(values, self.completion_lengths, strict=True)]


def test_prime_rl() -> None:
    advantage, found = recipe("prime_rl_advantage").advantage, []
    for group in GROUPS:
        messages = [[{"role": "assistant", "content": TEXTS[i]}] for i in group]
        rollouts = [{"reward": REWARDS[i], "completion": m} for i, m in zip(group, messages, strict=True)]
        found += [tokens[0] for tokens in advantage(AdvantageInputs(rollouts, [2] * K), weight=0.1)]
    assert update(found, K) == pytest.approx(expected(centred=False), abs=1e-12)


def test_rllm() -> None:
    advantages, every = recipe("rllm_advantage").advantages, np.reshape(codes(), (-1, K))
    found = [advantages(rewards) for rewards in every]
    assert update(np.concatenate(found), K) == pytest.approx(expected(centred=False), abs=1e-12)

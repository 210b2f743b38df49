"""The gradient that TRL's own loss has on average, by enumeration of every group, is that of the surrogate."""

from __future__ import annotations

from itertools import product
from math import comb
from pathlib import Path
from typing import Any

import pytest

import polyest

pytest.importorskip("trl")

import torch
from trl_support import ExactTrainer, GRPOTrainer, make_trainer, scored

from polyest.adapters.trl import AnswerReward

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers")

COMPLETIONS = ["", "a", "b", "c"]  # in the order of their tokens; the first is no answer


def answer(text: str) -> str | None:
    return text or None


def correct(completions: list[str], **columns: Any) -> list[float]:
    return [float(text == "b") for text in completions]


def bernstein(coefficients: Any, p: Any) -> Any:
    """Q_c(p) = Σ_m c_m B_{m,n}(p)."""
    n = len(coefficients) - 1
    return sum(c * comb(n, m) * p**m * (1 - p) ** (n - m) for m, c in enumerate(coefficients))


def expected_update(trainer: GRPOTrainer, K: int) -> list[Any]:
    """The gradient of Σ P(group) · loss(group), the loss being `compute_loss` with loss_type="dr_grpo"."""
    groups = [*product(range(4), repeat=K)]
    batch = scored(trainer, [COMPLETIONS[token] for group in groups for token in group])
    log_nu = probabilities(trainer).log().tolist()
    trainer.model.zero_grad()
    for i, group in enumerate(groups):
        rows = {key: value[i * K : (i + 1) * K] for key, value in batch.items() if value.ndim}
        rows["num_items_in_batch"] = batch["num_items_in_batch"]
        loss = trainer.compute_loss(trainer.model, rows)
        (torch.tensor(sum(log_nu[token] for token in group)).exp() * loss).backward()
    return [parameter.grad.clone() for parameter in trainer.model.parameters()]


def probabilities(trainer: GRPOTrainer) -> Any:
    """ν: the policy's probability of each one-token completion of the prompt "a"."""
    return trainer.model(torch.tensor([[1]])).logits[0, -1].softmax(-1)


@pytest.mark.parametrize(
    ("trainer_class", "target", "K", "sign"),
    [
        (GRPOTrainer, "log", 3, -1),
        (GRPOTrainer, "log", 3, 1),
        (GRPOTrainer, "power(2)", 4, 1),
        (ExactTrainer, "log", 3, -1),
        (ExactTrainer, "power(2)", 3, 1),
    ],
)
def test_the_expected_update(tmp_path: Path, trainer_class: type[GRPOTrainer], target: str, K: int, sign: int) -> None:
    weight = 0.7
    reward = AnswerReward(answer, target, sign=sign, weight=weight, time_limit=None)
    trainer = make_trainer(tmp_path, [correct, reward], trainer_class, num_generations=K, per_device_train_batch_size=K)
    trainer.model.double()
    est = polyest.load(target, K)
    exact = trainer_class is ExactTrainer
    table = est.coefficients if exact else est.leave_one_out_coefficients
    at_one = {"log": 0.0, "power(2)": 1.0}[target]
    least = min(sign * c for c in [*table, *([] if exact else [at_one])])

    nu = probabilities(trainer)
    pay = weight * sign * bernstein(table, nu.detach())
    pay[0] = weight * least
    pay[2] += 1  # `correct`
    objective = (1 - 1 / K) * (pay * nu).sum()
    expected = torch.autograd.grad(-objective, [*trainer.model.parameters()])

    for found, true in zip(expected_update(trainer, K), expected, strict=True):
        assert found.numpy() == pytest.approx(true.numpy(), abs=2e-7)
    assert max(float(true.abs().max()) for true in expected) > 1e-2


def test_enumeration_can_fail(tmp_path: Path) -> None:
    """Plug-in rewards in a trainer that only centres: the update misses the gradient of Φ_Q."""

    def plug_in(completions: list[str], **columns: Any) -> list[float]:
        groups = [completions[i : i + 3] for i in range(0, len(completions), 3)]
        return (-polyest.load("log", 3, "plug_in").rewards(groups)).ravel().tolist()

    trainer = make_trainer(tmp_path, [plug_in], num_generations=3, per_device_train_batch_size=3)
    trainer.model.double()
    nu = probabilities(trainer)
    pay = -bernstein(polyest.load("log", 3, "plug_in").coefficients, nu.detach())
    expected = torch.autograd.grad(-(2 / 3) * (pay * nu).sum(), [*trainer.model.parameters()])
    pairs = zip(expected_update(trainer, 3), expected, strict=True)
    assert max(float((found - true).abs().max()) for found, true in pairs) > 1e-3

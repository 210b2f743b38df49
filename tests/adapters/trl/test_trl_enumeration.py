"""The gradient that TRL's own loss has on average, by enumeration of every group, is that of the surrogate."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import polyest
from polyest import graded, success

pytest.importorskip("trl")

import torch
from trl_support import COMPLETIONS, ExactTrainer, GRPOTrainer, answer, bernstein, make_trainer, probabilities, scored

from polyest.adapters.trl import AnswerReward, GradedReward

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers")


def correct(completions: list[str], **columns: Any) -> list[float]:
    return [float(text == "b") for text in completions]


def paying(*numbers: float) -> Callable[..., list[float]]:
    """A reward function that pays each of `COMPLETIONS` one number."""

    def reward(completions: list[str], **columns: Any) -> list[float]:
        return [numbers[COMPLETIONS.index(text)] for text in completions]

    return reward


def expected_update(trainer: GRPOTrainer, K: int) -> list[Any]:
    """The gradient of Σ P(group) · loss(group), the loss being `compute_loss` with loss_type="dr_grpo".

    That loss is a mean over completions and linear in their advantages, so one batch of all groups does, with the
    advantages times P(group) and the number of groups.
    """
    groups = [*product(range(4), repeat=K)]
    batch = scored(trainer, [COMPLETIONS[token] for group in groups for token in group])
    nu = probabilities(trainer).detach()
    weights = torch.stack([nu[[*group]].prod() for group in groups]) * len(groups)
    batch["advantages"] = batch["advantages"].double() * weights.repeat_interleave(K)
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, batch).backward()
    return [parameter.grad.clone() for parameter in trainer.model.parameters()]


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
    check_update(trainer, K, (1 - 1 / K) * (pay * nu).sum())


def check_update(trainer: GRPOTrainer, K: int, objective: Any) -> None:
    """The expected update climbs the objective, but for TRL's float32."""
    expected = torch.autograd.grad(-objective, [*trainer.model.parameters()])
    largest = max(float(true.abs().max()) for true in expected)
    for found, true in zip(expected_update(trainer, K), expected, strict=True):
        assert found.numpy() == pytest.approx(true.numpy(), abs=1e-5 * largest)
    assert largest > 5e-3


def trainer_of(folder: Path, reward: Any, trainer_class: type[GRPOTrainer], K: int, **options: Any) -> GRPOTrainer:
    trainer = make_trainer(folder, [reward], trainer_class, num_generations=K, per_device_train_batch_size=K, **options)
    trainer.model.double()
    return trainer


MEANT = {"": None, "a": "one half", "b": "one half", "c": "1"}
BY_ANSWER, WITHIN = (0.5, 2.0, 2.0, 0.7), (0.5, 1.0, 0.25, 0.0)  # what reward functions pay for "", a, b, c


@pytest.mark.parametrize(
    ("trainer_class", "target", "K", "paid", "options"),
    [
        (GRPOTrainer, "log", 3, BY_ANSWER, {}),
        (GRPOTrainer, "power(-0.5)", 4, BY_ANSWER, {"offset": 0.5}),
        (GRPOTrainer, "power(2)", 5, BY_ANSWER, {"sign": 1}),
        (GRPOTrainer, "log", 3, (0.0, 1.0, 0.0, 1.0), {"count": "correct"}),
        (ExactTrainer, "log", 2, WITHIN, {"offset": 0.5}),
        (ExactTrainer, "log", 3, WITHIN, {}),
        (ExactTrainer, "log", 4, WITHIN, {"count": "correct", "no_answer_reward": 0.3}),
        (ExactTrainer, "power(2)", 5, WITHIN, {"offset": 1.0}),
    ],
)
def test_the_expected_update_of_a_product(
    tmp_path: Path, trainer_class: type[GRPOTrainer], target: str, K: int, paid: Any, options: dict[str, Any]
) -> None:
    """R times the factor, R and the factor held fixed; with the mixin also where R differs within an answer."""
    reward = AnswerReward(
        MEANT.get, target, combine="multiply", reward=paying(*paid), weight=0.7, time_limit=None, **options
    )
    trainer = trainer_of(tmp_path, reward, trainer_class, K, reward_weights=[1.5])
    nu = probabilities(trainer)
    baseline = None if trainer_class is ExactTrainer else "leave_one_out_mean"
    scale, offset, R = 0.7 * options.get("sign", -1), options.get("offset", 0.0), torch.tensor(paid).double()
    least = offset + min(scale * c for c in polyest.load(target, K, baseline=baseline).coefficients)

    counted = nu.detach() * ((R > 0) if "count" in options else 1)
    p = torch.stack([counted[0], counted[1] + counted[2], counted[1] + counted[2], counted[3]])
    table = (
        polyest.load(target, K).coefficients if baseline is None else polyest.load(target, K).leave_one_out_coefficients
    )
    factor = offset + scale * bernstein(table, p)
    factor[0] = options.get("no_answer_reward", least)
    check_update(trainer, K, 1.5 * (1 - 1 / K) * (R * factor * nu).sum())


@pytest.mark.parametrize(("trainer_class", "K"), [(GRPOTrainer, 3), (ExactTrainer, 3), (ExactTrainer, 4)])
def test_the_expected_update_of_a_success_power(tmp_path: Path, trainer_class: type[GRPOTrainer], K: int) -> None:
    """One answer for all successes: g(s) = s^½/½ as `success.power(-0.5)` has it, s the probability of success."""
    correct = paying(0.0, 1.0, 1.0, 0.0)
    reward = AnswerReward(
        lambda text: "any", "power(-0.5)", combine="multiply", reward=correct, count="correct", time_limit=None
    )
    trainer = trainer_of(tmp_path, reward, trainer_class, K)
    s = probabilities(trainer)[1:3].sum()
    power = success.power(-0.5, K)
    table = power.coefficients if trainer_class is ExactTrainer else -power.estimator.leave_one_out_coefficients
    check_update(trainer, K, (1 - 1 / K) * bernstein(table, s.detach()) * s)


UNTIED, TIED = (-1.5, 2.0, 0.25, -0.5), (-0.5, 1.0, 1.0, -2.0)


@pytest.mark.parametrize("paid", [UNTIED, TIED, (0.0, 1.0, 0.0, 1.0)])
@pytest.mark.parametrize(
    ("trainer_class", "objective", "K"),
    [
        (GRPOTrainer, graded.best_of(2), 3),
        (GRPOTrainer, graded.worst_of(2), 4),
        (GRPOTrainer, graded.median_of(3), 4),
        (GRPOTrainer, graded.best_of(4), 5),
        (ExactTrainer, graded.best_of(1), 2),
        (ExactTrainer, graded.best_of(3), 3),
        (ExactTrainer, graded.l_statistic([-0.5, 0.5]), 3),
        (ExactTrainer, graded.worst_of(2), 4),
    ],
)
def test_the_expected_update_of_a_graded_reward(
    tmp_path: Path, trainer_class: type[GRPOTrainer], objective: graded.Objective, K: int, paid: Any
) -> None:
    """The gradient of E[Σ_j w_j R_(j:n)], by enumeration of n draws, ties and negative rewards included."""
    trainer = trainer_of(tmp_path, GradedReward(objective, paying(*paid), weight=0.7), trainer_class, K)
    nu, weights = probabilities(trainer), [float(w) for w in objective.weights]
    mean = sum(
        nu[[*draws]].prod() * sum(w * R for w, R in zip(weights, sorted(paid[i] for i in draws), strict=True))
        for draws in product(range(4), repeat=len(weights))
    )
    check_update(trainer, K, 0.7 * (1 - 1 / K) * mean)


def check_miss(trainer: GRPOTrainer, K: int, objective: Any) -> None:
    """The expected update climbs something else."""
    expected = torch.autograd.grad(-objective, [*trainer.model.parameters()])
    pairs = zip(expected_update(trainer, K), expected, strict=True)
    assert max(float((found - true).abs().max()) for found, true in pairs) > 1e-3


def test_enumeration_can_fail(tmp_path: Path) -> None:
    """Plug-in rewards in a trainer that only centres: the update misses the gradient of Φ_Q."""

    def plug_in(completions: list[str], **columns: Any) -> list[float]:
        groups = [completions[i : i + 3] for i in range(0, len(completions), 3)]
        return (-polyest.load("log", 3, "plug_in").rewards(groups)).ravel().tolist()

    trainer = trainer_of(tmp_path, plug_in, GRPOTrainer, 3)
    nu = probabilities(trainer)
    pay = -bernstein(polyest.load("log", 3, "plug_in").coefficients, nu.detach())
    check_miss(trainer, 3, (2 / 3) * (pay * nu).sum())


def test_plain_best_of_n_rewards_do_not_survive_centring(tmp_path: Path) -> None:
    """docs/graded.md, section 3: why `GradedReward` pays by the table of K − 1."""

    def plain(completions: list[str], **columns: Any) -> list[float]:
        paid = paying(*UNTIED)(completions)
        groups = [paid[i : i + 3] for i in range(0, len(paid), 3)]
        return graded.best_of(2, group_size=3).rewards(groups).ravel().tolist()

    trainer = trainer_of(tmp_path, plain, GRPOTrainer, 3)
    nu = probabilities(trainer)
    best = sum(nu[i] * nu[j] * max(UNTIED[i], UNTIED[j]) for i in range(4) for j in range(4))
    check_miss(trainer, 3, (2 / 3) * best)

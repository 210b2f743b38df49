"""SkyRL: the update that its own advantages and policy loss make on average, and what is refused."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import numpy as np
import pytest
from expected_update import (
    ANSWERS,
    NU,
    REWARDS,
    answers_pay,
    every_group,
    graded_gradient,
    gradient,
    product_pay,
)

from polyest import graded
from polyest.errors import ArgumentError

pytest.importorskip("skyrl")

import torch

from polyest.adapters.skyrl import AnswerAdvantages, GradedAdvantages, encode


@functools.cache
def skyrl() -> Any:
    """It takes a second to import, which who only collects this file need not wait for."""
    import skyrl_modules

    return skyrl_modules.skyrl


def configuration(**options: Any) -> Any:
    import skyrl_modules

    return skyrl_modules.config.AlgorithmConfig(use_kl_loss=False, **options)


@functools.cache
def summed() -> Any:
    return configuration(loss_reduction="seq_mean_token_sum_norm", max_seq_len=1)


def expected_update(estimator: Any, rewards: list[float], K: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Σ P(group) · (−∇ loss), by the policy's logits: SkyRL's registry, loss reduction and policy loss."""
    monkeypatch.setitem(skyrl().AdvantageEstimatorRegistry._functions, "polyest", estimator)
    groups = torch.tensor(every_group(K))
    drawn = groups.ravel()
    mask, uids = torch.ones(len(drawn), 1), [f"prompt{i // K}" for i in range(len(drawn))]
    A, returns = skyrl().compute_advantages_and_returns(
        torch.tensor(rewards, dtype=torch.float32)[drawn, None], mask, uids, "polyest", summed()
    )
    assert torch.equal(A, returns)
    reduced = skyrl().apply_loss_reduction_to_advantages_minibatch(A, mask, summed().loss_reduction, len(drawn), 1)
    chances = torch.from_numpy(NU)[groups].prod(dim=1).repeat_interleave(K)
    logits = torch.tensor(np.log(NU), requires_grad=True)
    rows = torch.log_softmax(logits, 0)[drawn, None]
    loss, _ = skyrl().PolicyLossRegistry.get("regular")(
        rows, rows.detach(), reduced.double() * (chances * len(groups))[:, None], summed(), loss_mask=mask
    )
    return -torch.autograd.grad(loss, logits)[0].numpy()


def codes() -> list[float]:
    return [encode(R, z) for R, z in zip(REWARDS, ANSWERS, strict=True)]


@pytest.mark.parametrize(("target", "K", "sign"), [("log", 2, -1), ("log", 4, -1), ("power(2)", 3, 1)])
def test_the_expected_update(target: str, K: int, sign: int, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = AnswerAdvantages(target=target, sign=sign, weight=0.7, reward_weight=2.0)
    paid = answers_pay(target, K, 0.7 * sign, centred=False)
    expected = gradient([a + 2 * R for a, R in zip(paid, REWARDS, strict=True)])
    assert expected_update(estimator, codes(), K, monkeypatch) == pytest.approx(expected, abs=1e-6)


def test_the_expected_update_of_a_product(monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = AnswerAdvantages(target="power(-0.5)", combine="multiply", offset=0.5, reward_weight=3.0)
    expected = 3 * gradient(product_pay("power(-0.5)", 4, -1, 0.5, centred=False))
    assert expected_update(estimator, codes(), 4, monkeypatch) == pytest.approx(expected, abs=3e-6)


@pytest.mark.parametrize("K", [2, 3, 4])
def test_the_expected_update_of_the_best_of_two(K: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rewards = [0.3, -1.0, 2.0, 0.7]
    found = expected_update(GradedAdvantages(graded.best_of(2)), rewards, K, monkeypatch)
    assert found == pytest.approx(graded_gradient(graded.best_of(2), rewards), abs=1e-6)


def test_padding_and_tokens() -> None:
    """Rows that fill a batch up, groups "pad0", … count nowhere, and say nothing; advantages stand at the tokens."""
    rewards = torch.zeros(4, 2)
    rewards[:, 1] = torch.tensor([encode(1, "a"), encode(0, "b"), encode(0, "b"), encode(1, "a")])
    mask = torch.tensor([[1, 1], [0, 1], [1, 1], [1, 1]])
    estimator = pickle.loads(pickle.dumps(AnswerAdvantages(method="harmonic")))
    A, _ = estimator(rewards, mask, index=["u", "u", "u", "pad0"], config=summed())
    assert A.tolist() == [[2.5, 2.5], [0, -1.0], [-1.0, -1.0], [0, 0]]


@pytest.mark.parametrize("estimator", [AnswerAdvantages(), GradedAdvantages(graded.best_of(2))])
@pytest.mark.parametrize("name", ["use_kl_in_reward", "advantage_batch_normalize", "dynamic_sampling"])
def test_configurations_that_would_bias_it_are_refused(estimator: Any, name: str) -> None:
    from skyrl_modules import config

    value = config.DynamicSamplingConfig(type="filter") if name == "dynamic_sampling" else True
    algorithm = configuration(**{name: value})
    with pytest.raises(ArgumentError, match=rf"`trainer\.algorithm\.{name}"):
        estimator(torch.zeros(2, 1), torch.ones(2, 1), ["u", "u"], config=algorithm)


def test_misuse_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"must sum to the codes.*got 1\.0 in 2 of 2"):
        AnswerAdvantages()(torch.ones(2, 1), torch.ones(2, 1), ["u", "u"])
    with pytest.raises(ArgumentError, match=r"`weigth` is no argument.*did you mean 'weight'"):
        AnswerAdvantages(weigth=1)  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match=r"`reward_weight` must be a finite number"):
        AnswerAdvantages(reward_weight=float("nan"))
    with pytest.raises(ArgumentError, match=r"`objective` must be made by polyest.graded"):
        GradedAdvantages("best_of(4)")  # type: ignore[arg-type]

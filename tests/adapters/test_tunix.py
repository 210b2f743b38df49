"""Tunix: the update that its reward manager and registered estimator make on average, and what is refused."""

from __future__ import annotations

import functools
import threading
import warnings
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
from expected_update import (
    REWARDS,
    TEXTS,
    answer,
    answers_pay,
    every_group,
    graded_gradient,
    gradient,
    product_pay,
    update,
)

from polyest import graded
from polyest.errors import ArgumentError

if find_spec("tunix") is None:
    pytest.skip("needs tunix", allow_module_level=True)

from polyest.adapters.tunix import AnswerAdvantages, GradedAdvantages


@functools.cache
def tunix() -> Any:
    """What is asked of it; it takes a second to import, which who only collects this file need not wait for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tunix.rl import algorithm_config, function_registry, reward_manager
    return SimpleNamespace(
        registry=function_registry, AlgorithmConfig=algorithm_config.AlgorithmConfig, managers=reward_manager
    )


def correct(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
    return [REWARDS[TEXTS.index(text)] for text in completions]


def expected_update(reward_fns: list[Any], estimator: Any, K: int) -> Any:
    """As Tunix's GRPOLearner does it: the reward manager's sum, then the estimator by its name."""
    tunix().registry.register_advantage_estimator("polyest")(estimator)
    texts = [TEXTS[i] for group in every_group(K) for i in group]
    manager = tunix().managers.SequenceRewardManager(reward_fns, tunix().AlgorithmConfig())
    rewards = manager(prompts=["?"] * len(texts), completions=texts, mode="train")["rewards"]
    A = tunix().registry.get_advantage_estimator("polyest")(rewards=rewards, num_generations=K)
    return update(A, K)


@pytest.mark.parametrize(("target", "K", "sign"), [("log", 2, -1), ("log", 4, -1), ("power(2)", 3, 1)])
def test_the_expected_update(target: str, K: int, sign: int) -> None:
    answers = AnswerAdvantages(answer, target=target, sign=sign, weight=0.7, time_limit=None)
    paid = answers_pay(target, K, 0.7 * sign, centred=False)
    expected = gradient([a + R for a, R in zip(paid, REWARDS, strict=True)])
    assert expected_update([correct, answers], answers.advantages, K) == pytest.approx(expected, abs=1e-9)


def test_the_expected_update_of_a_product() -> None:
    answers = AnswerAdvantages(answer, target="power(-0.5)", combine="multiply", offset=0.5, time_limit=None)
    expected = gradient(product_pay("power(-0.5)", 4, -1, 0.5, centred=False))
    assert expected_update([correct, answers], answers.advantages, 4) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("K", [2, 3])
def test_the_expected_update_of_the_best_of_two(K: int) -> None:
    found = expected_update([correct], GradedAdvantages(graded.best_of(2)), K)
    assert found == pytest.approx(graded_gradient(graded.best_of(2), REWARDS), abs=1e-9)


def test_answers_are_those_of_the_thread() -> None:
    """Tunix's agentic learner computes rewards of several groups at a time."""
    answers = AnswerAdvantages(str.strip, time_limit=None, method="harmonic")
    answers(["?"] * 3, ["a", "b", "b"])
    other = threading.Thread(target=answers, args=(["?"] * 3, ["c", "c", "c"]))
    other.start()
    other.join()
    assert answers.advantages([1.0, 0.0, 0.0], 3).tolist() == [2.5, -1.0, -1.0]


def test_misuse_is_told() -> None:
    answers = AnswerAdvantages(str.strip, time_limit=None)
    with pytest.raises(ArgumentError, match=r"`reward_fns` must hold this object.*got 3 rewards for 0 completions"):
        answers.advantages([1.0, 0.0, 0.0], 3)
    answers(["?"] * 3, ["a", "b", "b"])
    with pytest.raises(ArgumentError, match=r"`rewards` must be of whole groups of 2, got 3"):
        answers.advantages([1.0, 0.0, 0.0], 2)
    with pytest.raises(ArgumentError, match=r"`weigth` is no argument.*did you mean 'weight'"):
        AnswerAdvantages(str.strip, weigth=1)  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match=r"`objective` must be made by polyest.graded"):
        GradedAdvantages("best_of(4)")  # type: ignore[arg-type]

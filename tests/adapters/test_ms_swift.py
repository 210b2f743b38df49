"""ms-swift: the update that its scores and advantages make on average, and what is refused."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import pytest
from expected_update import REWARDS, TEXTS, answer, answers_pay, every_group, gradient, update

from polyest.errors import ArgumentError

pytest.importorskip("swift")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    swift_algorithm = pytest.importorskip("swift.rl_core.grpo_algorithm")
    from swift.rewards import orms
    from swift.rl_core.advantage import compute_advantages
    from swift.rl_core.data import OnPolicySample

from polyest.adapters.ms_swift import answer_reward


def correct(completions: list[str], **columns: Any) -> list[float]:
    return [REWARDS[TEXTS.index(text)] for text in completions]


def advantages(reward: Any, K: int, estimator: str) -> list[float]:
    """Of all groups in one batch, as ms-swift computes them."""
    texts = [TEXTS[i] for group in every_group(K) for i in group]
    samples = [OnPolicySample(messages=[{"role": "assistant", "content": text}]) for text in texts]
    scores = swift_algorithm.score_completions(samples, [correct, reward], [None, None], False, torch.device("cpu"))
    found, _ = compute_advantages(scores, torch.tensor([1.0, 1.0]), K, estimator, scale_rewards="none")
    return found.tolist()


def arguments(**others: Any) -> Any:
    return SimpleNamespace(**({"num_generations": 4, "scale_rewards": "none", "advantage_estimator": "grpo"} | others))


@pytest.mark.parametrize(
    ("target", "K", "sign", "estimator"),
    [("log", 3, -1, "grpo"), ("power(2)", 4, 1, "grpo"), ("log", 4, -1, "rloo")],
)
def test_the_expected_update(target: str, K: int, sign: int, estimator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = answer_reward(answer, target=target, sign=sign, weight=0.7, time_limit=None)
    monkeypatch.setitem(orms, "answers", entry)
    reward = orms["answers"](args=arguments(num_generations=K, advantage_estimator=estimator))
    paid = answers_pay(target, K, 0.7 * sign, centred=True)
    expected = (1 if estimator == "rloo" else 1 - 1 / K) * gradient([a + R for a, R in zip(paid, REWARDS, strict=True)])
    assert update(advantages(reward, K, estimator), K) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"scale_rewards": "group"}, r"`scale_rewards` must be 'none', got 'group'"),
        ({"scale_rewards": "gdpo"}, r"`scale_rewards` must be 'none', got 'gdpo'"),
        ({"advantage_estimator": "reinforce_plus_plus"}, r"`advantage_estimator` must be grpo or rloo"),
        ({"dynamic_sample": True}, r"`dynamic_sample` must be False"),
        ({"num_generations": 2}, r"`num_generations` must be 3 or more, got 2"),
        ({"num_generations_eval": 8}, r"`num_generations_eval` must be that of the training, 4, got 8"),
    ],
)
def test_trainers_that_would_undo_it_are_refused(others: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        answer_reward(answer)(args=arguments(**others))


def test_misuse_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"`weigth` is no argument.*did you mean 'weight'"):
        answer_reward(answer, weigth=1)  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match=r"`combine` must be 'add' in ms-swift"):
        answer_reward(answer, target="power(-0.5)", combine="multiply")
    with pytest.raises(ArgumentError, match=r"`completions` must be whole groups of `num_generations` 4.*got 3"):
        answer_reward(answer, time_limit=None)(args=arguments())(["x", "y", "x"])

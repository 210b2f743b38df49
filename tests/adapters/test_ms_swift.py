"""ms-swift: the update that its scores and advantages make on average, and what is refused."""

from __future__ import annotations

import functools
import warnings
from types import SimpleNamespace
from typing import Any

import pytest
from expected_update import REWARDS, TEXTS, answer, answers_pay, every_group, graded_gradient, gradient, update

from polyest import graded
from polyest.errors import ArgumentError

pytest.importorskip("swift")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")

from polyest.adapters.ms_swift import answer_reward, graded_reward


def correct(completions: list[str], **columns: Any) -> list[float]:
    return [REWARDS[TEXTS.index(text)] for text in completions]


@functools.cache
def ms_swift() -> Any:
    """What is asked of it; it takes seconds to import, which who only collects this file need not wait for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from swift.rewards import ORM, AsyncORM, orms
        from swift.rl_core.advantage import compute_advantages
        from swift.rl_core.data import OnPolicySample
        from swift.rl_core.grpo_algorithm import score_completions
    names = (ORM, AsyncORM, compute_advantages, OnPolicySample, score_completions)
    return SimpleNamespace(orms=orms, **{name.__name__: name for name in names})


@pytest.fixture(params=["function", "class"])
def pays(request: pytest.FixtureRequest) -> Any:
    """`correct`, and as ms-swift registers reward functions."""

    class Correct(ms_swift().ORM):
        def __call__(self, completions: list[str], **columns: Any) -> list[float]:
            return correct(completions)

    return correct if request.param == "function" else Correct


def advantages(rewards: list[Any], K: int, estimator: str = "grpo") -> list[float]:
    """Of all groups in one batch, as ms-swift computes them."""
    texts = [TEXTS[i] for group in every_group(K) for i in group]
    samples = [ms_swift().OnPolicySample(messages=[{"role": "assistant", "content": text}]) for text in texts]
    scores = ms_swift().score_completions(samples, rewards, None, False, torch.device("cpu"))
    found, _ = ms_swift().compute_advantages(scores, torch.ones(len(rewards)), K, estimator, scale_rewards="none")
    return found.tolist()


def arguments(**others: Any) -> Any:
    return SimpleNamespace(**({"num_generations": 4, "scale_rewards": "none", "advantage_estimator": "grpo"} | others))


@pytest.mark.parametrize(
    ("target", "K", "sign", "estimator"),
    [("log", 3, -1, "grpo"), ("power(2)", 4, 1, "grpo"), ("log", 4, -1, "rloo")],
)
def test_the_expected_update(target: str, K: int, sign: int, estimator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = answer_reward(answer, target=target, sign=sign, weight=0.7, time_limit=None)
    monkeypatch.setitem(ms_swift().orms, "answers", entry)
    reward = ms_swift().orms["answers"](args=arguments(num_generations=K, advantage_estimator=estimator))
    paid = answers_pay(target, K, 0.7 * sign, centred=True)
    expected = (1 if estimator == "rloo" else 1 - 1 / K) * gradient([a + R for a, R in zip(paid, REWARDS, strict=True)])
    assert update(advantages([correct, reward], K, estimator), K) == pytest.approx(expected, abs=1e-6)


def test_the_expected_update_of_a_product(pays: Any) -> None:
    """Rewards that the answer decides: the subtraction takes nothing away (theory.md §9)."""
    entry = answer_reward(answer, target="power(-0.5)", combine="multiply", offset=0.5, reward=pays, time_limit=None)
    factors = answers_pay("power(-0.5)", 4, -1, centred=True)
    paid = [R * (0.5 + factor) for R, factor in zip(REWARDS, factors, strict=True)]
    assert update(advantages([entry(args=arguments())], 4), 4) == pytest.approx(0.75 * gradient(paid), abs=1e-6)


@pytest.mark.parametrize(
    ("objective", "K", "estimator"),
    [
        (graded.best_of(2), 3, "grpo"),
        (graded.best_of(3), 4, "rloo"),
        (graded.worst_of(2), 4, "grpo"),
        (graded.median_of(3), 4, "grpo"),
        (graded.l_statistic([-0.5, 0.5]), 3, "grpo"),
    ],
)
def test_the_expected_update_of_a_graded_reward(objective: graded.Objective, K: int, estimator: str, pays: Any) -> None:
    made = graded_reward(objective, pays, weight=0.7)(args=arguments(num_generations=K))
    expected = 0.7 * (1 if estimator == "rloo" else 1 - 1 / K) * graded_gradient(objective, REWARDS)
    assert abs(expected).max() > 0.01
    assert update(advantages([made], K, estimator), K) == pytest.approx(expected, abs=1e-6)


def test_the_enumeration_can_fail() -> None:
    """Plain best-of-two rewards do not survive the subtraction (docs/graded.md, section 3)."""

    def plain(completions: list[str], **columns: Any) -> list[float]:
        groups = torch.tensor(correct(completions)).reshape(-1, 3)
        return graded.best_of(2, group_size=3).rewards(groups).ravel().tolist()

    expected = (2 / 3) * graded_gradient(graded.best_of(2), REWARDS)
    assert abs(update(advantages([plain], 3), 3) - expected).max() > 1e-3


def test_groups_to_which_the_other_reward_does_not_apply_have_no_reward() -> None:
    def pays(completions: list[str], **columns: Any) -> list[float | None]:
        return [1.0, 0.0, 0.0, 0.0, None, None, None, None]

    entries = [
        graded_reward(graded.best_of(2), pays),
        answer_reward(answer, method="harmonic", combine="multiply", reward=pays, time_limit=None),
    ]
    for entry in entries:
        told = entry(args=arguments())(["x", "y", "y", "y"] * 2)
        assert told[0] > 0
        assert told[1:] == [0, 0, 0, None, None, None, None]


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"scale_rewards": "group"}, r"`scale_rewards` must be 'none', got 'group'"),
        ({"scale_rewards": "gdpo"}, r"`scale_rewards` must be 'none', got 'gdpo'"),
        ({"advantage_estimator": "reinforce_plus_plus"}, r"`advantage_estimator` must be grpo or rloo"),
        ({"dynamic_sample": True}, r"`dynamic_sample` must be False"),
        ({"num_generations": 2}, r"`num_generations` must be 3 or more for AnswerORM, got 2"),
        ({"num_generations_eval": 8}, r"`num_generations_eval` must be that of the training, 4, got 8"),
    ],
)
def test_trainers_that_would_undo_it_are_refused(others: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        answer_reward(answer)(args=arguments(**others))


def test_misuse_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"`weigth` is no argument.*did you mean 'weight'"):
        answer_reward(answer, weigth=1)  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match=r"`reward` must be given with combine='multiply', and only then, got None"):
        answer_reward(answer, target="power(-0.5)", combine="multiply")
    with pytest.raises(ArgumentError, match=r"`completions` must be whole groups of 4 over all processes, got 3"):
        answer_reward(answer, time_limit=None)(args=arguments())(["x", "y", "x"])
    with pytest.raises(ArgumentError, match=r"`args` must be those of the training, with `num_generations`, got None"):
        answer_reward(answer, time_limit=None)()(["x", "y", "x"])


def test_misuse_of_a_graded_reward_is_told() -> None:
    class Later(ms_swift().AsyncORM):
        async def __call__(self, completions: list[str], **columns: Any) -> list[float]:
            return correct(completions)

    with pytest.raises(ArgumentError, match=r"`objective` must be made by polyest.graded"):
        graded_reward("best_of(4)", correct)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"`reward` must be a plain reward function .* got an async function"):
        graded_reward(graded.best_of(4), Later)
    with pytest.raises(ArgumentError, match=r"`num_generations` must be 5 or more for best_of\(4\), got 4"):
        graded_reward(graded.best_of(4), correct)(args=arguments())
    made = graded_reward(graded.best_of(2), lambda completions, **columns: [None, *[1.0] * 3])(args=arguments())
    with pytest.raises(ArgumentError, match=r"`reward` must pay all completions of a group or none.* None for 1 of 4"):
        made(["x"] * 4)

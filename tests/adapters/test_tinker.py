"""tinker-cookbook: what the group builder pays, and the update that its trainer's advantages make on average."""

from __future__ import annotations

import asyncio
import pickle
from types import SimpleNamespace
from typing import Any

import pytest
from expected_update import (
    ANSWERS,
    REWARDS,
    answers_pay,
    every_group,
    graded_gradient,
    gradient,
    product_pay,
    update,
)

from polyest import graded
from polyest.errors import ArgumentError

pytest.importorskip("tinker_cookbook")

import tinker
from tinker_cookbook.completers import TokensWithLogprobs
from tinker_cookbook.rl.data_processing import compute_advantages
from tinker_cookbook.rl.types import EnvGroupBuilder, Trajectory, TrajectoryGroup, Transition

from polyest.adapters.tinker import AnswerGroupBuilder, GradedGroupBuilder

NOWHERE = tinker.ModelInput.from_ints([])


class Builder(EnvGroupBuilder):
    """Pays each trajectory 0.25 for the group, besides what its step earned."""

    async def make_envs(self) -> list[Any]:
        return ["env"]

    async def compute_group_rewards(self, trajectory_group: list[Trajectory], env_group: Any) -> Any:
        return [(0.25, {"length": 1}) for _ in trajectory_group]

    async def cleanup(self) -> None:
        self.cleaned = True

    def logging_tags(self) -> list[str]:
        return ["letters"]


def trajectory(completion: int) -> Trajectory:
    action = TokensWithLogprobs(tokens=[completion], maybe_logprobs=[-1.0])
    step = Transition(ob=NOWHERE, ac=action, reward=REWARDS[completion], episode_done=True)
    return Trajectory(transitions=[step], final_ob=NOWHERE)


def answer(trajectory: Trajectory, env: Any) -> str | None:
    return ANSWERS[trajectory.transitions[-1].ac.tokens[0]]


def advantages(builder: EnvGroupBuilder, K: int) -> list[float]:
    """Of all groups, as tinker's training loop computes them."""
    found: list[float] = []
    for group in every_group(K):
        trajectories = [trajectory(i) for i in group]
        paid = asyncio.run(builder.compute_group_rewards(trajectories, [SimpleNamespace()] * K))
        rewards, metrics = zip(*paid, strict=True)
        found += compute_advantages([TrajectoryGroup(trajectories, list(rewards), list(metrics))])[0].tolist()
    return found


@pytest.mark.parametrize(("target", "K", "sign"), [("log", 3, -1), ("log", 4, 1), ("power(2)", 4, 1)])
def test_the_expected_update(target: str, K: int, sign: int) -> None:
    builder = AnswerGroupBuilder(Builder(), answer, target=target, sign=sign, weight=0.7)
    paid = answers_pay(target, K, 0.7 * sign, centred=True)
    expected = (1 - 1 / K) * gradient([a + R for a, R in zip(paid, REWARDS, strict=True)])
    assert update(advantages(builder, K), K) == pytest.approx(expected, abs=1e-6)  # tinker's tensors are float32


def test_the_expected_update_of_a_product() -> None:
    builder = AnswerGroupBuilder(Builder(), answer, target="power(-0.5)", combine="multiply", offset=0.5)
    factors = answers_pay("power(-0.5)", 4, -1, centred=True)
    paid = [(R + 0.25) * (0.5 + factor) for R, factor in zip(REWARDS, factors, strict=True)]
    assert product_pay("power(-0.5)", 4, -1, 0.5, centred=True)[1] == 0
    assert update(advantages(builder, 4), 4) == pytest.approx(0.75 * gradient(paid), abs=1e-6)


@pytest.mark.parametrize(
    ("objective", "K"),
    [
        (graded.best_of(2), 3),
        (graded.best_of(3), 4),
        (graded.worst_of(2), 4),
        (graded.median_of(3), 4),
        (graded.l_statistic([-0.5, 0.5]), 3),
    ],
)
def test_the_expected_update_of_a_graded_reward(objective: graded.Objective, K: int) -> None:
    """Of totals R + 0.25: steps and the other builder's, ties among them. docs/graded.md, section 3."""
    builder = GradedGroupBuilder(Builder(), objective, weight=0.7)
    expected = 0.7 * (1 - 1 / K) * graded_gradient(objective, [R + 0.25 for R in REWARDS])
    assert abs(expected).max() > 0.01
    assert update(advantages(builder, K), K) == pytest.approx(expected, abs=1e-6)


def test_the_expected_update_of_a_graded_reward_and_answers() -> None:
    builder = AnswerGroupBuilder(GradedGroupBuilder(Builder(), graded.best_of(2)), answer, weight=0.7)
    expected = graded_gradient(graded.best_of(2), REWARDS) + gradient(answers_pay("log", 4, -0.7, centred=True))
    assert update(advantages(builder, 4), 4) == pytest.approx(0.75 * expected, abs=1e-6)


def test_the_enumeration_can_fail() -> None:
    """A table that is not proof against centring makes another update."""
    builder = AnswerGroupBuilder(Builder(), answer, weight=0.7)
    paid = [a + R for a, R in zip(answers_pay("log", 3, -0.7, centred=False), REWARDS, strict=True)]
    assert abs(update(advantages(builder, 3), 3) - (2 / 3) * gradient(paid)).max() > 1e-3


def test_the_other_builder_is_wrapped() -> None:
    inner = Builder()
    builder = pickle.loads(pickle.dumps(AnswerGroupBuilder(inner, answer, method="harmonic")))
    assert asyncio.run(builder.make_envs()) == ["env"]
    assert builder.logging_tags() == ["letters"]
    paid = asyncio.run(builder.compute_group_rewards([trajectory(i) for i in (0, 2, 1, 3)], [None] * 4))
    assert [reward for reward, _ in paid] == pytest.approx([0.25 + a for a in (0.5, 0.5, 1.5, 0.0)])
    shared = {"length": 1, "answer/distinct": 2.0, "answer/no_answer": 0.25}
    assert paid[0][1] == shared | {"answer/reward": 0.5}
    wrapper = AnswerGroupBuilder(inner, answer)
    asyncio.run(wrapper.cleanup())
    assert inner.cleaned


def test_a_graded_reward_is_in_place_of_the_totals() -> None:
    """Of totals 1.25, 1.25, 0.25, 0.75 by (2, 1, 0, 0), the table of K − 1: from 0.75 on one other is above."""
    builder = pickle.loads(pickle.dumps(GradedGroupBuilder(Builder(), graded.best_of(2))))
    trajectories = [trajectory(i) for i in (0, 2, 1, 3)]
    paid = asyncio.run(builder.compute_group_rewards(trajectories, [None] * 4))
    assert paid[2][1] == {"length": 1, "graded/total": 0.25}
    totals = [one.transitions[0].reward + reward for one, (reward, _) in zip(trajectories, paid, strict=True)]
    assert totals == pytest.approx([0.5, 0.5, 0.0, 0.0])
    with pytest.warns(UserWarning, match=r"fewer than the 3 completions that best_of\(2\) needs"):
        paid = asyncio.run(builder.compute_group_rewards(trajectories[1:3], [None] * 2))
    assert [reward for reward, _ in paid] == [-1.0, 0.0]


def test_small_groups_are_paid_nothing_for_answers_with_a_warning() -> None:
    builder = AnswerGroupBuilder(Builder(), answer)
    with pytest.warns(UserWarning, match=r"`groups` has groups of 2.*at least 3 completions"):
        paid = asyncio.run(builder.compute_group_rewards([trajectory(0), trajectory(1)], [None] * 2))
    assert [reward for reward, _ in paid] == [0.25, 0.25]


def test_misuse_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"`weigth` is no argument.*did you mean 'weight'"):
        AnswerGroupBuilder(Builder(), answer, weigth=1)  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match=r"`sign` must be -1"):
        AnswerGroupBuilder(Builder(), answer, sign=2)
    with pytest.raises(ArgumentError, match=r"`objective` must be made by polyest.graded"):
        GradedGroupBuilder(Builder(), "best_of(4)")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"`weight` must be positive"):
        GradedGroupBuilder(Builder(), graded.best_of(4), weight=-1)

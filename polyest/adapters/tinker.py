"""Rewards for tinker-cookbook, whose trainer subtracts the mean of each group and does nothing else.

`AnswerGroupBuilder` wraps an `EnvGroupBuilder`, and pays what the answers of the whole group say in
`compute_group_rewards`; `GradedGroupBuilder` pays there for the best of n and its like::

    from polyest.adapters.tinker import AnswerGroupBuilder, GradedGroupBuilder

    def answer(trajectory, env):                          # None for no answer
        return extract(env.renderer.tokenizer.decode(trajectory.transitions[-1].ac.tokens))

    builder = AnswerGroupBuilder(builder, answer, weight=0.1)      # in RLDataset.get_batch, around each builder
    builder = GradedGroupBuilder(builder, graded.best_of(4))       # any rewards, no answers

The tables are proof against the subtraction; like every reward of tinker's they come out times 1 − 1/K. Groups of any
sizes; trajectories that failed are not in the group, and the table is that of those left. Tested with tinker-cookbook
0.6.1.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, TypeAlias, Unpack

import numpy as np

from polyest import graded
from polyest.adapters import ragged
from polyest.adapters.graded import centred_objective
from polyest.adapters.pay import answer_pay, check_positive
from polyest.errors import MissingDependencyError
from polyest.online.answers import read_answers

try:
    from tinker_cookbook.rl.types import Env, EnvGroupBuilder, Trajectory
except ImportError as error:
    raise MissingDependencyError("polyest.adapters.tinker needs it; run: pip install tinker-cookbook") from error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.adapters.pay import PayArguments

    Array = NDArray[np.float64]
    Rewarded: TypeAlias = list[tuple[float, dict[str, float | int]]]

__all__ = ["AnswerGroupBuilder", "GradedGroupBuilder"]


class _Around(EnvGroupBuilder):  # type: ignore[misc]
    """A group builder around another one."""

    def __init__(self, builder: EnvGroupBuilder) -> None:
        self._builder = builder

    async def make_envs(self) -> Sequence[Env]:
        """Those of the other builder."""
        envs: Sequence[Env] = await self._builder.make_envs()
        return envs

    async def cleanup(self) -> None:
        """That of the other builder."""
        await self._builder.cleanup()

    def logging_tags(self) -> list[str]:
        """Those of the other builder."""
        return list(self._builder.logging_tags())


class AnswerGroupBuilder(_Around):
    """A group builder that adds what answers are paid to the rewards of another one, or multiplies these.

    With ``combine="multiply"`` a trajectory's total reward R_i ≥ 0 becomes R_i · (offset + weight·sign·c[m_i]); R_i has
    to depend on the answer alone then (``count="correct"`` sees to that for rewards of 0 and 1), because the trainer
    subtracts the group mean.

    Logged for each trajectory: ``answer/reward``, ``answer/no_answer`` and ``answer/distinct``, of the group.

    Args:
        builder: makes the environments; its own group rewards stay.
        answer: from a trajectory and its environment to the answer, hashable; None for no answer.
        pay: the attributes of `polyest.adapters.pay.AnswerPay`: target, sign, weight, method, …

    Raises:
        ArgumentError: an argument is outside its domain; in a product, negative rewards, or different ones for
            completions of one answer.
        TableNotFoundError: there is no table for the size of a group.

    Source: theory.md §5 and §9.
    """

    def __init__(
        self,
        builder: EnvGroupBuilder,
        answer: Callable[[Trajectory, Env], Hashable],
        **pay: Unpack[PayArguments],
    ) -> None:
        super().__init__(builder)
        self._answer = answer
        self._pay = answer_pay(pay)

    async def compute_group_rewards(self, trajectory_group: list[Trajectory], env_group: Sequence[Env]) -> Rewarded:
        """The other builder's, with what answers are paid."""
        given = await self._builder.compute_group_rewards(trajectory_group, env_group)
        answers = [self._answer(*pair) for pair in zip(trajectory_group, env_group, strict=True)]
        steps, final = _earned(trajectory_group), np.array([reward for reward, _ in given])
        R = steps + final if self._pay.multiplies else None
        paid = ragged.rewards(self._pay, answers, [0] * len(answers), weights=R)
        total = paid - steps if self._pay.multiplies else paid + final
        shared = _statistics(answers)
        return [
            (float(reward), {**metrics, **shared, "answer/reward": float(one)})
            for reward, one, (_, metrics) in zip(total, paid, given, strict=True)
        ]


class GradedGroupBuilder(_Around):
    """A group builder that pays for an objective of `polyest.graded` in place of the rewards of another one.

    A trajectory's total reward R_i, any finite number, becomes weight · ∫ c[m_i(t)] dt over thresholds t from the
    group's least R up to R_i, m_i(t) the others with rewards above t; c is the table of K − 1. After the trainer has
    subtracted the group mean, the expected gradient is (1 − 1/K) · weight times that of the objective, say E[the best
    of n]. Groups of n and fewer are paid 0, with a warning. An `AnswerGroupBuilder` goes around this one, not into it.

    Logged for each trajectory: ``graded/total``, R_i.

    Args:
        builder: makes the environments, and pays R_i.
        objective: made by `polyest.graded.best_of` and its like, without baseline; its group size does not matter.
        weight: positive.

    Raises:
        ArgumentError: an argument is outside its domain; when a group is paid, a reward is no finite number.

    Source: docs/graded.md, section 3.
    """

    def __init__(self, builder: EnvGroupBuilder, objective: graded.Objective, *, weight: float = 1.0) -> None:
        super().__init__(builder)
        check_positive("weight", weight, "to train for the least, negate the rewards")
        self._objective, self._weight = centred_objective(objective), weight

    async def compute_group_rewards(self, trajectory_group: list[Trajectory], env_group: Sequence[Env]) -> Rewarded:
        """What makes the totals those of the objective."""
        given = await self._builder.compute_group_rewards(trajectory_group, env_group)
        steps = _earned(trajectory_group)
        R = steps + np.array([reward for reward, _ in given])
        paid = np.nan_to_num(self._weight * graded.rewards(R, [0] * len(R), self._objective))
        return [
            (reward, {**metrics, "graded/total": total})
            for reward, total, (_, metrics) in zip((paid - steps).tolist(), R.tolist(), given, strict=True)
        ]


def _earned(trajectories: list[Trajectory]) -> Array:
    """What each was paid step by step, shape (K,)."""
    return np.array([sum(step.reward for step in one.transitions) for one in trajectories])


def _statistics(answers: list[Hashable]) -> dict[str, float]:
    read = read_answers(answers)
    missing = 0 if read.missing is None else int(read.missing.sum())
    distinct = len(np.unique(read.codes)) - missing
    return {"answer/distinct": float(distinct), "answer/no_answer": missing / max(len(answers), 1)}

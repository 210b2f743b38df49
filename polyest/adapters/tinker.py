"""Rewards for tinker-cookbook, whose trainer subtracts the mean of each group and does nothing else.

`AnswerGroupBuilder` wraps an `EnvGroupBuilder`, and pays what the answers of the whole group say in
`compute_group_rewards`::

    from polyest.adapters.tinker import AnswerGroupBuilder

    def answer(trajectory, env):                          # None for no answer
        return extract(env.renderer.tokenizer.decode(trajectory.transitions[-1].ac.tokens))

    builder = AnswerGroupBuilder(builder, answer, weight=0.1)      # in RLDataset.get_batch, around each builder

The table is proof against the subtraction; like every reward of tinker's it comes out times 1 − 1/K. Groups of any
sizes; trajectories that failed are not in the group, and the table is that of those left. Tested with tinker-cookbook
0.6.1.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, TypeAlias, Unpack

import numpy as np

from polyest.adapters import ragged
from polyest.adapters.pay import answer_pay
from polyest.errors import MissingDependencyError
from polyest.online.answers import read_answers

try:
    from tinker_cookbook.rl.types import Env, EnvGroupBuilder, Trajectory
except ImportError as error:
    raise MissingDependencyError("polyest.adapters.tinker needs it; run: pip install tinker-cookbook") from error

if TYPE_CHECKING:
    from polyest.adapters.pay import PayArguments

    Rewarded: TypeAlias = list[tuple[float, dict[str, float | int]]]

__all__ = ["AnswerGroupBuilder"]


class AnswerGroupBuilder(EnvGroupBuilder):  # type: ignore[misc]
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
        self._builder = builder
        self._answer = answer
        self._pay = answer_pay(pay)

    async def make_envs(self) -> Sequence[Env]:
        """Those of the other builder."""
        envs: Sequence[Env] = await self._builder.make_envs()
        return envs

    async def compute_group_rewards(self, trajectory_group: list[Trajectory], env_group: Sequence[Env]) -> Rewarded:
        """The other builder's, with what answers are paid."""
        given = await self._builder.compute_group_rewards(trajectory_group, env_group)
        answers = [self._answer(*pair) for pair in zip(trajectory_group, env_group, strict=True)]
        steps = np.array([sum(step.reward for step in one.transitions) for one in trajectory_group])
        final = np.array([reward for reward, _ in given])
        R = steps + final if self._pay.multiplies else None
        paid = ragged.rewards(self._pay, answers, [0] * len(answers), weights=R)
        total = paid - steps if self._pay.multiplies else paid + final
        shared = _statistics(answers)
        return [
            (float(reward), {**metrics, **shared, "answer/reward": float(one)})
            for reward, one, (_, metrics) in zip(total, paid, given, strict=True)
        ]

    async def cleanup(self) -> None:
        """That of the other builder."""
        await self._builder.cleanup()

    def logging_tags(self) -> list[str]:
        """Those of the other builder."""
        return list(self._builder.logging_tags())


def _statistics(answers: list[Hashable]) -> dict[str, float]:
    read = read_answers(answers)
    missing = 0 if read.missing is None else int(read.missing.sum())
    distinct = len(np.unique(read.codes)) - missing
    return {"answer/distinct": float(distinct), "answer/no_answer": missing / max(len(answers), 1)}

"""Rewards for ms-swift's GRPO, for a file that ``--external_plugins`` names::

    # plugin.py
    from polyest import graded
    from polyest.adapters.ms_swift import answer_reward, graded_reward
    from swift.rewards import orms

    orms["diversity"] = answer_reward(extract, weight=0.1)                        # beside another reward
    orms["rare"] = answer_reward(extract, combine="multiply", reward=orms["accuracy"])        # in its place
    orms["best"] = graded_reward(graded.best_of(4), quality)                                  # in its place

    swift rlhf --rlhf_type grpo --external_plugins plugin.py --reward_funcs accuracy diversity \\
        --scale_rewards none --loss_type dr_grpo --num_generations 8 …

ms-swift subtracts the mean of each group; the tables are proof against that, and like every reward there what they pay
comes out times 1 − 1/K (with ``--advantage_estimator rloo``, times 1). Groups are ms-swift's own: runs of
``num_generations`` completions in the order of the processes, which are brought together. Tested with ms-swift 4.6.0,
its trainers for transformers, one turn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Unpack

import numpy as np

from polyest.adapters import ragged
from polyest.adapters.extraction import Extractor
from polyest.adapters.graded import centred_objective
from polyest.adapters.pay import AnswerPay, answer_pay, check_positive
from polyest.errors import ArgumentError, MissingDependencyError
from polyest.identity import answers_of, row_of

try:
    from polyest.adapters.torch.batch import Completions, gathered
    from polyest.adapters.torch.other_reward import check_factor, check_function, paid_by
except ImportError as error:
    raise MissingDependencyError.for_extra("torch", "torch", "polyest.adapters.ms_swift") from error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.adapters.pay import PayArguments
    from polyest.adapters.torch.batch import Groups
    from polyest.adapters.torch.other_reward import RewardFunction
    from polyest.graded import Objective

    Array = NDArray[np.float64]

__all__ = ["AnswerORM", "GradedORM", "answer_reward", "graded_reward"]


def answer_reward(
    extract: Callable[[str], Hashable] | str,
    *,
    reward: RewardFunction | None = None,
    time_limit: float | None = 5.0,
    **pay: Unpack[PayArguments],
) -> Callable[..., AnswerORM]:
    """An entry for ms-swift's `orms`, which makes the reward function once the arguments of the training are known.

    Args:
        extract: from a completion's text to its answer, or ``"math-verify"``; None for no answer.
        reward: for a product, which is given to ms-swift *in place of* it: a class of `orms`, or a function of
            ``completions`` and ``**columns``. ms-swift subtracts the group mean, so it has to pay all completions of an
            answer alike; for 0 and 1 ``count="correct"`` sees to that.
        time_limit: seconds for one completion; see `polyest.adapters.extraction.Extractor`.
        pay: the attributes of `polyest.adapters.pay.AnswerPay`: target, sign, weight, method, …

    Raises:
        ArgumentError: an argument is outside its domain.
    """
    paying = answer_pay(pay)
    check_factor(reward, paying)
    extractor = Extractor(extract, time_limit, partial(row_of, argument="extract"))
    return partial(AnswerORM, None if reward is None else check_function(reward), extractor, paying)


def graded_reward(objective: Objective, reward: RewardFunction, *, weight: float = 1.0) -> Callable[..., GradedORM]:
    """An entry for `orms` whose gradient is that of weight · E[best of n], or of another objective of `polyest.graded`.

    Give it to ms-swift *in place of* `reward`. A completion is paid weight · ∫ c[m_i(t)] dt over thresholds t from the
    group's least reward up to its own, m_i(t) the others with rewards above t; c is the table of K − 1, so that n < K.

    Args:
        objective: made by `polyest.graded.best_of` and its like, without baseline; its group size does not matter.
        reward: what pays R_i, any finite number: a class of `orms`, or a function of ``completions`` and ``**columns``.
        weight: positive.

    Raises:
        ArgumentError: an argument is outside its domain.

    Source: docs/graded.md, section 3.
    """
    check_positive("weight", weight, "to train for the least, negate `reward`")
    return partial(GradedORM, check_function(reward), centred_objective(objective), weight)


@dataclass
class GroupORM(ABC):
    """A reward function of ms-swift that pays whole groups, which processes may share.

    Attributes:
        reward: another reward function, or a class of them; None where there is none.
        args: ms-swift's.

    Raises:
        ArgumentError: the arguments would undo what is paid; when called, on any process `extract` or `reward` raises,
            `reward` pays what is no finite number, or None for a part of a group, or there are parts of groups.
    """

    reward: RewardFunction | type | None
    args: object = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check(self.args)
        if isinstance(self.reward, type):
            self.reward = check_function(self.reward(args=self.args))

    def __call__(self, completions: Sequence[str], **columns: object) -> list[float | None]:
        """The rewards of this process's completions; ms-swift calls it, on all processes."""
        batch = gathered(lambda: self._completions(completions, columns))
        groups, applies = batch.groups(_group_size(self.args))
        told = np.full((len(applies), groups.rewards.shape[1]), None)
        if applies.any():
            told[applies] = self.pays(groups)
        own: list[float | None] = told.ravel()[batch.own].tolist()
        return own

    def _completions(self, completions: Sequence[str], columns: dict[str, object]) -> Completions:
        size = len(completions)
        given = columns | {"completions": completions}
        paid = np.zeros(size) if self.reward is None else paid_by(self.reward, given, size)
        return Completions(self.rows(completions), paid, np.zeros(size, np.int64))

    @abstractmethod
    def rows(self, completions: Sequence[str]) -> NDArray[np.int64]:
        """Of their answers; see `Completions`."""

    @abstractmethod
    def pays(self, groups: Groups) -> Array:
        """What groups are paid, shape (G, K)."""


@dataclass
class AnswerORM(GroupORM):
    """Pays completions for their answers.

    Attributes:
        extractor, pay: see `answer_reward`.

    Raises:
        ArgumentError: see `GroupORM`; groups of two; in a product, negative rewards, or different ones for completions
            of one answer.
        TableNotFoundError: when called, there is no table for ``num_generations``.

    Source: theory.md §5 and §9.
    """

    extractor: Extractor
    pay: AnswerPay

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_size(self.args, 3, "AnswerORM")

    def rows(self, completions: Sequence[str]) -> NDArray[np.int64]:
        return np.array([self.extractor(text) for text in completions], np.int64).reshape(-1, 3)

    def pays(self, groups: Groups) -> Array:
        G, K = groups.rewards.shape
        R = groups.rewards.ravel() if self.pay.multiplies else None
        read = answers_of(groups.rows.reshape(-1, 3))
        return ragged.rewards(self.pay, read, np.repeat(np.arange(G), K), weights=R).reshape(G, K)


@dataclass
class GradedORM(GroupORM):
    """Pays completions for the best of n and its like.

    Attributes:
        objective, weight: see `graded_reward`.

    Raises:
        ArgumentError: see `GroupORM`; groups that are too small for the objective.
    """

    objective: Objective
    weight: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_size(self.args, self.objective.least_group_size, self.objective.name)

    def rows(self, completions: Sequence[str]) -> NDArray[np.int64]:
        return np.empty((len(completions), 0), np.int64)

    def pays(self, groups: Groups) -> Array:
        return self.weight * self.objective.at(groups.rewards.shape[1]).rewards(groups.rewards)


def _group_size(args: object) -> int:
    K: int = getattr(args, "num_generations", 0)
    if not K:
        raise ArgumentError(
            f"`args` must be those of the training, with `num_generations`, got {args!r:.60}; name the reward function "
            "in --reward_funcs, so that ms-swift makes it"
        )
    return K


def _check_size(args: object, least: int, what: str) -> None:
    K = getattr(args, "num_generations", least)
    if least > K:
        raise ArgumentError(
            f"`num_generations` must be {least} or more for {what}, got {K}: ms-swift subtracts the group mean, and so "
            "few completions leave nothing to estimate it by; raise it"
        )


def _check(args: object) -> None:
    """Refuse what ms-swift may do to rewards.

    Raises:
        ArgumentError: it divides by a standard deviation, drops groups for their rewards, or evaluates other groups.
    """
    scaling = getattr(args, "scale_rewards", "none")
    if scaling != "none":
        raise ArgumentError(
            f"`scale_rewards` must be 'none', got {scaling!r}: dividing by a standard deviation of the rewards is not "
            "linear and biases every reward again; set --scale_rewards none"
        )
    estimator = getattr(args, "advantage_estimator", "grpo")
    if estimator not in ("grpo", "rloo"):
        raise ArgumentError(f"`advantage_estimator` must be grpo or rloo, which only centre, got {estimator!r}")
    if getattr(args, "dynamic_sample", False):
        raise ArgumentError(
            "`dynamic_sample` must be False, got True: dropping groups for their rewards biases what is left"
        )
    K, evaluation = getattr(args, "num_generations", None), getattr(args, "num_generations_eval", None)
    if evaluation not in (None, K):
        raise ArgumentError(
            f"`num_generations_eval` must be that of the training, {K}, got {evaluation}: reward functions are not "
            "told which one it is; leave it out"
        )

"""Scoring a log: rewards and advantages of its rows, values of its groups and prompts."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Unpack

import numpy as np

import polyest
from polyest.errors import TableNotFoundError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.online.answers import Answers
    from polyest.problems.budget import RaggedArguments

    Array = NDArray[np.float64]

__all__ = ["Scores", "score"]


class Grouped(Protocol):
    """Which group every row is in, shape (N,), and how large the groups are."""

    @property
    def of_row(self) -> NDArray[np.int64]: ...

    @property
    def sizes(self) -> Sequence[int] | NDArray[np.int64]: ...


@dataclass(frozen=True)
class Scores:
    """One method's numbers, NaN for groups of one.

    Attributes:
        rewards, advantages: of the rows, shape (N,).
        values: of the groups, shape (G,).
    """

    rewards: Array
    advantages: Array
    values: Array


def score(
    answers: Sequence[Hashable] | Answers,
    groups: Grouped,
    target: str,
    method: str | None,
    *,
    reference: ArrayLike | None = None,
    no_answer_reward: float | None = None,
    **budget: Unpack[RaggedArguments],
) -> Scores:
    """Rewards, advantages and values; the arguments are those of `polyest.rewards`.

    Raises:
        TableNotFoundError: there is no table for some size of group.
        ArgumentError: another bad argument.
    """
    given = answers, groups.of_row, target, method
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* groups have one completion")
            rewards = polyest.rewards(*given, reference=reference, no_answer_reward=no_answer_reward, **budget)
            advantages = polyest.advantages(*given, reference=reference, no_answer_reward=no_answer_reward, **budget)
            order, means = polyest.value(*given, reference=reference, no_answer_reward=no_answer_reward, **budget)
    except TableNotFoundError as error:
        raise TableNotFoundError(f"{error}; or cut the groups with --group-size") from None
    values = np.empty(len(groups.sizes))
    values[order] = means
    return Scores(rewards, advantages, values)

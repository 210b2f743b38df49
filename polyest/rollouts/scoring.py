"""Scoring a log: rewards and advantages of its rows, values of its groups and prompts."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Unpack, cast

import numpy as np

from polyest.errors import TableNotFoundError
from polyest.online import grouping, scoring
from polyest.ragged import tables_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.online.answers import Answers
    from polyest.problems.budget import RaggedArguments

    Array = NDArray[np.float64]

__all__ = ["Scores", "score"]

SHIPPED = 1024  # completions, the most for which there are tables without solving


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
    matches: NDArray[np.int64] | None = None,
    **budget: Unpack[RaggedArguments],
) -> Scores:
    """Rewards, advantages and values; the arguments are those of `polyest.rewards`, and `matches` where they are known.

    Raises:
        TableNotFoundError: there is no table for some size of group.
        ArgumentError: another bad argument.
    """
    options = grouping.Options("rewards", target, reference, None, no_answer_reward, matches=matches)
    tables = tables_of(target, method, budget)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* groups have one completion")
            job = grouping.ragged(tables, answers, groups.of_row, options)
            rewards = cast("Array", scoring.scores(job))
            advantages = cast("Array", scoring.scores(job.of("advantages", tables)))
            means = scoring.values(job.of("values", tables))
    except TableNotFoundError as error:
        raise TableNotFoundError(_advised(str(error), int(np.max(groups.sizes)))) from None
    values = np.empty(len(groups.sizes))
    firsts = job.layout.starts[:-1] if job.layout.rows is None else job.layout.rows[job.layout.starts[:-1]]
    values[groups.of_row[firsts]] = means
    return Scores(rewards, advantages, values)


def _advised(error: str, largest: int) -> str:
    """To cut the groups besides; first of all where a group is larger than those of any shipped table."""
    if largest <= SHIPPED:
        return f"{error}; or cut the groups with --group-size"
    what, _, command = error.partition("; solve ")
    return f"{what}; cut the groups with --group-size; or solve {command}"

"""Scoring a log: rewards and advantages of its rows, values of its groups and prompts."""

from __future__ import annotations

import json
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Unpack, cast

import numpy as np

import polyest
from polyest.errors import TableNotFoundError
from polyest.rollouts.jsonl import JsonLines

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.online.answers import Answers
    from polyest.problems.budget import RaggedArguments
    from polyest.rollouts.grouping import Groups

    Array = NDArray[np.float64]

__all__ = ["Scores", "by_prompt", "mean_values", "score"]


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

    @property
    def mean_value(self) -> float:
        """The mean over all groups of two and more."""
        return float(np.nanmean(self.values))


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


def by_prompt(groups: Groups, names: Sequence[str]) -> JsonLines:
    """One row per prompt: its ids under these names, and its numbers of completions and groups."""
    sizes = groups.of_each_prompt(np.array(groups.sizes, np.int64))
    rows: list[dict[str, object]] = [
        dict(zip(names, prompt if isinstance(prompt, tuple) else (prompt,), strict=True))
        | {"completions": int(members.sum()), "groups": len(members)}
        for prompt, members in zip(groups.prompts, sizes, strict=True)
    ]
    texts = [f"{{{', '.join(f'{_json(name)}: {_json(value)}' for name, value in row.items())}}}" for row in rows]
    return JsonLines(Path("values"), list(range(1, len(rows) + 1)), texts, rows)


def mean_values(groups: Groups, scores: Scores) -> list[float]:
    """The mean value of each prompt's groups of two and more."""
    return [_mean_of_scored(values) for values in groups.of_each_prompt(scores.values)]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(Decimal(cast("int", value)))


def _mean_of_scored(values: Array) -> float:
    scored = values[~np.isnan(values)]
    return float(scored.mean()) if len(scored) else float("nan")

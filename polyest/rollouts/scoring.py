"""Scoring a log: rewards and advantages of its rows, values of its groups and prompts."""

from __future__ import annotations

import json
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import polyest
from polyest.errors import TableNotFoundError
from polyest.rollouts.jsonl import JsonLines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.grouping import Groups

    Array = NDArray[np.float64]

__all__ = ["Scores", "by_prompt", "score"]


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


def score(answers: Sequence[Hashable], groups: Groups, target: str, method: str | None, **options: Any) -> Scores:
    """Rewards, advantages and values; `options` are those of `polyest.rewards`.

    Raises:
        TableNotFoundError: there is no table for some size of group.
        ArgumentError: another bad argument.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* groups have one completion")
            rewards = polyest.rewards(answers, groups.of_row, target, method, **options)
            advantages = polyest.advantages(answers, groups.of_row, target, method, **options)
            order, means = polyest.value(answers, groups.of_row, target, method, **options)
    except TableNotFoundError as error:
        raise TableNotFoundError(f"{error}; or cut the groups with --group-size") from None
    values = np.empty(len(groups.sizes))
    values[order] = means
    return Scores(rewards, advantages, values)


def by_prompt(groups: Groups, scores: dict[str, Scores]) -> tuple[JsonLines, dict[str, list[float]]]:
    """One row per prompt, and by name of column the mean value of the prompt's groups."""
    index: dict[Hashable, list[int]] = {}
    for number, prompt in enumerate(groups.prompts):
        index.setdefault(prompt, []).append(number)
    rows = [
        {"prompt_id": prompt, "completions": sum(groups.sizes[g] for g in members), "groups": len(members)}
        for prompt, members in index.items()
    ]
    texts = [json.dumps(row, ensure_ascii=False) for row in rows]
    means = {
        name: [_mean_of_scored(scored.values[members]) for members in index.values()] for name, scored in scores.items()
    }
    return JsonLines(Path("values"), list(range(1, len(rows) + 1)), texts, rows), means


def _mean_of_scored(values: Array) -> float:
    scored = values[~np.isnan(values)]
    return float(scored.mean()) if len(scored) else float("nan")

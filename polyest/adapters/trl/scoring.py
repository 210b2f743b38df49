"""From groups of answers to what the trainer gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polyest
from polyest.adapters.pay import AnswerPay
from polyest.problems.targets import get_target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from polyest.estimator import Estimator

    Array = NDArray[np.float64]

__all__ = ["Scoring"]


@dataclass(frozen=True, kw_only=True)
class Scoring(AnswerPay):
    """Scores whole groups."""

    def __post_init__(self) -> None:
        super().__post_init__()
        get_target(self.target)

    def load(self, group_size: int, baseline: str | None = None) -> Estimator:
        """The table of K; `baseline` as in `polyest.load`."""
        return polyest.load(self.target, group_size, self.method, baseline=baseline, **self.budget)

    def rewards(self, estimator: Estimator, groups: list[list[Any]]) -> Array:
        """Shape (groups, K)."""
        return self.scale * estimator.rewards(groups, no_answer_reward=self.no_answer_pay(estimator))

    def advantages(self, estimator: Estimator, groups: list[list[Any]]) -> Array:
        """(1 − 1/K) times the exact ones: the factor by which the trainer's own centring shrinks other rewards."""
        scale = self.scale * (1 - 1 / estimator.problem.group_size)
        return scale * estimator.advantages(groups, no_answer_reward=self.no_answer_pay(estimator))

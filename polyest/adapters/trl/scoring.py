"""From groups of answers to what the trainer gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polyest
from polyest.adapters.pay import AnswerPay
from polyest.problems.targets import get_target

if TYPE_CHECKING:
    from polyest.estimator import Estimator

__all__ = ["Scoring"]


@dataclass(frozen=True, kw_only=True)
class Scoring(AnswerPay):
    """Scores whole groups."""

    def __post_init__(self) -> None:
        super().__post_init__()
        get_target(self.target)

    def load(self, group_size: int, baseline: str | None = None) -> Estimator:
        """The table of K; `baseline` as in `polyest.load`."""
        return polyest.load(self.target, group_size, self.method, baseline=baseline, **self.budgets)

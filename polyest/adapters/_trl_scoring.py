"""From groups of answers to what the trainer gets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polyest
from polyest.errors import ArgumentError
from polyest.online.scoring import no_answer_pay
from polyest.targets import get_target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from polyest.estimator import Estimator
    from polyest.targets import Target

    Array = NDArray[np.float64]

__all__ = ["Scoring"]


@dataclass(frozen=True)
class Scoring:
    """What is paid: weight · sign · c[m], and `no_answer_reward` (None: the least of these) without an answer.

    `options` are the keyword arguments of `polyest.load`.
    """

    target: str | Target
    options: Mapping[str, Any]
    sign: int
    weight: float
    no_answer_reward: float | None

    def __post_init__(self) -> None:
        if self.sign not in (-1, 1):
            raise ArgumentError(f"`sign` must be −1 (diversity) or +1 (consistency), got {self.sign!r}")
        if not (isinstance(self.weight, int | float) and 0 < self.weight < math.inf):
            raise ArgumentError(f"`weight` must be positive and finite, got {self.weight!r}; its sign is `sign`")
        get_target(self.target)
        no_answer_pay(self.no_answer_reward)

    def load(self, group_size: int, baseline: str | None = None) -> Estimator:
        """The table of K; `baseline` as in `polyest.load`."""
        return polyest.load(self.target, group_size, baseline=baseline, **self.options)

    def rewards(self, estimator: Estimator, groups: list[list[Any]]) -> Array:
        """Shape (groups, K)."""
        return self._scale * estimator.rewards(groups, no_answer_reward=self._no_answer(estimator))

    def advantages(self, estimator: Estimator, groups: list[list[Any]]) -> Array:
        """(1 − 1/K) times the exact ones: the factor by which the trainer's own centring shrinks other rewards."""
        scale = self._scale * (1 - 1 / estimator.problem.group_size)
        return scale * estimator.advantages(groups, no_answer_reward=self._no_answer(estimator))

    @property
    def _scale(self) -> float:
        return self.sign * self.weight

    def _no_answer(self, estimator: Estimator) -> float:
        """In the units of the table."""
        if self.no_answer_reward is not None:
            return self.no_answer_reward / self._scale
        return self.sign * float((self.sign * estimator.coefficients).min())

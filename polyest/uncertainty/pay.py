"""The value of a group as a sum over answers, Σ_z f(N_z), N_z how often answer z came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.problems.problem import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.uncertainty.profile import Cell

    Array = NDArray[np.float64]

__all__ = ["ErrorOfValue", "Pay", "statistic"]


@dataclass(frozen=True)
class Pay:
    """What the completions of a group of K are paid.

    Attributes:
        problem: target, group size and method.
        coefficients: c, K numbers.
        others: c', K−1 numbers; None where they are not needed.
        no_answer: the reward of a completion without an answer; None for c[0].
    """

    problem: Problem
    coefficients: tuple[float, ...]
    others: tuple[float, ...] | None
    no_answer: float | None


@dataclass(frozen=True)
class ErrorOfValue:
    """Of one group's value: its variance over fresh groups, and its bias (NaN where that is not estimated)."""

    variance: float
    bias: float


def statistic(cells: Sequence[Cell], coefficients: Sequence[float], no_answer: float | None) -> Array:
    """f(n) = n·(c[n−1] − offset)/K of every cell, n = 0..K, (cells, K+1); "no answer" is paid alike for all n."""
    c = np.asarray(coefficients)
    K = len(c)
    rewards = np.tile(c, (len(cells), 1))
    rewards[[cell.is_missing for cell in cells]] = c[0] if no_answer is None else no_answer
    rewards -= np.array([cell.offset for cell in cells])[:, None]
    return np.hstack([np.zeros((len(cells), 1)), rewards * (np.arange(1, K + 1) / K)])

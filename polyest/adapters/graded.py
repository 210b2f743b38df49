"""Graded rewards in trainers: which objectives the adapters take, and in what form they are paid."""

from __future__ import annotations

from dataclasses import replace

from polyest.adapters.ragged import BASELINE
from polyest.errors import ArgumentError
from polyest.graded import Objective

__all__ = ["centred_objective", "plain_objective"]


def plain_objective(objective: object) -> Objective:
    """The objective, for groups of any size.

    Raises:
        ArgumentError: it is none of `polyest.graded`, or has a baseline.
    """
    if not isinstance(objective, Objective) or objective.baseline is not None:
        raise ArgumentError(
            f"`objective` must be made by polyest.graded, without a baseline, got {objective!r:.60}; for instance "
            "best_of(4): the size of the groups and what the trainer subtracts are found out"
        )
    return replace(objective, group_size=None)


def centred_objective(objective: object) -> Objective:
    """The same, whose rewards survive that the trainer subtracts the group mean (docs/graded.md, section 3).

    Raises:
        ArgumentError: see `plain_objective`.

    >>> from polyest.graded import best_of
    >>> centred_objective(best_of(2)).at(3).rewards([1.0, 2.0, 4.0]).tolist()
    [0.0, 0.0, 4.0]
    """
    return replace(plain_objective(objective), baseline=BASELINE)

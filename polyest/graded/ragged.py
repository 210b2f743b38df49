"""Flat rewards and group ids: groups of any sizes, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError
from polyest.graded.grouping import scores
from polyest.graded.objective import Objective
from polyest.graded.reading import read_rewards
from polyest.online.grouping import arrange, group_ids

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.graded.tables import Array

__all__ = ["advantages", "rewards", "values"]


def rewards(
    rewards: ArrayLike,
    groups: Any,
    objective: Objective,
    missing: str | None = None,
    usable: ArrayLike | None = None,
) -> Array:
    """The pay of every completion, each group by the table of its own size; see `Objective.rewards`.

    Args:
        rewards: shape (N,), real numbers.
        groups: shape (N,), the group of each completion: integers or hashable ids, in any order.
        objective: made by `best_of` and its like, with or without a group size, which does not matter here.
        missing, usable: as in `Objective.rewards`, shape (N,).

    Returns:
        float64 array of shape (N,), in the order of the rewards; NaN for groups that are too small for the objective,
        with one warning.

    Raises:
        ArgumentError: lengths that differ, missing group ids, or rewards that are no finite real numbers.

    >>> from polyest.graded import best_of
    >>> rewards([1, 2, 4, 0, 3], ["x", "x", "x", "y", "y"], best_of(2)).tolist()
    [0.0, 1.0, 5.0, 0.0, 6.0]
    """
    return _ragged("rewards", rewards, groups, objective, missing, usable)[1]


def advantages(
    rewards: ArrayLike,
    groups: Any,
    objective: Objective,
    missing: str | None = None,
    usable: ArrayLike | None = None,
) -> Array:
    """The advantage of every completion; see `Objective.advantages`. Arguments and returns are those of `rewards`.

    >>> from polyest.graded import best_of
    >>> advantages([1, 2, 4, 0, 3], ["x", "x", "x", "y", "y"], best_of(2)).tolist()
    [-1.0, -0.5, 4.5, 0.0, 6.0]
    """
    return _ragged("advantages", rewards, groups, objective, missing, usable)[1]


def values(
    rewards: ArrayLike,
    groups: Any,
    objective: Objective,
    missing: str | None = None,
    usable: ArrayLike | None = None,
) -> tuple[Any, Array]:
    """The value of every group; see `Objective.values`. Arguments are those of `rewards`.

    Returns:
        The group ids by first appearance (a list, or an array if `groups` is one), and their values, shapes (G,).
        Groups of which nothing is left are left out.

    >>> from polyest.graded import best_of
    >>> values([1, 2, 4, 0, 3], ["x", "x", "x", "y", "y"], best_of(2))
    (['x', 'y'], array([3.33333333, 3.        ]))
    """
    firsts, result = _ragged("values", rewards, groups, objective, missing, usable)
    order = np.argsort(firsts)
    rows = firsts[order]
    ids = [groups[row] for row in rows.tolist()] if isinstance(groups, list) else np.asarray(groups)[rows]
    return ids, result[order]


def _ragged(
    kind: str, rewards: ArrayLike, groups: Any, objective: Objective, missing: str | None, usable: ArrayLike | None
) -> tuple[NDArray[Any], Array]:
    """The first row of each group, and the scores."""
    if not isinstance(objective, Objective):
        raise ArgumentError(
            f"`objective` must be made by best_of, worst_of, median_of or l_statistic, got {objective!r:.60}"
        )
    numbers, absent = read_rewards(rewards, missing, usable=usable)
    ids = group_ids(groups)
    if numbers.ndim != 1 or ids.shape != numbers.shape:
        raise ArgumentError(
            f"`rewards` and `groups` must be flat and of equal length, got shapes {numbers.shape} and {ids.shape}; for "
            "an array of equal groups use the methods of the objective"
        )
    kept = None if absent is None else np.flatnonzero(~absent)
    order, starts = arrange(ids if kept is None else ids[kept])
    if kept is not None:
        order = kept if order is None else kept[order]
    firsts = starts[:-1] if order is None else order[starts[:-1]]
    return firsts, scores(kind, objective, numbers, starts, order)

"""Scoring groups of rewards of several sizes, each by the table of its own size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import warn
from polyest.graded.scoring import score
from polyest.online.layout import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.graded.objective import Objective
    from polyest.graded.tables import Array

__all__ = ["dense", "scores"]


def dense(kind: str, objective: Objective, values: Array, absent: Any) -> Array:
    """Scores of rewards of shape (..., K); those that are absent leave a smaller group."""
    shape, K = values.shape, values.shape[-1]
    result = shape[:-1] if kind == "values" else shape
    if absent is None:
        return score(kind, values.reshape(-1, K), objective.pay(kind)).reshape(result)
    starts = np.concatenate([[0], np.cumsum((~absent).reshape(-1, K).sum(axis=1))])
    return scores(kind, objective, values.reshape(-1), starts, np.flatnonzero(~absent)).reshape(result)


def scores(
    kind: str, objective: Objective, values: Array, starts: NDArray[np.int64], rows: NDArray[Any] | None
) -> Array:
    """One table per size; NaN in groups that are too small, and outside all groups."""
    result = np.full(len(starts) - 1 if kind == "values" else len(values), np.nan)
    few = 0
    for size, members, places in blocks(starts, rows):
        if size < objective.least_group_size:
            few += len(members)
            continue
        found = score(kind, values[places], objective.at(size).pay(kind))
        result[members if kind == "values" else places] = found
    few += int(np.count_nonzero(np.diff(starts) < 2))
    if few:
        warn(
            f"{few} of {len(starts) - 1} groups have fewer than the {objective.least_group_size} completions that "
            f"{objective.name} needs: scored NaN"
        )
    return result

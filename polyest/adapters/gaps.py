"""What the gaps between sorted rewards pay in groups of every size, as matrices that a framework can index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError, PolyestError, TableNotFoundError, warn
from polyest.graded import Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["check_objective", "pay_by_size"]


def check_objective(objective: object) -> Objective:
    """An objective with a group size."""
    if not isinstance(objective, Objective) or objective.group_size is None:
        raise ArgumentError(
            f"`objective` must be made by polyest.graded with a group_size, got {objective!r:.60}; "
            "for instance best_of(4, group_size=16)"
        )
    return objective


def pay_by_size(objective: Objective, kind: str) -> Array:
    """`Pay.up` and `Pay.down` of groups of 0..K, shape (2, K + 1, K); 0 behind n, NaN for n that are too small.

    NaN also for n without a table, with one warning: which sizes will be met is not known yet.
    """
    K = objective.group_size or 0
    result = np.zeros((2, K + 1, K))
    without: dict[int, TableNotFoundError] = {}
    for n in range(K + 1):
        try:
            pay = objective.at(n).pay(kind)
        except PolyestError as error:
            result[:, n] = np.nan
            if isinstance(error, TableNotFoundError):
                without[n] = error
        else:
            result[0, n, :n], result[1, n, :n] = pay.up, pay.down
    if without:
        sizes, first = ", ".join(map(str, without)), next(iter(without.values()))
        warn(f"groups of which {sizes} completions are left are scored NaN: {first}")
    return result

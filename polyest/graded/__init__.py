"""Graded rewards: best of n, worst of n, medians and other L-statistics, values and gradients without bias.

A reward is a success at every threshold below it, so the exact tables of `polyest.success`, looked up at the number of
others *above* each threshold and added up over the thresholds, train the expected best of n (docs/graded.md).

>>> from polyest import graded
>>> objective = graded.best_of(3, group_size=5)
>>> objective.advantages([1, 4, 2, 8, 5]).tolist()
[-1.375, -0.875, -1.375, 10.625, 0.5]
>>> graded.advantages([1, 4, 2, 8, 5, 0, 1, 0], [0, 0, 0, 0, 0, 1, 1, 1], objective).tolist()
[-1.375, -0.875, -1.375, 10.625, 0.5, 0.0, 3.0, 0.0]

`objective` has the L-statistics, `calibrated` Φ(C), `beyond` best and worst of n for n > K, `refused` what nothing
estimates; `tables` says what a gap between neighbouring rewards pays. `reading` checks rewards, `grouping` and `ragged`
find groups of one size, `scoring` (numpy) and `compiled` (numba) score them.
"""

from __future__ import annotations

from polyest.graded.calibrated import Calibrated, calibrated
from polyest.graded.objective import Objective, best_of, l_statistic, median_of, worst_of
from polyest.graded.ragged import advantages, rewards, values
from polyest.graded.refused import majority_vote, quantile

__all__ = [
    "Calibrated",
    "Objective",
    "advantages",
    "best_of",
    "calibrated",
    "l_statistic",
    "majority_vote",
    "median_of",
    "quantile",
    "rewards",
    "values",
    "worst_of",
]

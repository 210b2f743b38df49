"""The delete-one jackknife: how much the value changes from leaving out one completion to leaving out another.

The value of the others, scored as a group of K−1, is what an exact advantage takes off a reward, so this is the spread
of rewards − advantages. It takes no law, and no number that a trainer does not have already.
"""

from __future__ import annotations

import numpy as np

from polyest.uncertainty.pay import ErrorOfValue, Pay, statistic
from polyest.uncertainty.profile import Profile

__all__ = ["error_of"]


def error_of(profile: Profile, pay: Pay) -> ErrorOfValue:
    """((K−1)/K)·Σ_i (b_i − b̄)², b_i the value of the others as a group of K−1."""
    assert pay.others is not None
    K, cells = profile.size, profile.cells
    f = statistic(cells, pay.others, pay.no_answer)
    f = np.hstack([f, f[:, -1:]])  # K equal answers: one is always left out
    n, many = np.array([(cell.count, cell.many) for cell in cells]).T
    row = np.arange(len(cells))
    left_out = f[row, n - 1] - f[row, n] + (many * f[row, n]).sum()
    deviations = left_out - (n * many * left_out).sum() / K
    return ErrorOfValue((K - 1) / K * float((n * many * deviations**2).sum()), np.nan)

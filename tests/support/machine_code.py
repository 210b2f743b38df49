"""Makes the machine code that is not on disk yet, which else every process of the tests would make for itself.

numba makes functions of their own for rewards, advantages and values; for groups of one size and of mixed sizes; with
weights; for rows in any order, strings, and graded rewards.
"""

from __future__ import annotations

import numpy as np

import polyest
from polyest import graded
from polyest.online import backend

backend.COLD_WORK = backend.WARM_WORK = 0  # numba also for a few completions

answers = np.arange(640) % 7
pay = np.linspace(-1, 1, 640)
mixed, moved = np.repeat(np.arange(32), [12, 28] * 16), np.arange(640) % 40
estimator, mean = polyest.load("log", 16, "harmonic"), graded.best_of(2, group_size=16)
for name in ("rewards", "advantages", "value"):
    for weights in (None, pay):
        given = {} if weights is None else {"weights": weights.reshape(-1, 16)}
        getattr(estimator, name)(answers.reshape(-1, 16), **given)
        for groups in (mixed, moved, moved << 40):
            getattr(polyest, name)(answers, groups, "log", "harmonic", weights=weights)
mean.rewards(pay.reshape(-1, 16))
mean.values(pay.reshape(-1, 16))
polyest.rewards([str(answer) for answer in answers.tolist()], moved, "log", "harmonic")

"""Inverses and multipliers of increasing functions, by bisection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["increasing_inverse", "increasing_root"]

SMALLEST = 1e-300


def increasing_inverse(function: Callable[[Array], Array], y: ArrayLike) -> Array:
    """The p in [0, 1] with function(p) = y, elementwise, for an increasing function; clipped to 0 and 1.

    >>> increasing_inverse(lambda p: p * p, [0.25, 4.0, -1.0]).tolist()
    [0.5, 1.0, 0.0]
    """
    goal = np.asarray(y, dtype=np.float64)
    low, high = np.full(goal.shape, np.log(SMALLEST)), np.zeros(goal.shape)
    for _ in range(12):  # coarse, in log p, so that tiny probabilities keep their digits
        middle = (low + high) / 2
        above = function(np.exp(middle)) >= goal
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    least, most = np.exp(low), np.exp(high)
    for _ in range(54):
        centre = (least + most) / 2
        above = function(centre) >= goal
        least, most = np.where(above, least, centre), np.where(above, centre, most)
    outside = function(np.full(goal.shape, SMALLEST)) >= goal
    return np.asarray(np.where(outside, 0.0, np.where(function(np.ones(goal.shape)) <= goal, 1.0, most)))


def increasing_root(function: Callable[[float], float], low: float, high: float, tolerance: float = 0.0) -> float:
    """An x in [low, high] with |function(x)| ≤ tolerance, or the last bit of the root (Illinois, guarded by bisection).

    >>> increasing_root(lambda x: x * x * x - 8, 0.0, 5.0)
    2.0
    """
    at_low, at_high, last = function(low), function(high), 0
    for end, value in ((low, at_low), (high, at_high)):
        if abs(value) <= tolerance:
            return end
    for turn in range(1, 200):
        middle = low - at_low * (high - low) / (at_high - at_low)
        if turn % 8 == 0 or not low < middle < high:
            middle = (low + high) / 2
        value = function(middle)
        if abs(value) <= tolerance or not low < middle < high:
            return middle
        if value < 0:
            low, at_low, at_high, last = middle, value, at_high / (2 if last < 0 else 1), -1
        else:
            high, at_high, at_low, last = middle, value, at_low / (2 if last > 0 else 1), 1
    return middle

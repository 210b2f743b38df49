"""Quantiles of Student's t distribution, without scipy."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

__all__ = ["two_sided"]


def two_sided(confidence: float, degrees_of_freedom: float) -> float:
    """t with P(|T| ≤ t) = confidence, to about five digits; the normal quantile from 10⁶ degrees of freedom on.

    With t = √ν·tan θ the density is proportional to cos^(ν−1) θ.

    >>> round(two_sided(0.95, 4), 4), round(two_sided(0.95, math.inf), 4)
    (2.7764, 1.96)
    """
    if degrees_of_freedom > 1e6:
        return NormalDist().inv_cdf((1 + confidence) / 2)
    farthest = min(math.pi / 2, 12 / math.sqrt(degrees_of_freedom))
    theta = np.linspace(0, farthest, 20_001)
    density = np.cos(theta) ** (degrees_of_freedom - 1)
    below = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return math.sqrt(degrees_of_freedom) * math.tan(np.interp(confidence, below / below[-1], theta))

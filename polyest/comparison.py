"""Worst-case bias and noise of a table in float64, for tables side by side; proofs are in `polyest.certify`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from polyest import bernstein
from polyest.targets import get_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Extremes", "extremes"]

GRID = np.unique(np.concatenate([np.geomspace(1e-12, 1, 4000), np.linspace(0, 1, 4001)[1:]]))


@dataclass(frozen=True)
class Extremes:
    """Suprema over p in (0, 1], located on a grid and refined once: good to about six digits, no proof.

    Attributes:
        worst_case_bias: sup p·|Q_c(p) − r(p)|.
        noise: sup V_c(p); infinite where the target grows too fast at 0.
    """

    worst_case_bias: float
    noise: float


def extremes(target: str, coefficients: Sequence[float] | Array) -> Extremes:
    """Worst-case bias and noise of any table (theory.md §2).

    >>> extremes("log", [-1.0, 0.0])  # doctest: +ELLIPSIS
    Extremes(worst_case_bias=0.161..., noise=0.12...)
    """
    bias = _supremum(lambda p: np.abs(bernstein.bias(target, coefficients, p)))
    if get_target(target).growth[1] > Fraction(1, 2):
        return Extremes(bias, math.inf)
    return Extremes(bias, _supremum(lambda p: bernstein.noise(target, coefficients, p)))


def _supremum(function: Callable[[Array], Array]) -> float:
    top = int(np.argmax(function(GRID)))
    around = np.linspace(GRID[max(top - 1, 0)], GRID[min(top + 1, len(GRID) - 1)], 200)
    return float(function(around).max())

"""Worst-case bias and noise of a table in float64, for tables side by side; proofs are in `polyest.certify`."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.polynomials import bernstein
from polyest.problems.targets import Target, get_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Extremes", "extremes", "noise_peak", "rounded_up"]

AT_ONCE = 1024  # points of a grid, so that large groups fit into memory


@dataclass(frozen=True)
class Extremes:
    """Suprema over p in (0, 1], located on a grid and refined: approximations, no proof.

    Attributes:
        worst_case_bias: sup p·|Q_c(p) − r(p)|.
        noise: sup V_c(p); infinite where the target grows, or may grow, too fast at 0.
    """

    worst_case_bias: float
    noise: float


def extremes(target: str, coefficients: Sequence[float] | Array) -> Extremes:
    """Worst-case bias and noise of any table (theory.md §2).

    >>> extremes("log", [-1.0, 0.0])  # doctest: +ELLIPSIS
    Extremes(worst_case_bias=0.161..., noise=0.12...)
    """
    grid = _grid(len(coefficients))
    bias = _top(lambda p: np.abs(bernstein.bias(target, coefficients, p)), grid)[1]
    if not get_target(target).bounds_noise:
        return Extremes(bias, math.inf)
    return Extremes(bias, _top(lambda p: bernstein.noise(target, coefficients, p), grid)[1])


def noise_peak(target: Target, coefficients: Sequence[float] | Array) -> float:
    """A probability at which the noise is close to the largest, for tables as smooth as plug_in."""
    return _top(lambda p: bernstein.noise(target, coefficients, p), _grid(1))[0]


def rounded_up(value: float, digits: int = 4) -> str:
    """The shortest decimal of at most so many digits that is not below `value`.

    >>> rounded_up(0.00313614, digits=3)
    '0.00314'
    """
    with decimal.localcontext(prec=digits, rounding=decimal.ROUND_CEILING):
        return f"{(+decimal.Decimal(value)).normalize():g}"


def _grid(group_size: int) -> Array:
    """Points in (0, 1] as dense as a polynomial of degree K can turn, p = sin²(t/2), and more of them near 0."""
    turns = np.sin(np.linspace(0, np.pi / 2, 8 * group_size + 200)[1:]) ** 2
    return np.unique(np.concatenate([turns, np.geomspace(1e-9, 1, 400)]))


def _top(function: Callable[[Array], Array], grid: Array) -> tuple[float, float]:
    """Where a function is largest, and its value."""
    parts = np.array_split(grid, len(grid) // AT_ONCE + 1)
    return bernstein.highest(function, grid, np.concatenate([function(part) for part in parts]))

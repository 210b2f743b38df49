"""What a policy pays for concentrating on an answer: the true penalty of a target, and the one a table plays instead.

A penalty is separable: it charges H(ν) = Σ_z H(ν(z)) with an increasing slope h = H'. The true slope is
h = τ·r + λ·log; with tables c for r and l for log the expected update follows h_Q = Q_{τc+λl} (theory.md §2, §8).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from polyest.errors import ArgumentError
from polyest.games.rootfinding import SMALLEST, increasing_inverse
from polyest.polynomials.bernstein import target_values
from polyest.problems.targets import Target, get_target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["Penalty", "TablePenalty", "TargetPenalty", "integral"]

GRID = 1024
FEW = 256  # numbers that are summed in one pass, both halves of (0, 1] at once: calls cost more than numbers


class Penalty(Protocol):
    """A separable penalty H with an increasing slope h."""

    def slope(self, p: ArrayLike) -> Array:
        """h(p), elementwise; −∞ at p = 0 where the slope is infinite there."""

    def potential(self, p: ArrayLike) -> Array:
        """H(p) = ∫_0^p h, elementwise."""

    def inverse(self, y: ArrayLike) -> Array:
        """The p in [0, 1] with h(p) = y, elementwise; 0 where y ≤ h(0), 1 where y ≥ h(1)."""

    @property
    def steepness(self) -> float:
        """sup_p p·h'(p): mirror ascent with steps of at most 1/steepness never overshoots."""


def integral(target: Target, p: ArrayLike) -> Array:
    """∫_0^p r(t) dt, elementwise: the generator φ up to a linear term.

    >>> from polyest.problems.targets import get_target
    >>> float(integral(get_target("log"), 1.0))
    -1.0

    Raises:
        ArgumentError: the target is of a family whose integral is not known here.
    """
    x = np.asarray(p, dtype=np.float64)
    family, _, rest = target.name.partition("(")
    if target.polynomial is not None:
        return np.asarray(sum(float(a) * x ** (j + 1) / (j + 1) for j, a in enumerate(target.polynomial)))
    if family == "log":
        return np.asarray(_x_log(x, x) - x)
    if family == "power":
        a = float(Fraction(rest[:-1]))
        return np.asarray(np.sign(a) * x ** (a + 1) / (a + 1))
    if family == "js":
        q = float(Fraction(rest[:-1]))
        return np.asarray(_x_log(x, 2 * x / (x + q)) - q * np.log1p(x / q))
    raise ArgumentError(
        f"`target` must be log, power(a), polynomial(…) or js(q); got {target.name}: its φ is not known"
    )


def _x_log(x: Array, y: Array) -> Array:
    return np.asarray(x * np.log(np.where(x > 0, y, 1.0)))


def _closed_inverse(target: Target, y: Array) -> Array:
    """r^{−1}(y) of power(a) and js(q), clipped to [0, 1]."""
    parameter = float(Fraction(target.name.partition("(")[2][:-1]))
    lowest, highest = (float(v) for v in target_values(target, np.array([SMALLEST, 1.0])))
    inside = np.clip(y, lowest, highest)
    if target.name.startswith("power("):
        p = np.abs(inside) ** (1 / parameter)
    else:
        p = parameter * np.exp(inside) / (2 - np.exp(inside))
    return np.asarray(np.where(y <= lowest, 0.0, np.where(y >= highest, 1.0, p)))


@dataclass(frozen=True)
class TargetPenalty:
    """The true penalty: slope h(p) = τ·r(p) + λ·log p.

    Attributes:
        target: canonical name of r.
        weight: τ ≥ 0.
        log_weight: λ ≥ 0.

    >>> TargetPenalty("log", 2.0).inverse([-2.0]).round(6).tolist()
    [0.367879]
    """

    target: str
    weight: float
    log_weight: float = 0.0

    def __post_init__(self) -> None:
        p = np.linspace(0, 1, 4 * GRID + 1)[1:]
        if self.weight > 0 and np.diff(target_values(self.target, p)).min() < -1e-12:
            raise ArgumentError(
                f"`target` must have an increasing r on (0, 1], so that φ is convex; got {self.target}; "
                "choose coefficients with r' ≥ 0"
            )

    def slope(self, p: ArrayLike) -> Array:
        x = np.asarray(p, dtype=np.float64)
        with np.errstate(divide="ignore"):
            slope = self.weight * target_values(self.target, x) if self.weight else np.zeros_like(x)
            return np.asarray(slope + self.log_weight * np.log(x) if self.log_weight else slope)

    def potential(self, p: ArrayLike) -> Array:
        x = np.asarray(p, dtype=np.float64)
        return np.asarray(
            self.weight * integral(get_target(self.target), x) + self.log_weight * integral(get_target("log"), x)
        )

    def inverse(self, y: ArrayLike) -> Array:
        if self.is_logarithmic:
            return np.asarray(np.exp(np.minimum(np.asarray(y) / self.total_weight, 0)))
        if self.log_weight == 0 and self.target.startswith(("power(", "js(")):
            return _closed_inverse(get_target(self.target), np.asarray(y) / self.weight)
        return increasing_inverse(self.slope, y)

    @property
    def is_logarithmic(self) -> bool:
        """Whether the slope is a multiple of log p."""
        return self.total_weight > 0 and (self.target == "log" or self.weight == 0)

    @property
    def total_weight(self) -> float:
        """τ + λ."""
        return self.weight + self.log_weight

    @property
    def steepness(self) -> float:
        p = np.geomspace(1e-6, 1, GRID)
        growth = np.diff(self.slope(p)) / np.diff(np.log(p))
        return float(growth.max())


@dataclass(frozen=True)
class TablePenalty:
    """The penalty that a table plays: slope Q_t(p) = Σ_m t_m B_{m,K−1}(p).

    Attributes:
        table: t_0 … t_{K−1}: τ times the table of the target plus λ times that of log.

    >>> TablePenalty((-1.0, 0.0)).slope([0.25]).tolist()
    [-0.75]
    """

    table: tuple[float, ...]

    def slope(self, p: ArrayLike) -> Array:
        return _value(self._slope, p)

    def potential(self, p: ArrayLike) -> Array:
        sums = np.concatenate([[0.0], np.cumsum(self.table)]) / len(self.table)
        return _value(_sides(sums), p)

    def inverse(self, y: ArrayLike) -> Array:
        if not self.is_increasing:
            raise ArgumentError(
                "`coefficients` must give an increasing Q_c for a unique equilibrium; this table's is not: "
                "play the game with `ascend` instead"
            )
        goal = np.asarray(y, dtype=np.float64)
        return self._polish(np.interp(goal, *self._grid), goal)

    def _polish(self, p: Array, y: Array) -> Array:
        low, high = self.table[0], self.table[-1]
        for _ in range(3):
            steepness = _value(self._rise, p)
            step = np.where(steepness > 0, (y - self.slope(p)) / np.where(steepness > 0, steepness, 1), 0)
            p = np.clip(p + step, 0, 1)
        return np.asarray(np.where(y <= low, 0.0, np.where(y >= high, 1.0, p)))

    @cached_property
    def _grid(self) -> tuple[Array, Array]:
        p = np.concatenate([[0.0], np.geomspace(1e-9, 1e-3, 200), np.linspace(1e-3, 1, GRID)[1:]])
        return np.maximum.accumulate(self.slope(p)), p

    @cached_property
    def is_increasing(self) -> bool:
        """Whether Q_t' > 0 on a fine grid of (0, 1)."""
        p = np.concatenate([[0.0], np.geomspace(1e-6, 1e-2, 400), np.linspace(1e-2, 1, GRID)])
        return bool(len(self.table) > 1 and _value(self._rise, p)[:-1].min() > 0)

    @property
    def steepness(self) -> float:
        p = np.linspace(0, 1, GRID)
        return float((p * _value(self._rise, p)).max()) if len(self.table) > 1 else 0.0

    @cached_property
    def _slope(self) -> Array:
        return _sides(np.asarray(self.table))

    @cached_property
    def _rise(self) -> Array:
        """Q', of degree K−2."""
        return _sides(np.asarray((len(self.table) - 1) * np.diff(self.table)))


def _sides(coefficients: Array) -> Array:
    """C(n,m)·c_m and C(n,m)·c_{n−m}, m = 0 … n: of (1−p)^n Σ_m … (p/(1−p))^m, and the same from the other end."""
    binomials = _binomials(len(coefficients) - 1)
    return np.stack([binomials * coefficients, binomials * coefficients[::-1]], axis=1)


def _value(sides: Array, p: ArrayLike) -> Array:
    """Σ_m c_m B_{m,n}(p), elementwise, by Horner's rule in p/(1−p) or (1−p)/p, whichever is at most 1."""
    x = np.asarray(p, dtype=np.float64)
    n = len(sides) - 1
    flip, near, far = x > 0.5, np.minimum(x, 1 - x), np.maximum(x, 1 - x)
    odds = np.asarray(near / far)
    if x.size <= FEW:
        value = _horner(sides[:, flip.astype(np.intp)], odds)
    else:
        value = np.empty_like(x)
        for side, c in ((~flip, sides[:, 0]), (flip, sides[:, 1])):
            value[side] = _horner(c, odds[side])
    return np.asarray(value * far**n)


@lru_cache(maxsize=64)
def _binomials(n: int) -> Array:
    return np.asarray(np.cumprod([1.0, *[(j + 1) / (n - j) for j in range(n - 1, -1, -1)]])[::-1], dtype=np.float64)


def _horner(coefficients: Array, x: Array) -> Array:
    value: Array = np.zeros_like(x) + coefficients[-1]
    for c in coefficients[-2::-1]:
        value *= x
        value += c
    return value

"""The exchange algorithm for E*_K: best uniform approximation of p·r(p) by p·Q(p), deg Q ≤ K−1 (theory.md §3).

A reference of K+1 points fixes the levelled polynomial: Q(t_i) = r(t_i) + (−1)^i h/t_i is solvable in degree K−1
iff the K-th divided difference vanishes, which gives h. Moving the points to the extrema of the error
e = p(Q − r) is the exchange (Remez 1934; here in barycentric form, Pachón & Trefethen 2009,
doi:10.1007/s10543-009-0240-1): float64 finds the neighbourhood, Newton in multi-precision the digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from polyest.bernstein import NumpyContext
from polyest.errors import SolveError
from polyest.offline.numbers import Mpfr, Multiprecision, exact, weighted_target
from polyest.targets import Target, get_target

__all__ = ["Levelled", "least_bias", "rough_least_bias", "solve"]

DIGITS = 80
ASYMPTOTE = ("0.32508927345417506", "-0.0787988")  # theory.md §3: the unit of κ for `log` above K = 256
LARGEST_EXACT = 256


@dataclass(frozen=True)
class Levelled:
    """The levelled polynomial of a reference.

    Attributes:
        points: t_0 < … < t_K in (0, 1].
        level: |h|, a lower bound of E*_K, equal to it when every point is an extremum of the error.
        values: Q at the points.
        slopes, curvatures: e' and e'' at the points.
    """

    points: Any
    level: Any
    values: Any
    slopes: Any
    curvatures: Any


def solve(target: Target, group_size: int, digits: int = DIGITS) -> Levelled:
    """The best approximation, to about `digits` − 20 digits.

    Raises:
        SolveError: the iteration did not converge, or the error exceeds the level somewhere in (0, 1].
    """
    ctx = Mpfr(digits)
    with ctx.precision():
        best = _solve(target, group_size, ctx)
    final = Multiprecision(digits)
    arrays = [final.array(map(exact, v)) for v in (best.points, best.values, best.slopes, best.curvatures)]
    return Levelled(arrays[0], final.rational(exact(best.level)), *arrays[1:])


def _solve(target: Target, group_size: int, ctx: Mpfr) -> Levelled:
    if target.is_custom:
        _refuse_polynomial(target, group_size, ctx)
    start = _float_exchange(target, group_size)
    points = ctx.array(start)
    free = slice(None) if start[-1] < 1 else slice(None, -1)
    small = ctx.rational(Fraction(1, 10 ** (ctx.digits // 4)))  # the level is quadratic in the points
    for _ in range(40):
        levelled = _level(target, points, ctx)
        step = levelled.slopes[free] / levelled.curvatures[free]
        points[free] = points[free] - step
        if max(abs(step / points[free])) < small:
            return _checked(target, _level(target, points, ctx), ctx)
    raise SolveError(f"the exchange algorithm for {target.name} at K = {group_size} did not converge; raise `digits`")


def _refuse_polynomial(target: Target, K: int, ctx: Mpfr) -> None:
    """A level of 0, to half of the digits: r is a polynomial of degree ≤ K−1 that does not look like one."""
    levelled = _level(target, ctx.array(_first_reference(K)), ctx)
    if levelled.level <= ctx.rational(Fraction(1, 10 ** (ctx.digits // 2))) * max(abs(levelled.values)):
        raise SolveError(
            f"{target.name} agrees with a polynomial of degree ≤ K−1 = {K - 1} to {ctx.digits // 2} digits: there is "
            "no bias to minimise; write it with +, × and ctx.rational only, so that it is seen to be exact"
        )


def least_bias(target: str | Target, group_size: int, digits: int = DIGITS) -> Any:
    """E*_K, the least worst-case bias of any table, as an mpmath number.

    Above K = 256 the value for `log` is *defined* by its asymptotic series (theory.md §3).

    >>> str(least_bias("log", 4))[:18]
    '0.0200271241178812'
    """
    return _least_bias(get_target(target) if isinstance(target, str) else target, group_size, digits)


@lru_cache(maxsize=4096)
def rough_least_bias(target: Target, group_size: int) -> float:
    """E*_K to about six digits, from float64 alone."""
    return float(_level(target, _float_exchange(target, group_size), NumpyContext).level)


@lru_cache(maxsize=4096)
def _least_bias(row: Target, group_size: int, digits: int) -> Any:
    if group_size > LARGEST_EXACT and row.name == "log":
        ctx = Multiprecision(digits)
        first, second = map(ctx.mp.mpf, ASYMPTOTE)
        return (first + second / group_size**2) / group_size**2
    return solve(row, group_size, digits).level


def _level(target: Target, t: Any, ctx: Any) -> Levelled:
    """The levelled polynomial on the points `t`, in the arithmetic of `ctx` (theory.md §3, §4)."""
    gaps = t[:, None] - t[None, :] + np.eye(len(t), dtype=int)
    weights = 1 / np.multiply.reduce(4 * gaps, axis=1)
    signs = np.where(np.arange(len(t)) % 2 == 0, 1, -1)
    f = weighted_target(target, t, ctx)
    r = f.value / t
    h = -(weights * r).sum() / (weights * signs / t).sum()
    values = r + signs * h / t
    first = (weights[None, :] / weights[:, None]) / gaps
    np.fill_diagonal(first, 0)
    diagonal = -first.sum(axis=1)
    second = 2 * first * (diagonal[:, None] - 1 / gaps)
    rises = values[None, :] - values[:, None]
    dq, d2q = (first * rises).sum(axis=1), (second * rises).sum(axis=1)
    slopes = values + t * dq - f.first
    curvatures = 2 * dq + t * d2q - f.second
    return Levelled(t, abs(h), values, slopes, curvatures)


def _first_reference(K: int) -> Any:
    angles = (2 * np.arange(K + 1) + 1) / (2 * K + 1) * np.pi
    t = np.sin(angles / 2) ** 2
    t[-1] = 1.0
    return t


def _float_exchange(target: Target, K: int) -> Any:
    """A reference whose error is level to about 1e-6 relative, in float64."""
    t = _first_reference(K)
    with np.errstate(all="ignore"):  # a bias too small for float64 ends in the error of `_alternating_extrema`
        for _ in range(100):
            levelled = _level(target, t, NumpyContext)
            grid, error = _error_on_grid(target, levelled)
            t_new, peaks = _alternating_extrema(grid, error, K + 1)
            moved, t = np.max(np.abs(t_new - t) / t_new), t_new
            if peaks.max() <= (1 + 1e-7) * peaks.min() or moved < 1e-9:
                break
    return t


def _error_on_grid(target: Target, levelled: Levelled, per_gap: int = 12) -> tuple[Any, Any]:
    """e on a grid that refines the reference evenly in the angle of p = sin²(θ/2)."""
    fence = np.unique(np.concatenate([[0.0], levelled.points.astype(float), [1.0]]))
    angles = 2 * np.arcsin(np.sqrt(fence))
    theta = angles[:-1, None] + np.arange(per_gap) / per_gap * np.diff(angles)[:, None]
    inner = np.sin(theta[:, 1:] / 2) ** 2
    grid = np.unique(np.concatenate([inner.ravel(), fence[1:]]))
    return grid, grid * _interpolate(levelled, grid) - weighted_target(target, grid).value


def _interpolate(levelled: Levelled, grid: Any) -> Any:
    t = levelled.points.astype(float)
    gaps = 4 * (t[:, None] - t[None, :]) + np.eye(len(t))
    weights = 1 / np.prod(gaps, axis=1)
    distance = grid[:, None] - t[None, :]
    hit = distance == 0
    kernel = weights / np.where(hit, 1.0, distance)
    q = (kernel @ levelled.values.astype(float)) / kernel.sum(axis=1)
    rows, columns = np.nonzero(hit)
    q[rows] = levelled.values.astype(float)[columns]
    return q


def _alternating_extrema(grid: Any, error: Any, count: int) -> tuple[Any, Any]:
    """One extremum per run of constant sign, refined by a parabola; the `count` consecutive ones that matter."""
    starts = np.flatnonzero(np.diff(np.sign(error)) != 0) + 1
    runs = np.split(np.arange(len(grid)), starts)
    tops = np.array([run[np.argmax(np.abs(error[run]))] for run in runs])
    while len(tops) > count:
        ends = np.abs(error[tops[[0, -1]]])
        tops = tops[1:] if ends[0] < ends[1] else tops[:-1]
    if len(tops) < count:
        raise SolveError(
            f"the exchange algorithm lost its alternation: {len(tops)} extrema of {count}; the least bias may be too "
            "small "
            "for float64 to start from: use a smaller `group_size`"
        )
    return np.array([_parabola_top(grid, error, i) for i in tops]), np.abs(error[tops])


def _parabola_top(grid: Any, error: Any, i: int) -> float:
    if i == 0 or i == len(grid) - 1:
        return float(grid[i])
    (a, b, c), (fa, fb, fc) = grid[i - 1 : i + 2], error[i - 1 : i + 2]
    left, right = (fb - fa) / (b - a), (fc - fb) / (c - b)
    bend = (right - left) / (c - a)
    return float(np.clip((a + b) / 2 - left / (2 * bend), a, c)) if bend != 0 else float(b)


def _checked(target: Target, levelled: Levelled, ctx: Mpfr) -> Levelled:
    """Refuse a reference that is not the set of global extrema: equioscillation alone gives a lower bound only."""
    signs = np.where(np.arange(len(levelled.points)) % 2 == 0, 1, -1)
    e = levelled.points * levelled.values - weighted_target(target, levelled.points, ctx).value
    peaks = e * levelled.curvatures
    interior = levelled.points < 1
    _, error = _error_on_grid(target, levelled, per_gap=40)
    if (
        any(peaks[interior] >= 0)
        or any(e * signs * e[0] <= 0)
        or np.abs(error).max() > float(levelled.level) * (1 + 1e-6)
    ):
        raise SolveError(
            f"the exchange algorithm for {target.name} stopped at a point that is no extremum; raise `digits`"
        )
    return levelled

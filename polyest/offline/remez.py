"""The exchange algorithm for E*_K: best uniform approximation of p·r(p) by p·Q(p), deg Q ≤ K−1 (theory.md §3).

A reference of K+1 points fixes the levelled polynomial: Q(t_i) = r(t_i) + (−1)^i h/t_i is solvable in degree K−1
iff the K-th divided difference vanishes, which gives h. Then all points climb the error e = p(Q − r) at once, by
Newton's method, which converges quadratically (Remez 1934, here in barycentric form, Pachón & Trefethen 2009,
doi:10.1007/s10543-009-0240-1). When they have reached tops, a grid tells whether |e| is higher elsewhere; if so,
that place joins the reference: equioscillation alone proves no more than a lower bound.

float64 finds the neighbourhood, if the error is large enough for it; multi-precision the digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from polyest.errors import SolveError
from polyest.numbers.conversion import Array, Floating, Floats, to_fraction
from polyest.numbers.float64 import FLOAT64
from polyest.numbers.jets import weighted_formula
from polyest.numbers.mpfr import Mpfr
from polyest.offline.peaks import angle, divided, parabolic_peaks, place
from polyest.offline.program import Context
from polyest.problems.targets import Target, get_target
from polyest.problems.unit import ASYMPTOTE, is_defined

__all__ = ["Levelled", "best_approximation", "least_bias"]

DIGITS = 80
STEPS = 200
LONGEST_STEP = 0.4  # of the gap to the nearer neighbour
EPSILON = 2.0**-53
RESOLVED = 1e5  # the least |e| that float64 tells from rounding, relative to rounding errors of p·r
CLOSE = 1e-3  # relative length of float64's last step; the level is quadratic in what is left, and that in the step
GENERIC = 0.97  # times the first reference: polynomials such as Chebyshev's may be level on the first one itself
PER_GAP, LEAST_PARTS = 16, 1024  # intervals of the grid that looks for higher errors: in a gap, in all
EXCESS = 1e-6  # of |e| over the level, relative, that counts as none
ROUGH_EXCESS = 1e-4  # the same in float64, where rounding is up to 1/RESOLVED of |e|, more next to a reference point


@dataclass(frozen=True)
class Levelled:
    """The levelled polynomial of a reference."""

    points: Array  # t_0 < … < t_K in (0, 1]
    level: Floating  # |h|, a lower bound of E*_K, equal to it when |e| is nowhere larger
    signs: NDArray[np.int_]  # of e at the points
    weights: Array  # 1/Π_{j≠i} 4(t_i − t_j), for barycentric interpolation
    values: Array  # Q at the points
    slopes: Array  # e' there
    curvatures: Array  # e'' there


@lru_cache(maxsize=64)
def best_approximation(target: Target, group_size: int, digits: int = DIGITS) -> Levelled:
    """The best approximation, to about `digits` − 20 digits of p·r, in gmpy2's numbers.

    Raises:
        SolveError: the iteration did not converge.
    """
    ctx = Mpfr(digits)
    with ctx.precision():
        small = ctx.rational(Fraction(1, 10 ** (digits // 4)))
        return _exchange(target, ctx.array(_start(target, group_size, ctx)), ctx, small)


def _start(target: Target, K: int, ctx: Mpfr) -> Array:
    """The reference that floats find; the first one where |e| is too small for them."""
    t: Array = place((2 * np.arange(K + 1) + 1) / (2 * K + 1) * np.pi)
    t[-1] = 1.0
    if not _is_resolved(target, _level(target, GENERIC * t), ctx):
        _refuse_polynomial(target, _level(target, ctx.array(GENERIC * t), ctx), ctx)
        return t
    return _exchange(target, t, FLOAT64, CLOSE).points


def _refuse_polynomial(target: Target, levelled: Levelled, ctx: Mpfr) -> None:
    """A level of 0, to half of the digits: r is a polynomial of degree ≤ K−1 that does not look like one."""
    if levelled.level <= ctx.rational(Fraction(1, 10 ** (ctx.digits // 2))) * max(abs(levelled.values)):
        raise SolveError(
            f"{target.name} agrees with a polynomial of degree ≤ K−1 = {len(levelled.points) - 2} to "
            f"{ctx.digits // 2} digits: there is no bias to minimise; if it is a polynomial, write it with +, × and "
            "ctx.rational only, so that it is seen to be exact, else raise `digits`"
        )


def least_bias(target: str | Target, group_size: int, digits: int = DIGITS) -> Fraction:
    """E*_K, the least worst-case bias of any table, to about `digits` − 20 digits.

    Above K = 256 the value for `log` is *defined* by its asymptotic series (theory.md §3).

    >>> from polyest.numbers.rationals import rounded_text
    >>> rounded_text(least_bias("log", 4), 18)
    '0.0200271241178812255'
    """
    row = get_target(target)
    if is_defined(row.name, group_size):
        first, second = map(Fraction, ASYMPTOTE)
        return (first + second / group_size**2) / group_size**2
    return to_fraction(best_approximation(row, group_size, digits).level)


def _level(target: Target, t: Array, ctx: Context = FLOAT64) -> Levelled:
    """The levelled polynomial on the points `t`, in the arithmetic of `ctx` (theory.md §3, §4)."""
    gaps = 4 * t[:, None] - 4 * t[None, :]
    np.fill_diagonal(gaps, 1)
    weights, inverse = 1 / np.multiply.reduce(gaps, axis=1), 4 / gaps
    np.fill_diagonal(inverse, 0)
    signs = np.where(np.arange(len(t)) % 2 == 0, 1, -1)
    f = weighted_formula(target.formula, t, ctx)
    h = -(weights * f.value / t).sum() / (weights * signs / t).sum()
    values = (f.value + signs * h) / t
    rises = (values[None, :] - values[:, None]) * inverse
    first, second = rises @ weights / weights, (rises * inverse) @ weights / weights
    bends = -2 * (first * (inverse @ weights) / weights + second)
    slopes = values + t * first - f.first
    curvatures = 2 * first + t * bends - f.second
    return Levelled(t, abs(h), signs if h > 0 else -signs, weights, values, slopes, curvatures)


def _is_resolved(target: Target, levelled: Levelled, ctx: Context) -> bool:
    """Whether float64 tells the error from rounding, also where the target's formula is ill conditioned."""
    points = levelled.points.astype(float)
    f = weighted_formula(target.formula, points, FLOAT64).value
    rounding = max(abs(weighted_formula(target.formula, ctx.array(points), ctx).value - f))
    return bool(levelled.level > RESOLVED * (rounding + EPSILON * max(abs(f))))


def _exchange(target: Target, t: Array, ctx: Context, small: Floating) -> Levelled:
    """The reference at which |e| is largest, from `t`: until a Newton step is `small`, relatively.

    Raises:
        SolveError: no convergence.
    """
    for _ in range(STEPS):
        step = _upward(_level(target, t, ctx))
        t = t + step
        if max(abs(step / t)) < small:
            levelled = _level(target, t, ctx)
            higher = _with_higher(target, levelled, ctx)
            if higher is None:
                return levelled
            t = higher
    remedy = "r may be too close to one with a kink, smoothen it" if target.is_custom else "raise `digits`"
    raise SolveError(f"the exchange algorithm for {target.name} at K = {len(t) - 1} did not converge; {remedy}")


def _upward(levelled: Levelled) -> Array:
    """The points' steps up |e|: Newton's where that leads to a top, elsewhere the longest that lets no two meet."""
    t = levelled.points
    gaps = np.diff(np.concatenate([t[:1] * 0, t, 2 * t[-1:] - t[-2:-1]]))
    longest = LONGEST_STEP * np.minimum(gaps[:-1], gaps[1:])
    rise, bend = levelled.signs * levelled.slopes, levelled.signs * levelled.curvatures
    newton = np.where(bend < 0, -rise / np.where(bend < 0, bend, -1), np.where(rise > 0, longest, -longest))
    step: Array = np.minimum(np.clip(newton, -longest, longest), 1 - t)
    return step


def _with_higher(target: Target, levelled: Levelled, ctx: Context) -> Array | None:
    """The reference with the highest |e| in exchange for a point of the same sign; None if nothing is higher."""
    t, x = levelled.points, ctx.array(_tops(target, levelled, ctx))
    error = _error(target, levelled, x, ctx)
    top = int(np.argmax(abs(error)))
    if abs(error[top]) <= levelled.level * (1 + (ROUGH_EXCESS if ctx is FLOAT64 else EXCESS)):
        return None
    i = int(np.searchsorted(t.astype(float), float(x[top])))
    same = [j for j in (i, i - 1) if 0 <= j < len(t) and levelled.signs[j] * error[top] > 0]
    leaves = same[0] if same else len(t) - 1 if i == 0 else 0
    return np.sort(np.append(np.delete(t, leaves), x[top]))


def _tops(target: Target, levelled: Levelled, ctx: Context) -> Floats:
    """Where |e| has tops away from the reference: those of a grid, in float64 where that tells."""
    if ctx is not FLOAT64 and _is_resolved(target, levelled, ctx):
        levelled, ctx = _level(target, levelled.points.astype(float)), FLOAT64
    angles = divided(levelled.points, max(PER_GAP, LEAST_PARTS // len(levelled.points)))
    grid = place(np.setdiff1d(angles, angle(levelled.points)))
    error = _error(target, levelled, ctx.array(grid), ctx) / levelled.level
    tops = parabolic_peaks(grid, error.astype(float))
    return np.setdiff1d(tops, levelled.points.astype(float))


def _error(target: Target, levelled: Levelled, x: Array, ctx: Context) -> Array:
    """e at points outside the reference."""
    kernel = levelled.weights / (x[:, None] - levelled.points)
    error: Array = x * (kernel @ levelled.values) / kernel.sum(axis=1) - weighted_formula(target.formula, x, ctx).value
    return error

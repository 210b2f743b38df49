"""Where the bias of a table is looked at, and where it peaks: one finder for the exchanges and for the reduction.

Grids are even in the angle θ of p = sin²(θ/2), in which polynomials of degree K are waves of frequency ≤ K. How a
maximum of a grid becomes a peak differs: a parabola through its neighbours will do in float64, where digits count it
takes Newton's method on e'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyest.numbers.conversion import Array, Floating, Floats
from polyest.offline.program import Bias, Optimum, Program

__all__ = ["HIGH", "PER_GAP", "Peaks", "angle", "divided", "parabolic_peaks", "peaks_of", "place"]

PER_GAP = 8  # parts of each gap between neighbouring active points, at least, in which the bias is looked at
PER_WIDTH = 4  # and at least so many in the width 1/√K of a binomial distribution, in the angle
HIGH = 0.99  # of β, above which a peak may become active
REFINEMENTS = 12
SAME = 1e-9  # relative distance of peaks that are one


def angle(points: Array) -> Floats:
    """θ of p = sin²(θ/2)."""
    return np.asarray(2 * np.arcsin(np.sqrt(points.astype(float))))


def place(angles: Floats) -> Floats:
    """p = sin²(θ/2)."""
    return np.asarray(np.sin(angles / 2) ** 2)


def divided(points: Array, parts: int, widest: float = np.pi) -> Floats:
    """Angles in (0, π]: each gap between 0, the points and 1 in so many equal parts, or more if they would be wider.

    >>> (divided(np.array([0.5]), 2) / np.pi).round(6).tolist()
    [0.25, 0.5, 0.75, 1.0]
    """
    fence = np.unique(np.concatenate([[0.0], angle(points), [np.pi]]))
    counts = np.maximum(parts, np.ceil(np.diff(fence) / widest)).astype(int)
    pieces = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(fence[:-1], fence[1:], counts, strict=True)]
    return np.append(np.concatenate(pieces)[1:], np.pi)


def _maxima(heights: Array, least: Floating) -> NDArray[np.intp]:
    """Where there are local maxima above `least`, the ends among them."""
    size = np.concatenate([[-1.0], heights, [-1.0]])
    return np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] > size[2:]) & (size[1:-1] > least))


def parabolic_peaks(points: Floats, error: Floats) -> Floats:
    """Where |error| has local maxima above ½, each moved to the top of a parabola through its neighbours."""
    found = _maxima(np.abs(error), 0.5)
    peaks = points[found].copy()
    inner = (found > 0) & (found < len(points) - 1)
    i = found[inner]
    (a, b, c), (fa, fb, fc) = points[[i - 1, i, i + 1]], error[[i - 1, i, i + 1]]
    left, right = (fb - fa) / (b - a), (fc - fb) / (c - b)
    peaks[inner] = (a + b) / 2 - left * (c - a) / (2 * (right - left))
    return peaks


@dataclass(frozen=True)
class Peaks:
    """Local maxima of |e|: where, signs, multipliers carried over from the last table, e and e''."""

    points: Array
    signs: NDArray[np.int_]
    multipliers: Array
    bias: Array
    curvatures: Array

    def excess(self, beta: Floating) -> float:
        """By how much |e| exceeds β, relative."""
        return float(max(self.bias * self.signs, default=0 * beta) / beta - 1)


def peaks_of(program: Program, here: Optimum, beta: Floating, per_gap: int, accuracy: float) -> Peaks:
    """The peaks of |e| above `HIGH`·β, and each multiplier with the nearest peak of its sign."""
    curve = program.bias(here.coefficients)
    width = 1 / (PER_WIDTH * program.group_size**0.5)
    grid = program.convert(place(divided(here.active().points, per_gap, width)))
    tops = _refined(program, curve, grid[_maxima(np.abs(curve.values(grid)), beta * HIGH)], accuracy)
    bias = curve.jet(tops)
    signs = np.sign(bias.value.astype(float)).astype(int)
    apart = np.diff(tops.astype(float), prepend=0) > SAME * tops
    kept = np.flatnonzero(apart & ((bias.second * signs < 0) | (tops == 1)))
    carried = _carried(here, tops[kept], signs[kept])
    return Peaks(tops[kept], signs[kept], carried, bias.value[kept], bias.second[kept])


def _refined(program: Program, curve: Bias, points: Array, accuracy: float) -> Array:
    """The local maxima of |e| near `points`, by Newton's method; one that moves past 1 stays there."""
    p = points.astype(float)
    longest = program.convert(np.pi / 2 / program.group_size**0.5 * (np.sqrt(p * (1 - p)) + 1 / program.group_size))
    points, one = points.copy(), program.convert([1.0])[0]
    for _ in range(REFINEMENTS):
        bias = curve.jet(points)
        step = np.clip(bias.first / bias.second, -longest, longest)
        step[(points == 1) & (bias.first * bias.value >= 0)] *= 0
        points = np.clip(points - step, points / 2, one)
        if max(abs(step) / longest, default=0) ** 2 < accuracy:
            break
    return points


def _carried(here: Optimum, peaks: Array, signs: NDArray[np.int_]) -> Array:
    """The multipliers, summed over the points whose nearest peak of the same sign it is."""
    carried, angles = 0 * peaks, angle(peaks)
    for theta, multiplier in zip(angle(here.points), here.multipliers, strict=True):
        distance = np.where(signs * float(multiplier) > 0, np.abs(angles - theta), np.inf)
        if distance.min(initial=np.inf) < np.inf:
            carried[int(np.argmin(distance))] += multiplier
    return carried

"""From float64's approximation to the exact active set and all digits, in multi-precision: local reduction.

The program (theory.md §3) has a constraint for every p. Near a table c it reduces to finitely many: h_j(c) ≤ β, where
h_j is the height of the j-th peak of |e|, at p_j, of sign s_j. The peak moves with c, so h_j is curved: its gradient is
s_j φ(p_j), its second derivative φ'(p_j) φ'(p_j)ᵀ/|e''(p_j)|. Sequential quadratic programming on the reduced problem
converges quadratically, and its inequalities find out which peaks are active, also where the bias hugs the budget and
the wiggles between active points are as small as 1e-12·β (Hettich & Kortanek 1993, doi:10.1137/1035089, §7.3).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from polyest.errors import SolveError
from polyest.offline import linear
from polyest.offline.linear import Floating, block, column
from polyest.offline.program import Bias, Program

__all__ = ["PER_GAP", "Optimum", "Start", "approached", "converted", "peaks_of", "solve"]

ROUNDS = 60
PER_GAP, LAST_PER_GAP = 8, 32  # points between neighbouring active points at which the bias is looked at
PER_WIDTH = 4  # and at least so many in the width 1/√K of a binomial distribution, in the angle of p = sin²(θ/2)
KEEP = 10.0  # times the excess of the bias: how far below the budget it may be where a former point is kept
FEW_DIGITS, FEW_ROUNDS = 8, 40  # of the approach
HIGH = 0.99  # of β, above which a peak may become active
REFINEMENTS = 12
SAME = 1e-9  # relative distance of peaks that are one
APART = 0.1  # of its spacing, within which a former active point is the peak
TRUST = 0.3  # of its spacing, by which a peak may move for the model to be believed
DAMPING, MOST_DAMPING = 4.0, 1e6  # factors by which shifts are made dearer until it is


class Start(Protocol):
    """A table, points near those where its bias reaches the budget, and multipliers there."""

    @property
    def coefficients(self) -> Any: ...
    @property
    def points(self) -> Any: ...
    @property
    def multipliers(self) -> Any: ...


@dataclass(frozen=True)
class Optimum:
    """A table, the points where its bias reaches the budget, and their multipliers."""

    coefficients: Any
    points: Any
    multipliers: Any

    def active(self) -> Optimum:
        """Without the points whose multiplier is 0."""
        index = self.multipliers != 0
        return Optimum(self.coefficients, self.points[index], self.multipliers[index])


@dataclass(frozen=True)
class _Peaks:
    """Local maxima of |e|: where, signs, e, e'', and the multipliers carried over from the last table."""

    points: Any
    signs: Any
    bias: Any
    curvatures: Any
    multipliers: Any

    def excess(self, beta: Floating) -> float:
        return float(max(self.bias * self.signs, default=0 * beta) / beta - 1)


def solve(program: Program, start: Start, beta: Floating, digits: int) -> Optimum:
    """The solution of the program, from a table in its neighbourhood.

    Args:
        program: in multi-precision.
        start: numbers of any kind; neighbouring points may share one true point.
        beta: the bias budget, a number of the program's arithmetic.
        digits: |e| ends within 10^(5−digits)·β, and the points within 10^(−digits/2) of their spacing.

    Raises:
        SolveError: the active set did not settle.
    """
    for here, moved, excess in itertools.islice(_iterates(program, start, beta, digits), ROUNDS):
        if moved < 10.0 ** (-digits / 2) and excess <= 10.0 ** (5 - digits):
            return here.active()
    raise SolveError(
        f"the active set at β = {float(beta):.3e} did not settle in multi-precision: the bias exceeds the budget by "
        f"{excess:.1e}, and its points still move by {moved:.1e} of their spacing"
    )


def approached(program: Program, start: Start, beta: Floating) -> Start | None:
    """Near to the solution with few digits: a start that saves `solve` rounds. None where they do not carry.

    Args:
        program: in an arithmetic that is fast.
        start, beta: as in `solve`.
    """
    try:
        for here, moved, _ in itertools.islice(_iterates(program, start, beta, FEW_DIGITS), FEW_ROUNDS):
            if moved < 10.0 ** (-FEW_DIGITS / 2):
                return here
    except SolveError:
        return None  # rounding made a matrix singular, or a quadratic program cycle
    return None


def _iterates(program: Program, start: Start, beta: Floating, digits: int) -> Iterator[tuple[Optimum, float, float]]:
    """Tables, by how much their points have just moved, and the excess of their bias."""
    here, moved, damping = converted(program, start), np.inf, 1.0
    while True:
        settled = moved < 10.0 ** (-digits / 2)
        accuracy = max(min(moved, TRUST) ** 2 / 100, 10.0 ** (5 - digits))
        peaks = peaks_of(program, here, beta, LAST_PER_GAP if settled else PER_GAP, accuracy)
        yield here, moved, peaks.excess(beta)
        here, moved, damping = _Model(program, here, peaks, beta).believable(beta, damping)


def converted(program: Program, start: Start) -> Optimum:
    """The same in the program's arithmetic."""
    return Optimum(*(program.convert(values) for values in (start.coefficients, start.points, start.multipliers)))


class _Model:
    """The reduced problem near a table c, to second order.

    With t = c⁺ − μ: minimise Σ w t² + ½ Σ_j κ_j (φ'_j·(c⁺ − c))², κ_j = |λ_j|/|e''_j|, subject to
    s_j (e_j + φ_j·(c⁺ − c)) ≤ β at the peaks and at the cuts, which are former points where the bias is still high.
    Then 2w·t = −Σ λ⁺_j φ_j − Σ v_j φ'_j, where v_j = λ_j·(the shift of p_j). Rows are φ_j/√(2w), unknowns √(2w)·t.
    """

    def __init__(self, program: Program, here: Optimum, peaks: _Peaks, beta: Floating) -> None:
        self.program, self.peaks = program, peaks
        cuts = _apart(here.points, peaks.points)
        heights = program.bias(here.coefficients).values(cuts)
        kept = 1 - abs(heights) / beta < KEEP * abs(peaks.excess(beta))
        self.cuts, self.bias = cuts[kept], np.append(peaks.bias, heights[kept])
        self.bend = np.flatnonzero((peaks.multipliers != 0) & (peaks.points < 1))
        self.phi, slopes = program.scaled_rows(np.append(peaks.points, self.cuts))
        self.dphi = block(slopes, self.bend.tolist(), range(program.group_size))
        x = program.scaled(here.coefficients)
        self.bayes, self.slopes = (column(self.bias) - self.phi * x).mid(), (self.dphi * x).mid()
        self.gram, self.stiff = linear.gram(self.phi), linear.gram(self.dphi)
        self.cross = (self.phi * self.dphi.transpose()).mid()

    def believable(self, beta: Floating, damping: float) -> tuple[Optimum, float, float]:
        """The minimum with as much damping as keeps shifts within `TRUST`, the largest shift, and the next damping."""
        following, moved = self.minimum(beta, damping)
        while moved > TRUST and damping < MOST_DAMPING:
            damping *= DAMPING
            following, moved = self.minimum(beta, damping)
        return following, moved, max(damping / DAMPING, 1.0)

    def minimum(self, beta: Floating, damping: float) -> tuple[Optimum, float]:
        """Its solution, and the largest shift of a peak in units of its spacing; damping > 1 makes shifts dearer."""
        peaks, bend = self.peaks, self.bend
        resistance = np.abs(peaks.curvatures[bend] / peaks.multipliers[bend]) / damping
        inverse = linear.solve(self.stiff + linear.diagonal(resistance), linear.identity(len(bend)))
        offset, response = inverse * self.slopes, inverse * self.cross.transpose()
        reduced, free = self.gram - self.cross * response, self.bayes + self.cross * offset
        signs = np.sign(self.bias.astype(float)).astype(int)
        guess = np.flatnonzero(peaks.multipliers * signs[: len(peaks.points)] > 0)
        found = linear.least_norm(reduced.mid(), free.mid(), signs.tolist(), linear.number(beta), guess)
        v = (-offset - response * found).mid()
        c = self.program.unscaled(-self.phi.transpose() * found - self.dphi.transpose() * v)
        multipliers, shifts = self.program.convert(found.entries()), 0 * peaks.points
        shifts[bend] = self.program.convert(v.entries()) / peaks.multipliers[bend] / damping
        points = np.clip(peaks.points + shifts, peaks.points / 2, self.program.convert([1.0])[0])
        return Optimum(c, np.append(points, self.cuts), multipliers), _largest_move(peaks.points, shifts)


def _apart(points: Any, peaks: Any) -> Any:
    """The points that are not close to any peak, as the peaks lie."""
    if len(peaks) == 0:
        return points
    angles, tops = _angle(points.astype(float)), _angle(peaks.astype(float))
    distance = np.abs(angles[:, None] - tops[None, :])
    spacing = np.minimum(np.diff(tops, prepend=0.0), np.append(np.diff(tops), np.inf))
    return points[(distance > APART * spacing).all(axis=1)]


def peaks_of(program: Program, here: Optimum, beta: Floating, per_gap: int, accuracy: float) -> _Peaks:
    """The peaks of |e| above `HIGH`·β, and each multiplier with the nearest peak of its sign."""
    grid = _between(here.active().points.astype(float), program, per_gap)
    curve = program.bias(here.coefficients)
    size = np.concatenate([[0], np.abs(curve.values(grid)), [0]])
    found = (size[1:-1] >= size[:-2]) & (size[1:-1] >= size[2:]) & (size[1:-1] > beta * HIGH)
    tops = _refined(program, curve, grid[found], accuracy)
    bias = curve.jet(tops)
    signs = np.sign(bias.value.astype(float)).astype(int)
    apart = np.diff(tops.astype(float), prepend=0) > SAME * tops
    kept = np.flatnonzero(apart & ((bias.second * signs < 0) | (tops == 1)))
    carried = _carried(here, tops[kept], signs[kept])
    return _Peaks(tops[kept], signs[kept], bias.value[kept], bias.second[kept], carried)


def _between(points: Any, program: Program, per_gap: int) -> Any:
    """Points of (0, 1], even in the angle between neighbouring active points."""
    fence = np.unique(np.concatenate([[0.0], _angle(points), [np.pi]]))
    counts = np.maximum(per_gap, np.ceil(np.diff(fence) * PER_WIDTH * program.group_size**0.5)).astype(int)
    parts = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(fence[:-1], fence[1:], counts, strict=True)]
    return program.convert(np.append(np.sin(np.concatenate(parts)[1:] / 2) ** 2, 1.0))


def _refined(program: Program, curve: Bias, points: Any, accuracy: float) -> Any:
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


def _carried(here: Optimum, peaks: Any, signs: Any) -> Any:
    """The multipliers, summed over the points whose nearest peak of the same sign it is."""
    carried, angles = 0 * peaks, _angle(peaks.astype(float))
    for angle, multiplier in zip(_angle(here.points.astype(float)), here.multipliers, strict=True):
        distance = np.where(signs * float(multiplier) > 0, np.abs(angles - angle), np.inf)
        if distance.min(initial=np.inf) < np.inf:
            carried[int(np.argmin(distance))] += multiplier
    return carried


def _largest_move(points: Any, shifts: Any) -> float:
    """The largest shift in units of the distance to the nearest neighbour (or 0), in the angle of p = sin²(θ/2)."""
    p = points.astype(float)
    gaps = np.diff(_angle(p), prepend=0.0)
    spacing = np.minimum(gaps, np.append(gaps[1:], np.inf))
    return float(np.max(np.abs(shifts.astype(float)) / (spacing * np.sqrt(p * (1 - p)) + 1e-300), initial=0.0))


def _angle(points: Any) -> Any:
    """θ of p = sin²(θ/2)."""
    return 2 * np.arcsin(np.sqrt(points))

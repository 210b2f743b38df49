"""From float64's approximation to the exact active set and all digits, in multi-precision: local reduction.

The program (theory.md §3) has a constraint for every p. Near a table c it reduces to finitely many: h_j(c) ≤ β, where
h_j is the height of the j-th peak of |e|, at p_j, of sign s_j. The peak moves with c, so h_j is curved: its gradient is
s_j φ(p_j), its second derivative φ'(p_j) φ'(p_j)ᵀ/|e''(p_j)|. Sequential quadratic programming on the reduced problem
converges quadratically, and its inequalities find out which peaks are active, also where the bias hugs the budget and
the wiggles between active points are as small as 1e-12·β (Hettich & Kortanek 1993, doi:10.1137/1035089, §7.3).
"""

from __future__ import annotations

import numpy as np
from flint import arb_mat

from polyest.errors import SolveError
from polyest.numbers.conversion import Array, Floating, Floats
from polyest.offline.linear import block, column, gram, number, solve_system
from polyest.offline.peaks import PER_GAP, Peaks, angle, peaks_of
from polyest.offline.program import Optimum, Program
from polyest.offline.quadratic import by_active_set

__all__ = ["exchanged_in_digits", "to_all_digits"]

ROUNDS = 60
LAST_PER_GAP = 32  # points between neighbouring active points at which the bias is looked at
KEEP = 10.0  # times the excess of the bias: how far below the budget it may be where a former point is kept
APART = 0.1  # of its spacing, within which a former active point is the peak
TRUST = 0.3  # of its spacing, by which a peak may move for the model to be believed
DAMPING, MOST_DAMPING = 4.0, 1e6  # factors by which shifts are made dearer until it is


def to_all_digits(program: Program, start: Optimum, beta: Floating, digits: int) -> Optimum:
    """The solution of the program, from a table in its neighbourhood.

    |e| ends within 10^(5−digits)·β, and the points within 10^(−digits/2) of their spacing; neighbouring points of the
    start may share one true point.

    Raises:
        SolveError: the active set did not settle.
    """
    least_move, least_excess = 10.0 ** (-digits / 2), 10.0 ** (5 - digits)
    here, moved, damping = program.converted(start), np.inf, 1.0
    for _ in range(ROUNDS):
        accuracy, is_still = max(min(moved, TRUST) ** 2 / 100, least_excess), moved < least_move
        peaks = peaks_of(program, here, beta, LAST_PER_GAP if is_still else PER_GAP, accuracy)
        excess = peaks.excess(beta)
        if is_still and excess <= least_excess:
            return here.active()
        here, moved, damping = _Model(program, here, peaks, beta).believable(beta, damping)
    raise SolveError(
        f"the active set at β = {float(beta):.3e} did not settle to {digits} digits: the bias exceeds the budget by "
        f"{excess:.1e}, and its points still move by {moved:.1e} of their spacing"
    )


# Not float64's loop with another arithmetic: the two differ in what a start is, what is kept and when it ends, so that
# one for both took more lines; and in these digits alone a table takes nine times as long (log, K = 32 and 64).
def exchanged_in_digits(program: Program, start: Optimum, beta: Floating, slack: float) -> Optimum:
    """The same but for an excess of the bias over β, relative, of `slack`, by an exchange of points, from anywhere.

    A multiplier of `start` says by its sign which side of its point is near; no point has to be active. Slower than
    reduction near the solution: linear, unless about K points are active.
    """
    points, multipliers = start.points, start.multipliers
    signs = active = np.sign(multipliers.astype(float)).astype(int)
    bayes = program.bias(program.means)
    for _ in range(ROUNDS):
        rows, _slopes = program.scaled_rows(points)
        guess = np.flatnonzero(active * signs > 0)
        found = by_active_set(gram(rows), column(bayes.values(points)), signs.tolist(), number(beta), guess)
        here = Optimum(program.unscaled(-rows.transpose() * found), points, program.convert(found.entries())).active()
        peaks = peaks_of(program, here, beta, PER_GAP, slack)
        if peaks.excess(beta) <= slack:
            return here
        old = ~np.isin(here.points, peaks.points)
        points = np.asarray(np.append(peaks.points, here.points[old]))
        signs = np.append(peaks.signs, np.sign(here.multipliers[old].astype(float)).astype(int))
        active = np.append(np.sign(peaks.multipliers.astype(float)), 0 * signs[len(peaks.points) :])
    raise SolveError(f"the exchange of points at β = {float(beta):.3e} did not settle in multi-precision")


class _Model:
    """The reduced problem near a table c, to second order.

    With t = c⁺ − μ: minimise Σ w t² + ½ Σ_j κ_j (φ'_j·(c⁺ − c))², κ_j = |λ_j|/|e''_j|, subject to
    s_j (e_j + φ_j·(c⁺ − c)) ≤ β at the peaks and at the cuts, which are former points where the bias is still high.
    Then 2w·t = −Σ λ⁺_j φ_j − Σ v_j φ'_j, where v_j = λ_j·(the shift of p_j). Rows are φ_j/√(2w), unknowns √(2w)·t.
    """

    def __init__(self, program: Program, here: Optimum, peaks: Peaks, beta: Floating) -> None:
        self.program, self.peaks = program, peaks
        cuts = _apart(here.points, peaks.points)
        heights: Array = program.bias(here.coefficients).values(cuts)
        kept = 1 - np.abs(heights) / beta < KEEP * abs(peaks.excess(beta))
        self.cuts, self.bias = cuts[kept], np.append(peaks.bias, heights[kept])
        self.bend = np.flatnonzero((peaks.multipliers != 0) & (peaks.points < 1))
        self.phi, slopes = program.scaled_rows(np.append(peaks.points, self.cuts))
        self.dphi = block(slopes, self.bend.tolist(), range(program.group_size))
        x = program.scaled(here.coefficients)
        self.bayes, self.slopes = (column(self.bias) - self.phi * x).mid(), (self.dphi * x).mid()
        self.gram, self.stiff = gram(self.phi), gram(self.dphi)
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
        stiff = arb_mat(self.stiff)
        for j, resistance in enumerate(np.abs(peaks.curvatures[bend] / peaks.multipliers[bend]) / damping):
            stiff[j, j] += number(resistance)
        offset, response = solve_system(stiff, self.slopes), solve_system(stiff, self.cross.transpose())
        gram_, free = self.gram - self.cross * response, self.bayes + self.cross * offset
        signs = np.sign(self.bias.astype(float)).astype(int)
        guess = np.flatnonzero(peaks.multipliers * peaks.signs > 0)
        found = by_active_set(gram_.mid(), free.mid(), signs.tolist(), number(beta), guess)
        v = (-offset - response * found).mid()
        c = self.program.unscaled(-self.phi.transpose() * found - self.dphi.transpose() * v)
        multipliers, shifts = self.program.convert(found.entries()), 0 * peaks.points
        shifts[bend] = self.program.convert(v.entries()) / peaks.multipliers[bend] / damping
        points = np.clip(peaks.points + shifts, peaks.points / 2, self.program.convert([1.0])[0])
        return Optimum(c, np.append(points, self.cuts), multipliers), _largest_move(peaks.points, shifts)


def _apart(points: Array, peaks: Array) -> Array:
    """The points that are not close to any peak, as the peaks lie."""
    tops = angle(peaks)
    distance = np.abs(angle(points)[:, None] - tops[None, :])
    far: Array = points[(distance > APART * _spacing(tops)).all(axis=1)]
    return far


def _largest_move(points: Array, shifts: Array) -> float:
    """The largest shift, in the angle, in units of the spacing."""
    p = points.astype(float)
    unit = _spacing(angle(points)) * np.sqrt(p * (1 - p)) + 1e-300
    return float(np.max(np.abs(shifts.astype(float)) / unit, initial=0.0))


def _spacing(angles: Floats) -> Floats:
    """The distance of each to its nearest neighbour, or to 0."""
    gaps = np.diff(angles, prepend=0.0)
    nearest: Floats = np.minimum(gaps, np.append(gaps[1:], np.inf)[: len(gaps)])
    return nearest

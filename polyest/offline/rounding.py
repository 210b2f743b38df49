"""From a solution's digits to float64 coefficients that cost next to nothing of optimality.

Moving the coefficients of an aqp table by Δ_m raises its j-th peak by v_j = s_j Σ_m Δ_m φ_m(p_j), and F by −Σ_j |λ_j|
v_j, for the gradient of F is −Σ_j λ_j φ(p_j). What can be proved at the bias of the moved table (theory.md §4) then
falls short of its F, relatively, by

    gap = Σ_j |λ_j| (max_i v_i − v_j)/F + O(Δ²).

The nearest float64 numbers have v_j of about 1e-17: too much where Σ|λ_j|/F is large, as it is for smooth targets.
But a common shift of all v_j costs nothing, and there are as many coefficients as peaks or more: steps of some ulps
bring the v_j together. First the best single steps are taken, one after the other. Where they end too early, to find
many at once is a closest vector problem. The vectors (effect of a step of c_m on the v_j,
less their mean; w·e_m) span a lattice, and the effect of rounding to nearest is to be reduced modulo it: the smaller
w, the longer the steps and the more alike the v_j. LLL and Babai's nearest plane solve it well enough, as they do for
minimax polynomials (Brisebarre & Chevillard 2007, *Efficient polynomial L∞-approximations*, ARITH-18); in integers,
so that the table is a function of the solution. At p = 1 only c_{K−1} counts, in whole ulps: that peak stays out of
the lattice, and c_{K−1} is tried one ulp off.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import gmpy2
import numpy as np
from numpy.typing import NDArray

from polyest.numbers.mpfr import Mpfr
from polyest.offline import lattice
from polyest.offline.program import Program
from polyest.offline.solution import Solution
from polyest.problems.targets import get_target
from polyest.storage.table import Table

__all__ = ["rounded"]

GOAL = 9.5e-13  # gap that needs no remedy; what is proved is O(Δ²) away from it
HOPELESS = 1e-8  # gap that no neighbour reduces to that: the lattice gains a factor of 1000 at most
DIGITS = 60
BITS = 24  # binary digits of a step's effect that count
FINEST = 14  # binary logarithm of how much more levelling weighs than moving, at which the search ends
LARGEST = 128  # coefficients that LLL is asked to move: its time grows with the fourth power of their number
STEPS = 200  # single steps that are taken at most
MARGIN = 2.0**-40  # relative distance that a coefficient may move: its steps are ulps as far as that


def rounded(solution: Solution) -> Table:
    """The table of a solution: nearest float64 numbers, or neighbours of them where those are too far from optimal.

    >>> from polyest.offline.methods import aqp
    >>> from polyest.problems.problem import make_problem
    >>> solution = aqp.solution(make_problem("power(0.5)", 11, bias_budget="1.18"))
    >>> nearest = [float(c) for c in solution.coefficients]
    >>> [round((a - b) / math.ulp(b)) for a, b in zip(rounded(solution).coefficients, nearest)]
    [1, 0, -3, 1, 2, -4, 0, 4, -5, 3, 0]
    """
    coefficients = tuple(float(c) + 0.0 for c in solution.coefficients)
    if solution.proof.get("points"):
        with Mpfr(DIGITS).precision():
            coefficients = _nearly_optimal(_Neighbourhood(solution), coefficients)
    return Table(solution.problem, coefficients, solution.kappa, proof=solution.proof)


def _nearly_optimal(near: _Neighbourhood, nearest: tuple[float, ...]) -> tuple[float, ...]:
    """The first vector whose gap is small enough; the nearest if none is, for then steps of many ulps gain little."""
    if near.gap(nearest) > HOPELESS:
        return nearest
    candidates = itertools.chain([nearest], near.descended(), near.levelled())
    return next((candidate for candidate in candidates if near.gap(candidate) <= GOAL), nearest)


class _Neighbourhood:
    """The float64 numbers around the coefficients of a solution: the multiples of `steps` next to `origin`·`steps`."""

    def __init__(self, solution: Solution) -> None:
        self.ctx = ctx = Mpfr(DIGITS)
        program = Program(get_target(solution.problem.target), solution.problem.group_size, ctx)
        points, multipliers = (ctx.array(solution.proof[name]) for name in ("points", "multipliers"))
        self.coefficients = ctx.array(solution.coefficients)
        self.rises = np.sign(multipliers)[:, None] * program.rows(points)
        self.inner = self.rises[points < 1]
        self.prices = abs(multipliers) / program.objective(self.coefficients)
        self.steps = ctx.array([math.ulp(float(c) * (1 + MARGIN)) for c in self.coefficients])
        self.origin = _integers(self.coefficients / self.steps)

    def gap(self, coefficients: tuple[float, ...]) -> float:
        """Σ |λ_j| (max v − v_j)/F."""
        v = self.rises @ (self.ctx.array(coefficients) - self.coefficients)
        return float(self.prices @ (max(v) - v))

    def descended(self) -> Iterator[tuple[float, ...]]:
        """From the nearest numbers downhill: each time the one step that makes the sum of squares of v − mean least."""
        effects, start = (self.rises * self.steps).astype(float), self.origin.copy()
        effects = np.hstack([effects, -effects])
        effects -= effects.mean(axis=0)
        v = (self.rises @ (start * self.steps - self.coefficients)).astype(float)
        v -= v.mean()
        for _ in range(STEPS):
            after = v[:, None] + effects
            squares = (after**2).sum(axis=0)
            best = int(np.argmin(squares))
            if squares[best] >= (v**2).sum():
                return
            v = after[:, best]
            start[best % len(start)] += 1 if best < len(start) else -1
            yield self._floats(start)

    def levelled(self) -> Iterator[tuple[float, ...]]:
        """Vectors whose v_j are more and more alike, further and further away."""
        if len(self.steps) > LARGEST:
            return
        n, unit = len(self.inner), max(self.steps) / 2**BITS
        effects = _less_mean(_integers(self.inner[:, :-1] * (self.steps[:-1] / unit)))
        moves = np.eye(len(self.steps) - 1, dtype=object)
        for finer in range(0, FINEST + 1, 2):
            weight = max(n * 2 ** (BITS - 2 - finer), 1)
            basis = lattice.reduced(np.hstack([moves @ effects.T, weight * moves]))
            moves = np.array([row[n:] // weight for row in basis.rows])
            for last in (0, 1, -1):
                start = self.origin + np.append(0 * moves[0], last)
                v = _integers(self.inner @ (start * self.steps - self.coefficients) / unit)
                rest = basis.nearest_plane(np.append(_less_mean(v), 0 * moves[0]))
                yield self._floats(start + np.append(rest[n:] // weight, 0))

    def _floats(self, multiples: NDArray[np.object_]) -> tuple[float, ...]:
        return tuple(float(c) + 0.0 for c in multiples * self.steps)


def _less_mean(v: NDArray[np.object_]) -> NDArray[np.object_]:
    """The deviation from the mean along the first axis, times its length."""
    return np.asarray(len(v) * v - v.sum(axis=0))


_integers = np.frompyfunc(lambda x: int(gmpy2.rint(x)), 1, 1)

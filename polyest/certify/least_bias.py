"""An enclosure of E*_K, the least bias of any table, from points that are found here and need not be believed.

On a reference t_0 < … < t_K the levelled polynomial has e(t_i) = ±h with alternating signs, e = p(Q − r), and
|h| ≤ E*_K (de la Vallée Poussin). Newton's steps take all points up |e| at once, until sup |e| ≥ E*_K is next to |h|.

For targets whose p·r has no vanishing derivative of order K+1 (theory.md §3), sup |e| is cheap: by Rolle e' has K zeros
at most. Where |e| is lower at both ends of K disjoint brackets than at the point t_i inside, each has one, ξ_i, and

    |e(ξ_i)| ≤ |h| + δ²/2·sup |e''|,    |e''| ≤ K²·(sup |p·r| + sup |e|) + |(p·r)''|

in the angle θ of p = sin²(θ/2), where p·Q is a trigonometric polynomial of degree K (Bernstein's inequality), δ
the bracket's length. For the others sup |e| is enclosed as that of any table.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from flint import arb, arb_mat, arb_series, ctx

from polyest.certify.functions import bias
from polyest.certify.memory import remembered
from polyest.certify.supremum import supremum
from polyest.errors import SolveError
from polyest.numbers.balls import SERIES, BallContext, ball
from polyest.numbers.conversion import to_fraction
from polyest.polynomials.basis import bernstein_basis
from polyest.problems.targets import Target
from polyest.problems.unit import ASYMPTOTE, is_defined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["least_bias", "unit_of_kappa"]

BITS = 192
ATTEMPTS = 6  # each with twice the bits
STEPS = 60
CLOSE = Fraction(1, 10**10)  # width of the enclosure, relative
NEAR = 1e-3  # length of a step, in gaps, from which on steps that do not get shorter are rounding errors
SETTLED = 1e-10  # length of a step, in gaps, that need not be taken
LONGEST_STEP = 0.4  # of the gap to the nearer neighbour
GENERIC = 0.97  # times the first reference: polynomials such as Chebyshev's are level on the first one itself
PER_GAP = 16  # points at which higher errors are looked for, between neighbours

Interval = tuple[Fraction, Fraction]
Floats: TypeAlias = "NDArray[np.float64]"
Balls: TypeAlias = "NDArray[np.object_]"


def unit_of_kappa(target: Target, group_size: int) -> Interval:
    """An enclosure of what κ multiplies: E*_K, or for `log` in large groups its asymptote, by definition."""
    if is_defined(target.name, group_size):
        first, second = map(Fraction, ASYMPTOTE)
        return ((first + second / group_size**2) / group_size**2,) * 2
    return least_bias(target, group_size)


@remembered(maxsize=4096)
def least_bias(target: Target, group_size: int) -> Interval:
    """Rationals L ≤ E*_K ≤ U with U ≤ (1 + 10^−10)·L.

    >>> from polyest.problems.targets import get_target
    >>> round(float(least_bias(get_target("log"), 4)[0]), 12)
    0.020027124118

    Raises:
        SolveError: the enclosure could not be closed.
    """
    points = _in_floats(target, group_size)
    for attempt in range(ATTEMPTS):
        with ctx.workprec(BITS << attempt):
            found = _in_balls(target, np.array([ball(x) for x in points], dtype=object))
        if found is not None:
            return found
    raise SolveError(f"the least bias of {target.name} at K = {group_size} was not enclosed")


@dataclass(frozen=True)
class _Levelled:
    """The levelled polynomial of a reference, in floats or in balls.

    Attributes:
        points: t_0 < … < t_K.
        jets: p·r and its first two derivatives at the points.
        gaps: 4(t_i − t_j), and 1 where i = j.
        weights: 1/Π_{j≠i} 4(t_i − t_j), for barycentric interpolation.
        level: |h|.
        signs: of e at the points.
        values: Q at the points.
    """

    points: Floats | Balls
    jets: Floats | Balls
    gaps: Floats | Balls
    weights: Floats | Balls
    level: arb
    signs: NDArray[np.int64]
    values: Floats | Balls

    @classmethod
    def on(cls, t: Floats | Balls, jets: Floats | Balls) -> _Levelled:
        gaps = 4 * (t[:, None] - t[None, :])
        np.fill_diagonal(gaps, 1)
        weights = 1 / np.multiply.reduce(gaps, axis=1)
        signs = np.where(np.arange(len(t)) % 2 == 0, 1, -1)
        h = -(weights * jets[0] / t).sum() / (weights * signs / t).sum()
        return cls(t, jets, gaps, weights, abs(h), signs if h > 0 else -signs, (jets[0] + signs * h) / t)

    def steps(self) -> Floats | Balls:
        """The points' steps up |e|: Newton's where that leads to a top, else the longest that lets no two meet."""
        t, (rise, bend) = self.points, self._slopes()
        gaps = np.diff(np.concatenate([t[:1] * 0, t, 2 * t[-1:] - t[-2:-1]]))
        longest = LONGEST_STEP * np.minimum(gaps[:-1], gaps[1:])
        newton = np.where(bend < 0, -rise / np.where(bend < 0, bend, -1), np.where(rise > 0, longest, -longest))
        return np.minimum(np.minimum(np.maximum(newton, -longest), longest), 1 - t)

    def _slopes(self) -> tuple[Floats | Balls, Floats | Balls]:
        """e' and e'' at the points, times the sign of e."""
        inverse, t, weights = 4 / self.gaps, self.points, self.weights
        np.fill_diagonal(inverse, 0)
        rises = (self.values[None, :] - self.values[:, None]) * inverse
        first, second = rises @ weights / weights, (rises * inverse) @ weights / weights
        bends = 2 * first - 2 * t * (first * (inverse @ weights) / weights + second) - self.jets[2]
        return self.signs * (self.values + t * first - self.jets[1]), self.signs * bends


def _in_floats(target: Target, K: int) -> list[float]:
    """The reference that float64 finds: the first one where that does not carry."""
    first = np.sin((2 * np.arange(K + 1) + 1) / (2 * K + 1) * np.pi / 2) ** 2
    first = np.append(first[:-1], 1.0) if target.unique_alternation else GENERIC * first
    t, stride = first, np.inf
    with ctx.workprec(BITS), np.errstate(all="ignore"):
        for _ in range(STEPS):
            step = _Levelled.on(t, _jets(target, map(ball, t)).astype(float)).steps()
            before, stride = stride, _stride(t, step)
            t = t + step
            if not (np.diff(t, prepend=0) > 0).all():
                return list(map(float, first))
            if stride < SETTLED or before <= stride < NEAR:
                break
    return list(map(float, t))


def _in_balls(target: Target, t: Balls) -> Interval | None:
    """E*_K from points that are moved until it is enclosed; None if the precision does not carry."""
    for _ in range(STEPS):
        levelled = _Levelled.on(t, _jets(target, t))
        if not levelled.level > 0:
            return None
        upper = _bracketed(target, levelled) if target.unique_alternation else None
        lower = to_fraction(levelled.level.lower())
        if upper is not None and upper <= lower * (1 + CLOSE):
            return lower, upper
        step = _middles(levelled.steps())
        if not target.unique_alternation and _stride(t, step) < SETTLED:
            exchanged = _with_higher(target, levelled)
            if exchanged is None:
                upper = _proved(target, levelled)
                return (lower, upper) if upper <= lower * (1 + CLOSE) else None
            t = exchanged
        else:
            t = t + step
    return None


def _jets(target: Target, points: Iterable[arb]) -> Balls:
    """p·r and its first two derivatives at the points."""
    series = [arb_series([t, 1], prec=3) for t in points]
    series = [x * target.formula(x, SERIES) for x in series]
    return np.array([[f[k] * max(k, 1) for f in series] for k in range(3)], dtype=object)


def _stride(t: Floats | Balls, step: Floats | Balls) -> float:
    """The longest step, in gaps between points."""
    gaps = np.diff(t.astype(float), prepend=0)
    return float((np.abs(step.astype(float)) / gaps).max())


def _middles(balls: Iterable[arb]) -> Balls:
    return np.array([arb(ball).mid() for ball in balls], dtype=object)


def _errors(target: Target, levelled: _Levelled, points: list[arb]) -> list[arb]:
    """e at points outside the reference."""
    kernel = arb_mat([[1 / (x - t) for t in levelled.points] for x in points])
    sums = kernel * arb_mat([[w * v, w] for w, v in zip(levelled.weights, levelled.values, strict=True)])
    return [x * (sums[i, 0] / sums[i, 1] - target.formula(x, BallContext)) for i, x in enumerate(points)]


def _bracketed(target: Target, levelled: _Levelled) -> Fraction | None:
    """An upper bound of sup |e| from brackets around the points; None if |e| has no top in some bracket."""
    t, K, largest = list(levelled.points[:-1]), len(levelled.points) - 1, ball(target.growth[0])
    share = (levelled.level * ball(CLOSE) / 16 / largest).sqrt().mid() / K  # of √(p(1−p)), about δ/2
    halves = [((x * (1 - x)).sqrt() * share).mid() for x in t]
    lefts, rights = ([x + sign * d for x, d in zip(t, halves, strict=True)] for sign in (-1, 1))
    if not all(b < a for b, a in zip([arb(0), *rights], [*lefts, arb(1)], strict=True)) or levelled.points[-1] != 1:
        return None
    errors = _errors(target, levelled, lefts + rights)
    if not all(levelled.signs[i % K] * e < levelled.level for i, e in enumerate(errors)):
        return None
    angle = max((d / _spread(arb(x, d)).sqrt()).upper() for x, d in zip(t, halves, strict=True))
    bend = max(abs(_bend(target, arb(x, d))).upper() for x, d in zip(t, halves, strict=True))
    most = (levelled.level + angle**2 / 2 * (K * K * largest + bend)) / (1 - angle**2 * K * K / 2)
    return to_fraction(most.upper())


def _spread(p: arb) -> arb:
    return p * (1 - p)


def _bend(target: Target, p: arb) -> arb:
    """The second derivative of p·r in the angle θ: p' = √(p(1−p)), p'' = (1−2p)/2."""
    _, first, second = _jets(target, [p])[:, 0]
    bend: arb = second * _spread(p) + first * (1 - 2 * p) / 2
    return bend


def _with_higher(target: Target, levelled: _Levelled) -> Balls | None:
    """The reference with a grid's highest |e| in exchange for a point of the same sign; None if nothing is higher."""
    t = levelled.points
    fence = np.unique([0.0, *(2 * np.arcsin(np.sqrt(t.astype(float)))), np.pi])
    angles = np.concatenate([np.linspace(a, b, PER_GAP + 1)[1:-1] for a, b in itertools.pairwise(fence)] + [[np.pi]])
    points = [ball(float(p)) for p in np.sin(angles / 2) ** 2 if ball(float(p)) not in t]
    error = _errors(target, levelled, points)
    top = max(range(len(points)), key=lambda k: float(abs(error[k]) / levelled.level))
    if not abs(error[top]) > levelled.level * (1 + ball(CLOSE)):
        return None
    i = sum(bool(x < points[top]) for x in t)
    same = [j for j in (i, i - 1) if 0 <= j < len(t) and levelled.signs[j] * error[top] > 0]
    leaves = same[0] if same else len(t) - 1 if i == 0 else 0
    return np.array(sorted([*np.delete(t, leaves), points[top]], key=float), dtype=object)


def _proved(target: Target, levelled: _Levelled) -> Fraction:
    """sup |e| of a table next to the levelled polynomial, as of any other."""
    t, K = list(levelled.points[:-1]), len(levelled.points) - 1
    rows = arb_mat([bernstein_basis(K - 1, x) for x in t])
    table = rows.solve(arb_mat([[v] for v in levelled.values[:-1]]))
    return supremum(bias(target, [to_fraction(table[m, 0].mid()) for m in range(K)]))[1]

"""Naming a point of the aqp frontier: the scans that turn a noise budget or a number of groups into κ (theory.md §3).

κ = n/100 always. The noise is not monotone in κ, so every n from 100 upward counts; a lower bound on the noise, which
is monotone, rules out most of them at once. float64 scans; where it cannot tell two points apart, the solutions in
multi-precision decide.

Between two points within `NARROW` the noise is taken to fall below the smaller value by no more than their ratio,
further apart by that and `WIDE` powers of the distance: where that rules an interval out, it is skipped, else split.
The noise is smooth but for kinks, and falls like a power of κ where budgets are met.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from polyest.closed_forms import plug_in
from polyest.errors import SolveError
from polyest.offline.solution_path import SolutionPath

__all__ = ["kappa_named"]

LOOSE = 1e-3  # excess of the bias over β, relative, of a solution whose noise is rough
COARSE = 0.04  # relative error that a supremum of the rough noise may have
COARSEST = 0.1  # excess of the bias over β, relative, of a solution that only bounds the noise
NEAR = 1e-3  # relative distance from the limit within which float64's noise may not decide
STEEPEST = 100  # power of β that the noise falls by at most: so many times its solution's excess of bias is its error
TIE = 1e-9  # and that of the solution in multi-precision, rounded
NARROW = 1.05  # ratio of two n between which noise is taken to behave as at them
WIDE = 20  # power of the ratio beyond, by which more is allowed for
MARGIN = 0.1  # power of the distance from the limit by which the value may miss the power of n that it is taken for

Noise = Callable[[int], float]


def kappa_named(path: SolutionPath, noise: Noise) -> int:
    """The point n = 100·κ that the budget of the path's problem names.

    `noise` is V of the table at n as multi-precision knows it, and asked for at a few n.

    Raises:
        SolveError: no κ below that of the Bayes table meets the noise budget, or two points cannot be told apart.
    """
    budget = path.problem.budget
    if budget is None:
        raise SolveError(f"{path.problem} names no point of the frontier; give a budget")
    if budget.kind == "bias_budget":
        return int(100 * budget.value)
    if budget.kind == "noise_budget":
        return _within_noise(path, float(budget.value), noise)
    return _for_groups(path, int(budget.value), noise)


def _within_noise(path: SolutionPath, ratio: float, noise: Noise) -> int:
    """The smallest n with V ≤ ratio·V(plug_in)."""
    limit = ratio * path.noise(plug_in.coefficients(path.target, path.group_size))

    @cache
    def value(n: int) -> float:
        rough = noise(n) if n == 100 else _rough_noise(path, _beta(path, n), limit)
        distance = abs(rough / limit - 1)
        is_sure = n == 100 or distance > NEAR or distance > STEEPEST * path.excess(_beta(path, n))
        return rough if is_sure else noise(n)

    first, last = _first_possible(path, limit), _last(path)
    found = first if first <= last and value(first) <= limit else _first_below(value, limit, first, last)
    if found is None:
        raise SolveError(
            f"`noise_budget` = {ratio} is not met anywhere between the minimax and the Bayes table of "
            f"{path.target.name}, K = {path.group_size}; give a larger one"
        )
    if any(abs(value(n) - limit) < TIE * limit for n in (found - 1, found) if n >= 100):
        raise SolveError(f"near κ = {found / 100} the noise equals the budget to nine digits; use bias_budget")
    return found


def _for_groups(path: SolutionPath, groups: int, noise: Noise) -> int:
    """The n that minimises β² + V/M; ties go to the smaller n."""

    def cost(noise: Noise) -> Noise:
        return cache(lambda n: _beta(path, n) ** 2 + noise(n) / groups)

    value = cost(noise)
    rough = cost(lambda n: noise(n) if n == 100 else path.noise(path.at(_beta(path, n)).coefficients))
    easy = max(100, math.floor(100 * _easy_bias(path) / path.least_bias))
    first = _first_possible(path, groups * rough(easy))
    last = min(_last(path), math.floor(100 * math.sqrt(rough(easy)) / path.least_bias))
    n = _least(rough, easy, first, last)
    while n > 100 and value(n - 1) <= value(n):
        n -= 1
    while value(n + 1) < value(n):
        n += 1
    return n


def _first_below(value: Noise, limit: float, low: int, high: int) -> int | None:
    """The smallest n in (low, high] with value ≤ limit, which that at low is above."""
    if low >= high or _floor(value, low, high) > limit:
        return None
    if high - low == 1:
        return high if value(high) <= limit else None
    middle = _farthest(value, limit, low, high)
    found = _first_below(value, limit, low, middle)
    return found if found is not None else _first_below(value, limit, middle, high)


def _farthest(value: Noise, limit: float, low: int, high: int) -> int:
    """The largest n before `high` such that (low, n) would be ruled out if the value were a power of n."""
    slope = math.log(value(high) / value(low)) / math.log(high / low)
    drop, gap = max(-2 * slope, slope), (value(low) / limit) ** (1 - MARGIN)
    ratio = gap ** (1 / drop) if gap < NARROW**drop else (gap * NARROW**WIDE) ** (1 / (drop + WIDE))
    return min(max(int(low * ratio), low + 1), high - 1)


def _least(value: Noise, best: int, low: int, high: int) -> int:
    """The n in {best} ∪ (low, high) of the smallest value."""
    if high - low <= 1 or _floor(value, low, high) >= value(best):
        return best
    middle = min(max(math.isqrt(low * high), low + 1), high - 1)
    best = _least(value, min(best, middle, key=value), low, middle)
    return _least(value, best, middle, high)


def _floor(value: Noise, low: int, high: int) -> float:
    """The least value that is allowed for between two points."""
    a, b = sorted((value(low), value(high)))
    return a**2 / b / max(high / low / NARROW, 1.0) ** WIDE


def _rough_noise(path: SolutionPath, beta: float, limit: float) -> float:
    """V of the solution at β, in float64; a rough one far from the limit."""
    rough = float(path.space.noise_on_grid(path.at(beta, LOOSE).coefficients).max())
    return rough if abs(rough / limit - 1) > COARSE else path.noise(path.at(beta).coefficients)


def _beta(path: SolutionPath, n: int) -> float:
    return n / 100 * path.least_bias


def _last(path: SolutionPath) -> int:
    """The last n below the Bayes table."""
    return math.ceil(100 * path.bayes_bias / path.least_bias) - 1


def _first_possible(path: SolutionPath, limit: float) -> int:
    """The smallest n, within 10 %, that the lower bound on the noise does not rule out; the bound decreases in β."""
    possible, ruled_out, least = _easy_bias(path), None, path.least_bias * 1.01
    while possible > (1.1 * ruled_out if ruled_out else least):
        middle = math.sqrt(possible * ruled_out) if ruled_out else max(0.8 * possible, least)
        if _noise_bound(path, middle) <= limit:
            possible = middle
        else:
            ruled_out = middle
    return max(100, math.floor(100 * (ruled_out or path.least_bias) / path.least_bias))


def _easy_bias(path: SolutionPath) -> float:
    """A bias budget at which the program is well conditioned, below that of the Bayes table."""
    K = path.group_size
    return float(min(max(2.0 * K**0.4, 0.12 * K) * path.least_bias, 0.9 * path.bayes_bias))


def _noise_bound(path: SolutionPath, beta: float) -> float:
    """A lower bound on the noise of every table with bias ≤ β; decreasing in β.

    sup_p V ≥ sup_p S − β² ≥ ∫_ε^1 S(p)/p dp / log(1/ε) − β², and with ε = 1/(32K) the integral is at least 0.48·F(c),
    because ∫_0^1 S(p)/p dp = F(c) + const and the part below ε holds little of any coefficient's weight. A solution
    whose bias exceeds β has met fewer constraints, so that its F is no larger.
    """
    objective = float(path.space.program.objective(path.at(beta, COARSEST).coefficients))
    return 0.48 * objective / math.log(32 * path.group_size) - beta**2

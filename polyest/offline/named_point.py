"""Naming a point of the aqp frontier: the scans that turn a noise budget or a number of groups into κ (theory.md §3).

κ = n/100 always. The noise is not monotone in κ, so every n from 100 upward counts; a lower bound on the noise, which
is monotone, rules out most of them at once. float64 scans; where it cannot tell two points apart, the solutions in
multi-precision decide.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np

from polyest.closed_forms import plug_in
from polyest.errors import SolveError
from polyest.numbers.float64 import FLOAT64
from polyest.offline.methods import minimax
from polyest.offline.solution_path import SolutionPath
from polyest.problems.problem import Problem

__all__ = ["kappa_named"]

LARGEST_MINIMAX = 64  # above, the coefficients of the minimax table are beyond float64
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


def kappa_named(path: SolutionPath, problem: Problem, noise: Noise) -> int:
    """The point n = 100·κ that the problem's budget names.

    Args:
        path: float64's solutions.
        problem: the question.
        noise: V of the table at n, as multi-precision knows it; asked at a few n.

    Raises:
        SolveError: no κ below that of the Bayes table meets the noise budget, or two points cannot be told apart.
    """
    budget = problem.budget
    if budget is None:
        raise SolveError(f"{problem} names no point of the frontier; give a budget")
    if budget.kind == "bias_budget":
        return int(100 * budget.value)
    if budget.kind == "noise_budget":
        return _within_noise(path, float(budget.value), noise)
    return _for_groups(path, int(budget.value), noise)


def _within_noise(path: SolutionPath, ratio: float, noise: Noise) -> int:
    """The smallest n with V ≤ ratio·V(plug_in)."""
    limit = ratio * path.noise(np.array(plug_in.coefficients(path.target, path.group_size)))

    def value(n: int) -> float:
        rough = _noise(path, n, limit)
        distance = abs(rough / limit - 1)
        is_sure = distance > NEAR or distance > STEEPEST * path.excess(n / 100 * path.least_bias)
        return rough if is_sure else noise(n)

    scan = _Scan(value)
    if path.group_size <= LARGEST_MINIMAX and scan.value(100) <= limit:
        return _decided(scan, 100, limit)
    first, last = _first_possible(path, limit), _last(path)
    if first <= last and scan.value(first) <= limit:
        return _decided(scan, first, limit)
    found = scan.first_below(limit, first, last)
    if found is not None:
        return _decided(scan, found, limit)
    raise SolveError(
        f"`noise_budget` = {ratio} is not met anywhere between the minimax and the Bayes table of {path.target.name}, "
        f"K = {path.group_size}; give a larger one"
    )


def _decided(scan: _Scan, n: int, limit: float) -> int:
    """n, unless nothing can tell on which side of the limit it or its neighbour lies."""
    if any(abs(scan.value(k) - limit) < TIE * limit for k in (n - 1, n) if k >= 100):
        raise SolveError(f"near κ = {n / 100} the noise equals the budget to nine digits; use bias_budget")
    return n


class _Scan:
    """A function of n, remembered where it was computed, and searched without computing it everywhere.

    Between two points within `NARROW` it is taken to fall below the smaller value by no more than their ratio, further
    apart by that and `WIDE` powers of the distance: where that rules an interval out, it is skipped, else split. The
    noise is smooth but for kinks, and falls like a power of κ where budgets are met.
    """

    def __init__(self, function: Callable[[int], float]) -> None:
        self.value = lru_cache(maxsize=None)(function)

    def first_below(self, limit: float, low: int, high: int) -> int | None:
        """The smallest n in (low, high] with value ≤ limit, which that at low is above."""
        if low >= high or self._floor(low, high) > limit:
            return None
        if high - low == 1:
            return high if self.value(high) <= limit else None
        middle = self._farthest(limit, low, high)
        found = self.first_below(limit, low, middle)
        return found if found is not None else self.first_below(limit, middle, high)

    def _farthest(self, limit: float, low: int, high: int) -> int:
        """The largest n before `high` such that (low, n) would be ruled out if the value were a power of n."""
        a = self.value(low)
        slope = math.log(self.value(high) / a) / math.log(high / low)
        nearest, farthest = low + 1, high - 1
        while nearest < farthest:
            n = (nearest + farthest + 1) // 2
            is_out = _floor(a, a * (n / low) ** slope, n / low) > limit * (a / limit) ** MARGIN
            nearest, farthest = (n, farthest) if is_out else (nearest, n - 1)
        return nearest

    def least(self, best: int, low: int, high: int) -> int:
        """The n in {best} ∪ (low, high) of the smallest value; ties go to the smaller n."""
        if high - low <= 1 or self._floor(low, high) >= self.value(best) * (1 + TIE):
            return best
        middle = _between(low, high)
        best = self.least(self._better(best, middle), low, middle)
        return self.least(best, middle, high)

    def _better(self, best: int, n: int) -> int:
        a, b = self.value(best), self.value(n)
        if abs(a - b) <= TIE * a:
            return min(best, n)
        return n if b < a else best

    def _floor(self, low: int, high: int) -> float:
        return _floor(self.value(low), self.value(high), high / low)


def _floor(a: float, b: float, ratio: float) -> float:
    """The least value that is allowed for between two points."""
    return min(a, b) ** 2 / max(a, b) / max(ratio / NARROW, 1.0) ** WIDE


def _between(low: int, high: int) -> int:
    return min(max(math.isqrt(low * high), low + 1), high - 1)


def _for_groups(path: SolutionPath, groups: int, noise: Noise) -> int:
    """The n that minimises β² + V/M; ties go to the smaller n."""

    def value(n: int, noise: Noise) -> float:
        return (n / 100 * path.least_bias) ** 2 + noise(n) / groups

    scan = _Scan(lambda n: value(n, partial(_noise, path)))
    some_n = max(100, math.floor(100 * _easy_bias(path) / path.least_bias))
    best, seen = some_n, []
    for n in _nodes(_first_possible(path, groups * scan.value(some_n)), path):
        if (n / 100 * path.least_bias) ** 2 >= scan.value(best):
            break
        seen.append(n)
        best = scan._better(best, n)
    for low, high in itertools.pairwise(seen):
        best = scan.least(best, low, high)
    return _lowest(lambda n: value(n, noise), best)


def _lowest(value: Callable[[int], float], n: int) -> int:
    """Downhill from n to the first that is lower than n − 1 and not higher than n + 1."""
    value = lru_cache(maxsize=None)(value)
    while n > 100 and value(n - 1) <= value(n):
        n -= 1
    while value(n + 1) < value(n):
        n += 1
    return n


def _noise(path: SolutionPath, n: int, unless_far_from: float | None = None) -> float:
    """V of the table at κ = n/100, in float64; a rough one far from the number that matters, if there is one."""
    if n > 100:
        return _noise_at(path, n / 100 * path.least_bias, unless_far_from)
    return path.noise(FLOAT64.array(minimax.coefficients(path.target, path.group_size)))


def _noise_at(path: SolutionPath, beta: float, unless_far_from: float | None) -> float:
    if unless_far_from is not None:
        rough = float(path.noise.on_grid(path.at(beta, LOOSE).coefficients).max())
        if abs(rough / unless_far_from - 1) > COARSE:
            return rough
    return path.noise(path.at(beta).coefficients)


def _last(path: SolutionPath) -> int:
    """The last n below the Bayes table."""
    return math.ceil(100 * path.bayes_bias / path.least_bias) - 1


def _nodes(first: int, path: SolutionPath) -> list[int]:
    """n from `first` to the last below the Bayes table, in steps of five per cent."""
    last = _last(path)
    nodes = [first] if first <= last else []
    while nodes and nodes[-1] < last:
        nodes.append(min(max(nodes[-1] + 1, math.floor(nodes[-1] * NARROW)), last))
    return nodes


def _first_possible(path: SolutionPath, limit: float) -> int:
    """The smallest n, within 10 %, that the lower bound on the noise does not rule out; the bound decreases in β."""
    possible, ruled_out = _easy_bias(path), None
    while ruled_out is None and possible > path.least_bias * 1.01:
        lower = max(0.8 * possible, path.least_bias * 1.01)
        possible, ruled_out = (lower, None) if _noise_bound(path, lower) <= limit else (possible, lower)
    while ruled_out is not None and possible > 1.1 * ruled_out:
        middle = math.sqrt(possible * ruled_out)
        possible, ruled_out = (middle, ruled_out) if _noise_bound(path, middle) <= limit else (possible, middle)
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
    objective = float(path.program.objective(path.at(beta, COARSEST).coefficients))
    return 0.48 * objective / math.log(32 * path.group_size) - beta**2

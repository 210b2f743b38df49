"""Naming a point of the aqp frontier: the scans that turn a noise budget or a number of groups into κ (theory.md §3).

κ = n/100 always. The noise is not monotone in κ, so every n from 100 upward counts; a lower bound on the noise, which
is monotone, rules out most of them at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from polyest.errors import SolveError
from polyest.methods import plug_in
from polyest.offline import exchange
from polyest.offline.methods import minimax
from polyest.offline.path import Path
from polyest.problem import Problem
from polyest.targets import get_target

__all__ = ["choose"]

TIE = 1e-9  # relative difference of noises below which float64 does not decide


def choose(path: Path, problem: Problem) -> int:
    """The point n = 100·κ that the problem's budget names.

    Raises:
        SolveError: no κ below that of the Bayes table meets the noise budget, or float64 cannot tell two points apart.
    """
    budget = problem.budget
    if budget is None:
        raise SolveError(f"{problem} names no point of the frontier; give a budget")
    if budget.kind == "bias_budget":
        return int(100 * budget.value)
    if budget.kind == "noise_budget":
        return _within_noise(path, float(budget.value))
    return _for_groups(path, int(budget.value))


def _within_noise(path: Path, ratio: float) -> int:
    """The smallest n with V ≤ ratio·V(plug_in)."""
    plug_in_noise = path.noise(np.array(plug_in.coefficients(path.target, path.group_size)))
    limit = ratio * plug_in_noise
    for n in _candidates(path, limit):
        noise = path.noise(_coefficients(path, n), unless_far_from=limit)
        if abs(noise - limit) < TIE * limit:
            raise SolveError(
                f"at κ = {n / 100} the noise equals the budget to nine digits; name the point by bias_budget"
            )
        if noise < limit:
            return n
    raise SolveError(
        f"`noise_budget` = {ratio} is not met anywhere between the minimax and the Bayes table of {path.target.name}, "
        f"K = {path.group_size}; give a larger one"
    )


def _for_groups(path: Path, groups: int) -> int:
    """The n that minimises β² + V/M; ties go to the smaller n."""

    def value(n: int) -> float:
        return (n / 100 * path.least_bias) ** 2 + path.noise(_coefficients(path, n)) / groups

    some_n = max(100, math.floor(100 * _easy_bias(path) / path.least_bias))
    best, best_n = math.inf, 0
    for n in _grid(path, _first_possible(path, groups * value(some_n))):
        if (n / 100 * path.least_bias) ** 2 >= best:
            break
        here = value(n)
        if here < best * (1 - TIE):
            best, best_n = here, n
    return best_n


def _coefficients(path: Path, n: int) -> Any:
    """The table at κ = n/100, in float64."""
    if n > 100:
        return path.at(n / 100 * path.least_bias).coefficients
    digits = exchange.DIGITS + 2 * path.group_size
    table = minimax.coefficients(exchange.solve(path.target, path.group_size, digits), digits)
    return np.array([float(c) for c in table])


def _candidates(path: Path, limit: float) -> Iterator[int]:
    """Every n whose noise may lie below `limit`, upward."""
    return _grid(path, _first_possible(path, limit))


def _grid(path: Path, first: int) -> Iterator[int]:
    n = first
    while n / 100 * path.least_bias < path.bayes_bias:
        yield n
        n += 1


def _first_possible(path: Path, limit: float) -> int:
    """The smallest n that the lower bound on the noise does not rule out, found by walking down the path."""
    ratio = 0.97
    beta = _easy_bias(path)
    while beta > path.least_bias * 1.01 and _noise_bound(path, beta) <= limit:
        beta *= ratio
    return max(100, math.floor(100 * beta / path.least_bias))


def _easy_bias(path: Path) -> float:
    """A bias budget at which the program is well conditioned, below that of the Bayes table."""
    return float(min(2.0 * path.group_size**0.4 * path.least_bias, 0.9 * path.bayes_bias))


def _noise_bound(path: Path, beta: float) -> float:
    """A lower bound on the noise of every table with bias ≤ β; decreasing in β.

    sup_p V ≥ sup_p S − β² ≥ ∫_ε^1 S(p)/p dp / log(1/ε) − β², and with ε = 1/(32K) the integral is at least 0.48·F(c),
    because ∫_0^1 S(p)/p dp = F(c) + const and the part below ε holds little of any coefficient's weight.
    """
    return 0.48 * path.objective(path.at(beta)) / math.log(32 * path.group_size) - beta**2


def path_for(problem: Problem, solver: str | None = None) -> Path:
    """The path of a problem's program."""
    target = get_target(problem.target)
    return Path(target, problem.group_size, float(exchange.least_bias(target, problem.group_size)), solver)

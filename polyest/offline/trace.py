"""The whole frontier of bias against noise, from the Bayes table to the minimax table, as arrays (theory.md §3)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from polyest.errors import ArgumentError, SolveError
from polyest.numbers.conversion import Floats
from polyest.offline.methods import minimax
from polyest.offline.solution_path import SolutionPath
from polyest.problems.problem import make_problem
from polyest.problems.targets import get_target

__all__ = ["Frontier", "trace"]


@dataclass(frozen=True)
class Frontier:
    """Points of the aqp frontier, from the smallest bias to the largest."""

    kappa: Floats  # β/E*_K, from 1 (minimax) to that of the Bayes table
    bias: Floats  # β
    noise: Floats  # V of the (unrounded) table at that β


def trace(target: str, group_size: int, points: int = 100, solver: str | None = None) -> Frontier:
    """The frontier at `points` budgets, evenly spaced in log β, and its two ends.

    In float64, as the scans are: noises are good to about six digits. Where the program is too ill conditioned for that
    (close to either end at large K) points are left out, never guessed; the two ends are always there.

    >>> frontier = trace("log", 4, points=8)
    >>> frontier.kappa[[0, -1]].round(2).tolist(), frontier.noise[[0, -1]].round(3).tolist()
    ([1.0, 12.48], [0.194, 0.047])

    Raises:
        ArgumentError: every table of the target has infinite noise, or may have.
        SolveError: not even the middle of the frontier could be solved.
    """
    if not get_target(target).bounds_noise:
        raise ArgumentError(
            f"`target` must have tables of finite noise for a frontier of bias against noise; that of {target} is "
            "infinite, or not known to be finite; leave the frontier out"
        )
    problem = make_problem(target, group_size, "minimax")
    path, least = SolutionPath(problem, solver), minimax.solution(problem).coefficients
    ends = [(path.least_bias, path.noise(least)), (path.bayes_bias, path.noise(path.space.program.means))]
    bias, noise = np.array(sorted([*ends, *_inner(path, points)])).T
    return Frontier(bias / path.least_bias, bias, noise)


def _inner(path: SolutionPath, points: int) -> Iterator[tuple[float, float]]:
    """Outward from an easy budget in both directions, as far as float64 carries."""
    budgets = np.geomspace(path.least_bias, path.bayes_bias, points + 2)[1:-1]
    easy = math.sqrt(path.least_bias * path.bayes_bias)
    for side in (budgets[budgets >= easy], budgets[budgets < easy][::-1]):
        with suppress(SolveError):
            for beta in map(float, side):
                yield beta, path.noise(path.in_float64(beta).coefficients)

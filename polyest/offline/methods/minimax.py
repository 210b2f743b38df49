"""The minimax table: the least worst-case bias that any table can have (theory.md §3)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from polyest.numbers.conversion import exact
from polyest.numbers.mpfr import Mpfr
from polyest.numbers.multiprecision import Multiprecision
from polyest.offline import exchange
from polyest.offline.solution import Solution, settled
from polyest.problems.problem import Problem
from polyest.problems.targets import get_target

__all__ = ["coefficients", "solve"]


def solve(problem: Problem, digits: int | None = None) -> Solution:
    """Solve min_c β(c) by the exchange algorithm, with as many `digits` as the coefficients need, or more.

    >>> from polyest.problems.problem import make_problem
    >>> [float(c) for c in solve(make_problem("log", 2, "minimax")).coefficients]
    [-1.7113737593684795, 0.07720199246676034]
    """
    target, K = get_target(problem.target), problem.group_size
    working = max(digits or 0, exchange.DIGITS + 2 * K)
    best = exchange.solve(target, K, working)
    table = settled(coefficients(best, working), exact(best.level))
    return Solution(
        problem,
        tuple(Multiprecision(working).array(table)),
        proof={"alternation": tuple(float(t) for t in best.points)},
        digits=working,
    )


def coefficients(best: exchange.Levelled, digits: int) -> tuple[Any, ...]:
    """Bernstein coefficients, as mpmath numbers, of the Q that takes the given values at the points.

    Newton's divided differences, expanded to the power basis, then c_m = Σ_j a_j (m)_j/(n)_j, n = len(points) − 2; the
    2·K digits above the accuracy wanted pay for the conditioning of these steps.
    """
    with Mpfr(digits).precision():
        table = from_power(_power_basis(best.points[:-1], best.values[:-1]))
    return tuple(Multiprecision(digits).array(map(exact, table)))


def _power_basis(points: Any, values: Any) -> Any:
    """a_0 … a_n of the polynomial of degree n that takes the values at the n + 1 points."""
    differences, n = values.copy(), len(points) - 1
    for j in range(1, n + 1):
        differences[j:] = (differences[j:] - differences[j - 1 : -1]) / (points[j:] - points[: n + 1 - j])
    power = differences[n:] * 1
    for j in range(n - 1, -1, -1):
        power = _shift(power) - points[j] * _pad(power)
        power[0] += differences[j]
    return power


def from_power(power: Any) -> list[Any]:
    """c_m = Σ_j a_j (m)_j/(n)_j, n = len(power) − 1: Pascal's rule on d_j = a_j/C(n,j), the differences of c at 0."""
    n = len(power) - 1
    differences = power / np.array([math.comb(n, j) for j in range(n + 1)], dtype=object)
    table = []
    for _ in range(n + 1):
        table.append(differences[0])
        differences = differences[:-1] + differences[1:]
    return table


def _shift(power: Any) -> Any:
    return _pad(power)[[-1, *range(len(power))]]


def _pad(power: Any) -> Any:
    return np.append(power, power[:1] * 0)

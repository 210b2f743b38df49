"""The minimax table: the least worst-case bias that any table can have (theory.md §3)."""

from __future__ import annotations

import math
from fractions import Fraction

import gmpy2
import numpy as np

from polyest.numbers.conversion import Array, to_fraction
from polyest.numbers.mpfr import Mpfr
from polyest.offline import remez
from polyest.offline.solution import Solution, settled
from polyest.problems.problem import Problem
from polyest.problems.targets import Target, get_target

__all__ = ["coefficients", "solution"]


def solution(problem: Problem, digits: int | None = None) -> Solution:
    """Solve min_c β(c) by the exchange algorithm, with as many `digits` as the coefficients need, or more.

    >>> from polyest.problems.problem import make_problem
    >>> [float(c) for c in solution(make_problem("log", 2, "minimax")).coefficients]
    [-1.7113737593684795, 0.07720199246676034]
    """
    target, K = get_target(problem.target), problem.group_size
    working = _working_digits(K, digits)
    best = remez.best_approximation(target, K, working)
    table = settled(coefficients(target, K, working), to_fraction(best.level))
    return Solution(problem, table, proof={"alternation": tuple(map(float, best.points))}, digits=working)


def coefficients(target: Target, group_size: int, digits: int | None = None) -> tuple[Fraction, ...]:
    """Bernstein coefficients of the best approximation: the Q that takes its values at all points but one.

    Newton's divided differences, expanded to the power basis, then c_m = Σ_j a_j (m)_j/(n)_j, n = K − 1; the
    2·K digits above the accuracy wanted pay for the conditioning of these steps.
    """
    working = _working_digits(group_size, digits)
    best = remez.best_approximation(target, group_size, working)
    with Mpfr(working).precision():
        return tuple(map(to_fraction, from_power(_power_basis(best.points[:-1], best.values[:-1]))))


def _working_digits(group_size: int, digits: int | None) -> int:
    return max(digits or 0, remez.DIGITS + 2 * group_size)


def _power_basis(points: Array, values: Array) -> Array:
    """a_0 … a_n of the polynomial of degree n that takes the values at the n + 1 points."""
    differences, n = values.copy(), len(points) - 1
    for j in range(1, n + 1):
        differences[j:] = (differences[j:] - differences[j - 1 : -1]) / (points[j:] - points[: n + 1 - j])
    power = differences[n:] * 1
    for j in range(n - 1, -1, -1):
        power = _shift(power) - points[j] * _pad(power)
        power[0] += differences[j]
    return power


def from_power(power: Array) -> list[gmpy2.mpfr]:
    """c_m = Σ_j a_j (m)_j/(n)_j, n = len(power) − 1: Pascal's rule on d_j = a_j/C(n,j), the differences of c at 0."""
    n = len(power) - 1
    differences = power / np.array([math.comb(n, j) for j in range(n + 1)], dtype=object)
    table = []
    for _ in range(n + 1):
        table.append(differences[0])
        differences = differences[:-1] + differences[1:]
    return table


def _shift(power: Array) -> Array:
    return _pad(power)[[-1, *range(len(power))]]


def _pad(power: Array) -> Array:
    return np.append(power, power[:1] * 0)

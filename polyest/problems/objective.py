"""The objective g(p) = ∫_0^p r of a target, and its mean slope: g(p) = p·r̃(p).

With c̃_m = (c_0 + … + c_m)/(m+1) the running means of a table, ∫_0^p Q_c = p·Q_c̃(p). So what a table of r does to the
objective, ∫_0^p (Q_c − r), is what the table c̃ of the target r̃ does to an answer, p·(Q_c̃ − r̃).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

from polyest.errors import ArgumentError
from polyest.numbers.rationals import rational_text
from polyest.problems.targets import Target, get_target

__all__ = ["mean_slope", "running_means"]


def mean_slope(target: Target) -> Target:
    """r̃(p) = (1/p) ∫_0^p r of a polynomial target.

    >>> mean_slope(get_target("best_of(2)")).name
    'polynomial(2,-1)'

    Raises:
        ArgumentError: the target is no polynomial.
    """
    if target.polynomial is None:
        raise ArgumentError(f"`target` must be a polynomial, such as best_of(12); got {target.name}")
    coefficients = [rational_text(a / (j + 1)) for j, a in enumerate(target.polynomial)]
    return get_target(f"polynomial({','.join(coefficients)})")


def running_means(coefficients: Sequence[float | Fraction]) -> tuple[Fraction, ...]:
    """c̃_m = (c_0 + … + c_m)/(m+1), exactly.

    >>> [str(c) for c in running_means([3.0, 1.5, 0.5])]
    ['3', '9/4', '5/3']
    """
    sums = accumulate(Fraction(c) for c in coefficients)
    return tuple(total / m for m, total in enumerate(sums, start=1))

"""The harmonic table of `log`, −Σ_{j=m+1}^{K−1} 1/j: unbiased for the Taylor polynomial of log p (theory.md §3)."""

from __future__ import annotations

from fractions import Fraction

from polyest.problems.targets import Target

__all__ = ["coefficients"]


def coefficients(target: Target, group_size: int) -> tuple[float, ...]:
    """The K harmonic coefficients, correctly rounded.

    >>> from polyest.problems.targets import get_target
    >>> coefficients(get_target("log"), 3)
    (-1.5, -0.5, 0.0)
    """
    sums = [Fraction(0)]
    for j in range(group_size - 1, 0, -1):
        sums.append(sums[-1] - Fraction(1, j))
    return tuple(float(value) for value in reversed(sums))

"""The harmonic table of `log`, −Σ_{j=m+1}^{K−1} 1/j: unbiased for the Taylor polynomial of log p (theory.md §3)."""

from __future__ import annotations

from fractions import Fraction

from polyest.problems.targets import Target

__all__ = ["coefficients"]

UNIT = 2**128


def coefficients(target: Target, group_size: int) -> tuple[float, ...]:
    """The K harmonic coefficients, correctly rounded.

    >>> from polyest.problems.targets import get_target
    >>> coefficients(get_target("log"), 3)
    (-1.5, -0.5, 0.0)
    """
    least, sums = 0, [0.0]  # of the sum × UNIT, which is larger by less than 1 for each of its terms
    for j in range(group_size - 1, 0, -1):
        least += UNIT // j
        value = least / UNIT
        if value != (least + len(sums)) / UNIT:
            value = float(sum(Fraction(1, i) for i in range(j, group_size)))
        sums.append(-value)
    return tuple(reversed(sums))

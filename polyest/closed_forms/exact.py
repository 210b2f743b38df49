"""The exact table of a polynomial target: its U-statistic, bias 0 (theory.md §3).

c_m = Σ_j a_j (m)_j/(K−1)_j, with (x)_j the falling factorial, because E[(m)_j] = (K−1)_j p^j for
m ~ Binomial(K−1, p) (Halmos 1946, doi:10.1214/aoms/1177731020).
"""

from __future__ import annotations

from fractions import Fraction

from polyest.errors import ArgumentError
from polyest.problems.targets import Target

__all__ = ["coefficients", "rational_coefficients"]


def rational_coefficients(target: Target, group_size: int) -> tuple[Fraction, ...]:
    """The K coefficients as exact rationals.

    >>> from polyest.problems.targets import get_target
    >>> rational_coefficients(get_target("power(2)"), 4)
    (Fraction(0, 1), Fraction(0, 1), Fraction(1, 3), Fraction(1, 1))

    Raises:
        ArgumentError: the target is no polynomial of degree ≤ K−1.
    """
    if target.polynomial is None or not target.is_exact(group_size):
        raise ArgumentError(
            f"`target` must be a polynomial of degree ≤ K−1 = {group_size - 1}; got {target.name}; use method='aqp'"
        )
    return tuple(u_statistic(target.polynomial, m, group_size - 1) for m in range(group_size))


def u_statistic(polynomial: tuple[Fraction, ...], m: int, n: int) -> Fraction:
    """Σ_j a_j (m)_j/(n)_j: unbiased for Σ_j a_j p^j when m ~ Binomial(n, p) and the degree is ≤ n."""
    total, ratio = Fraction(0), Fraction(1)
    for j, a in enumerate(polynomial):
        total += a * ratio
        if j < n:
            ratio *= Fraction(m - j, n - j)
    return total


def coefficients(target: Target, group_size: int) -> tuple[float, ...]:
    """The K coefficients, correctly rounded."""
    return tuple(float(value) for value in rational_coefficients(target, group_size))

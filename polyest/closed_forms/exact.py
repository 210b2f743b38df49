"""The exact table of a polynomial target: its U-statistic, bias 0 (theory.md §3).

c_m = Σ_j a_j (m)_j/(K−1)_j, with (x)_j the falling factorial, because E[(m)_j] = (K−1)_j p^j for
m ~ Binomial(K−1, p) (Halmos 1946, doi:10.1214/aoms/1177731020).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

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
    return u_statistic(target.polynomial, group_size - 1)


def u_statistic(polynomial: Sequence[Fraction], n: int) -> tuple[Fraction, ...]:
    """Σ_j a_j (m)_j/(n)_j at m = 0..n: unbiased for Σ_j a_j p^j when m ~ Binomial(n, p) and the degree is ≤ n.

    In integers, by Horner's scheme: a_0 + m/n·(a_1 + (m−1)/(n−1)·(a_2 + …)) over a denominator that all m share.

    >>> u_statistic((Fraction(0), Fraction(0), Fraction(1)), 2)
    (Fraction(0, 1), Fraction(0, 1), Fraction(1, 1))
    """
    given = polynomial[: n + 1]
    scale = lcm(*(a.denominator for a in given))
    below, terms = 1, list[int]()  # (n−j)_{d−j}, d the degree; a_j times that
    for j in range(len(given) - 1, -1, -1):
        below *= n - j if terms else 1
        terms.append(given[j].numerator * (scale // given[j].denominator) * below)
    return tuple(Fraction(_nested(terms, m), scale * below) for m in range(n + 1))


def _nested(terms: Sequence[int], m: int) -> int:
    """t_0 + m·(t_1 + (m−1)·(t_2 + …)), of terms from the last to the first."""
    total = 0
    for j, term in zip(range(len(terms) - 1, -1, -1), terms, strict=True):
        total = term + (m - j) * total
    return total


def coefficients(target: Target, group_size: int) -> tuple[float, ...]:
    """The K coefficients, correctly rounded."""
    return tuple(float(value) for value in rational_coefficients(target, group_size))

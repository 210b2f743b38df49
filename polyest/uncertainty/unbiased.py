"""The unbiased variance of an exact table's value, which there is for polynomials of degree at most K/2.

V is unbiased for Φ = Σ_z Σ_j a_j ν(z)^(j+1), and Φ² is a polynomial of degree at most K in ν, so it has an unbiased
estimate too, in falling factorials (N)_j:  Σ_{z≠z'} (N_z)_i (N_z')_j/(K)_{i+j} + Σ_z (N_z)_{i+j}/(K)_{i+j}  for
Σ_z ν(z)^i · Σ_z ν(z)^j. Then V² minus it has the mean E V² − Φ² = Var V. It can be negative.
"""

from __future__ import annotations

import math
from fractions import Fraction

from polyest.errors import ArgumentError
from polyest.problems.targets import get_target
from polyest.uncertainty.pay import ErrorOfValue, Pay
from polyest.uncertainty.profile import Profile

__all__ = ["error_of"]


def error_of(profile: Profile, pay: Pay) -> ErrorOfValue:
    """V² minus the unbiased estimate of Φ², in rational arithmetic; the bias is 0."""
    polynomial = get_target(pay.problem.target).polynomial
    if pay.problem.method != "exact" or polynomial is None or 2 * len(polynomial) > profile.size:
        raise ArgumentError(
            f"`error` unbiased needs an exact table of a polynomial r of degree at most K/2 − 1, got {pay.problem} "
            f"and a group of {profile.size}; take multinomial"
        )
    if any(cell.offset or cell.is_missing for cell in profile.cells):
        raise ArgumentError("`error` unbiased takes no reference and no missing answers; take multinomial")
    terms = [(power, a) for power, a in enumerate(polynomial, start=1) if a]
    value = sum((a * Fraction(_sum(profile, i), math.perm(profile.size, i)) for i, a in terms), Fraction(0))
    square = sum((a * b * _product(profile, i, j) for i, a in terms for j, b in terms), Fraction(0))
    return ErrorOfValue(float(value**2 - square), 0.0)


def _sum(profile: Profile, *powers: int) -> int:
    """Σ_z Π_i (N_z)_i."""
    return sum(cell.many * math.prod(math.perm(cell.count, i) for i in powers) for cell in profile.cells)


def _product(profile: Profile, i: int, j: int) -> Fraction:
    """Unbiased for Σ_z ν(z)^i · Σ_z ν(z)^j."""
    different = _sum(profile, i) * _sum(profile, j) - _sum(profile, i, j)
    return Fraction(different + _sum(profile, i + j), math.perm(profile.size, i + j))

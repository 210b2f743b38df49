"""Polynomials in powers of s, exactly: as sums of s^i·(1−s)^j, and as integrals of Bernstein polynomials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

__all__ = ["antiderivative", "from_products"]


def from_products(terms: Sequence[tuple[Fraction, int, int]]) -> tuple[Fraction, ...]:
    """Σ w·s^i·(1−s)^j over (w, i, j), in powers of s."""
    powers = [Fraction(0)] * (1 + max(i + j for _, i, j in terms))
    for weight, i, j in terms:
        for step in range(j + 1):
            powers[i + step] += weight * math.comb(j, step) * (-1) ** step
    return tuple(powers)


def antiderivative(c: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """∫_0^s Q_c in powers of s: Q_c = Σ_j C(K−1,j) Δ^j c_0 s^j."""
    powers, differences = [Fraction(0)], list(c)
    for j in range(len(c)):
        powers.append(math.comb(len(c) - 1, j) * differences[0] / (j + 1))
        differences = [b - a for a, b in pairwise(differences)]
    return tuple(powers)

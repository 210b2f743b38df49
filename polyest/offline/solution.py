"""What a method returns: coefficients to many digits, and what the proofs of optimality start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from polyest.problem import Problem

__all__ = ["Solution"]


@dataclass(frozen=True)
class Solution:
    """The solver's answer to a problem.

    Attributes:
        problem: the question.
        coefficients: c_0 … c_{K−1} as mpmath numbers, not yet rounded.
        kappa: the point of the frontier in hundredths, for aqp.
        proof: named lists of floats for the certificate (theory.md §4).
        digits: the working precision in decimal digits.
    """

    problem: Problem
    coefficients: tuple[Any, ...]
    kappa: int | None = None
    proof: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    digits: int = 0

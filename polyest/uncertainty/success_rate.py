"""The unbiased variance of pass@k and other success rates (`polyest.success`)."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from polyest import success
from polyest.errors import ArgumentError, shortened
from polyest.uncertainty.estimate import ValueEstimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from polyest.success import SuccessRate

__all__ = ["success_with_error"]


def success_with_error(objective: SuccessRate, correct: ArrayLike) -> ValueEstimate:
    """Values g(s) and their unbiased variance V² − ĝ², ĝ² the exact estimate of g(s)²; for degrees up to K/2.

    Args:
        objective: one of `polyest.success`, for instance ``success.pass_at(2, group_size=8)``.
        correct: booleans or 0 and 1, shape (..., K).

    Raises:
        ArgumentError: g is a polynomial of degree above K/2, whose variance has no unbiased estimate.

    >>> from polyest.success import pass_at
    >>> one = success_with_error(pass_at(2, group_size=8), [1, 1, 0, 0, 0, 0, 0, 0])
    >>> print(f"{one.value:.3f} ± {one.standard_error:.3f}")
    0.464 ± 0.270
    """
    if not isinstance(objective, success.SuccessRate):
        raise ArgumentError(f"`objective` must be one of polyest.success, got {shortened(objective)}; make one there")
    a, K = objective.polynomial, objective.group_size
    if 2 * (len(a) - 1) > K:
        raise ArgumentError(
            f"`objective` must be a polynomial of degree at most K/2, got {objective.name} of degree {len(a) - 1} and "
            f"K = {K}: its variance has no unbiased estimate; sample more, or average prompts with polyest.summary"
        )
    square = [Fraction(0)] * (2 * len(a) - 1)
    for (i, x), (j, y) in product(enumerate(a), repeat=2):
        square[i + j] += x * y
    value = objective.values(correct)
    variance = value**2 - success.SuccessRate("square", tuple(square), K).values(correct)
    doubtful = np.isin(np.sum(correct, axis=-1), (0, K))
    return ValueEstimate(value[()], variance[()], np.zeros_like(value)[()], doubtful[()], "unbiased")

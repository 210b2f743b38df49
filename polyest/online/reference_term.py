"""The reference's part of a reward: r(q), q the probability that the reference gives the completion's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.online.weights import read_numbers
from polyest.polynomials.bernstein import target_values
from polyest.problems.targets import Target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.online.layout import Array

__all__ = ["read_probabilities", "reference_values"]


def reference_values(
    target: str | Target, reference: ArrayLike, shape: tuple[int, ...], ignored: NDArray[np.bool_] | None
) -> Array:
    """r(q) of the answers' shape; 0 where a completion is paid no reference term.

    Raises:
        ArgumentError: another shape, a q outside [0, 1], or an r(q) that is not finite.
    """
    q = read_probabilities(reference)
    if q.shape != shape:
        raise ArgumentError(
            f"`reference` must have the answers' shape {shape}, got {q.shape}; give one probability for each answer"
        )
    if ignored is not None:
        q[ignored] = 1.0
    with np.errstate(all="ignore"):
        values = target_values(target, q)
        wrong = ~((q >= 0) & (q <= 1) & np.isfinite(values))
    if wrong.any():
        raise ArgumentError(
            f"`reference` must be probabilities in (0, 1] at which {target} is finite; got {q[wrong][0]} "
            f"(and {np.count_nonzero(wrong) - 1} more); smooth the reference, or leave these answers out"
        )
    if ignored is not None:
        values[ignored] = 0.0
    return values


def read_probabilities(reference: ArrayLike) -> Array:
    """A new float64 array of real numbers."""
    return np.array(read_numbers(reference, "reference", "probabilities, one for each answer", "without gradient"))

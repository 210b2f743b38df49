"""What completions are weighted with (theory.md §9), and how weights are summed: as integers, hence in any order.

In a group of n completions, b the binary digits of n, weights are rounded to multiples of 2^(2b − 62) of a power of two
above the largest of them (2^(b − 62) in groups of more than `PACKED`), so that all of them and n fit an integer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.online.layout import Array

__all__ = ["LARGEST", "MOST_DIGITS", "PACKED", "read_weights"]

LARGEST = 1e200  # times a coefficient it stays finite
PACKED = 64  # completions of the largest group in which one integer holds a count and a sum
MOST_DIGITS = 1000  # binary digits by which a weight is shifted at most: both powers of two are floats


def read_weights(weights: ArrayLike, shape: tuple[int, ...], ignored: NDArray[np.bool_] | None) -> Array:
    """One number for each completion, flat; 0 where there is no completion.

    Raises:
        ArgumentError: another shape than the answers', what are no real numbers, not finite, or too large.
    """
    try:
        given = np.asarray(weights)
        if given.dtype.kind in "cUSTMm":
            raise TypeError(f"{given.dtype} numbers")
        w = np.require(given, np.float64, ["C", "A", "W"])
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"`weights` must be real numbers, one for each completion; got {error}") from None
    if w.shape != shape:
        raise ArgumentError(
            f"`weights` must have the answers' shape {shape}, got {w.shape}; give one number for each completion"
        )
    flat: Array = (w if ignored is None else np.where(ignored, 0.0, w)).reshape(-1)
    if not np.isfinite(np.vdot(flat, flat)) and not (np.abs(flat) <= LARGEST).all():  # the first is fast
        raise _unbounded(flat)
    return flat


def _unbounded(weights: Array) -> ArgumentError:
    """The error for weights that are not finite, or too large."""
    wrong = weights[~(np.abs(weights) <= LARGEST)]
    return ArgumentError(
        f"`weights` must be finite and at most 1e200 in size, got {wrong[0]} (and {len(wrong) - 1} more); "
        "give 0 to completions that count for nothing"
    )

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

__all__ = ["LARGEST", "MOST_DIGITS", "PACKED", "check_bounded", "read_numbers", "read_usable", "read_weights"]

LARGEST = 1e200  # times a coefficient it stays finite
PACKED = 64  # completions of the largest group in which one integer holds a count and a sum
MOST_DIGITS = 1000  # binary digits by which a weight is shifted at most: both powers of two are floats


def read_numbers(values: ArrayLike, argument: str, required: str, remedy: str) -> Array:
    """A contiguous float64 array of real numbers: `values` themselves if they are one."""
    try:
        given = np.asarray(values)
        if given.dtype.kind in "cUSTMmV" or hasattr(values, "filled"):
            raise TypeError("a masked array" if hasattr(values, "filled") else f"{given.dtype} numbers")
        if given.dtype.kind == "O" and any(isinstance(item, str | bytes) for item in given.flat):
            raise TypeError("strings")
        return np.require(given, np.float64, ["C", "A", "W"])
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ArgumentError(f"`{argument}` must be {required}; got {error}; pass real numbers, {remedy}") from None


def read_weights(weights: ArrayLike, shape: tuple[int, ...]) -> Array:
    """One number for each completion, flat.

    Raises:
        ArgumentError: another shape than the answers', or what are no real numbers.
    """
    w = read_numbers(weights, "weights", "real numbers, one for each completion", "without gradient")
    if w.shape != shape:
        raise ArgumentError(
            f"`weights` must have the answers' shape {shape}, got {w.shape}; give one number for each completion"
        )
    return w.reshape(-1)


def read_usable(usable: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which completions count, in the answers' shape."""
    try:
        mask = np.asarray(usable)
        came = "a masked array" if hasattr(usable, "filled") else f"{mask.dtype} of shape {mask.shape}"
    except (TypeError, ValueError, RuntimeError) as error:
        mask, came = np.zeros(0), str(error)
    if mask.dtype != np.bool_ or mask.shape != shape or hasattr(usable, "filled"):
        raise ArgumentError(
            f"`usable` must be booleans of the answers' shape {shape}, got {came}; say True for every completion that "
            "counts"
        )
    return mask


def check_bounded(weights: Array) -> None:
    """Refuse weights that are not finite, or too large."""
    squares = np.einsum("i,i->", weights, weights)  # in one pass and one thread
    if not np.isfinite(squares) and len(wrong := weights[~(np.abs(weights) <= LARGEST)]):
        raise ArgumentError(
            f"`weights` must be finite and at most 1e200 in size, got {wrong[0]} (and {len(wrong) - 1} more); "
            "give 0 to completions that count for nothing"
        )

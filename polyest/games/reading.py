"""What a caller gives a game, read once at the door: policies, lists of numbers and single ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from polyest.arrays import is_masked, read_numbers
from polyest.errors import ArgumentError, shortened

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Integers = NDArray[np.signedinteger | np.unsignedinteger]

__all__ = ["read_amount", "read_finite", "read_integers", "read_made", "read_number", "read_policy"]

T = TypeVar("T")
TOLERANCE = 1e-6  # of the sum of a policy: what the rounding of float32 leaves of it


def read_made(argument: str, value: object, kind: type[T], maker: str) -> T:
    """What a function of this package made."""
    if not isinstance(value, kind):
        raise ArgumentError(f"`{argument}` must be of {kind.__name__}, got {_came(value)}; {maker} makes one")
    return value


def read_policy(argument: str, policy: ArrayLike, size: int | None = None, of: str = "answer of the game") -> Array:
    """A policy, shape (n,): probabilities that sum to 1.

    Args:
        argument: the caller's name for it.
        policy: what came.
        size: n; None if any will do.
        of: what there are n of.

    Raises:
        ArgumentError: no such numbers, another size, negative ones, or another sum.

    >>> read_policy("nu", [0.25, 0.75], 2).tolist()
    [0.25, 0.75]
    """
    pi = read_finite(argument, policy)
    if size is not None and len(pi) != size:
        raise ArgumentError(
            f"`{argument}` must have length {size}, an entry for each {of}, got length {len(pi)}; give 0 to those "
            "without mass"
        )
    if pi.min() < 0 or abs(pi.sum() - 1) > TOLERANCE:
        came = f"{pi.min():.6g} among them" if pi.min() < 0 else f"the sum {pi.sum():.9g}"
        raise ArgumentError(
            f"`{argument}` must be probabilities that sum to 1, got {came}; divide masses ≥ 0 by their sum"
        )
    return pi


def read_finite(argument: str, values: ArrayLike) -> Array:
    """Finite numbers, shape (n,), n ≥ 1."""
    required = "a non-empty one-dimensional array of finite numbers"
    array = read_numbers(values, argument, required, "none of them missing")
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ArgumentError(f"`{argument}` must be {required}, got {_came(values)}; give a number for each entry")
    return array


def read_integers(argument: str, values: ArrayLike, required: str, remedy: str) -> Integers:
    """Whole numbers, in an array of one dimension or more that is not empty."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        array = np.empty(0)
    if array.dtype.kind not in "iu" or array.ndim < 1 or array.size == 0 or is_masked(values):
        raise ArgumentError(f"`{argument}` must be {required}; got {_came(values)}; {remedy}")
    return array


def read_number(argument: str, value: object, remedy: str) -> float:
    """A finite number."""
    is_number = isinstance(value, (int, float, np.floating, np.integer)) and not isinstance(value, bool)
    try:
        number = float(value) if is_number else math.nan  # type: ignore[arg-type]
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ArgumentError(f"`{argument}` must be a finite number, got {shortened(value)}; {remedy}")
    return number


def read_amount(argument: str, value: object, remedy: str, *, is_positive: bool = False) -> float:
    """A finite number of at least 0, or above it."""
    number = read_number(argument, value, remedy)
    if number < 0 or (is_positive and number == 0):
        least = "above 0" if is_positive else "at least 0"
        raise ArgumentError(f"`{argument}` must be finite and {least}, got {shortened(value)}; {remedy}")
    return number


def _came(values: object) -> str:
    """What came, in one line."""
    if is_masked(values):
        return "a masked array"
    return (
        f"an array of shape {values.shape}" if isinstance(values, np.ndarray) and values.ndim > 1 else shortened(values)
    )

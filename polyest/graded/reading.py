"""What a user calls rewards, as finite float64 numbers."""

from __future__ import annotations

from numbers import Rational, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.arrays import is_masked, read_array, read_mask
from polyest.errors import ArgumentError, nearest, shortened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["MISSING", "check_missing", "read_rewards"]

MISSING = ("drop",)
WIDEST = 1 << 53  # integers up to here are float64 numbers


def read_rewards(
    rewards: Any, missing: str | None = None, argument: str = "rewards", usable: Any = None
) -> tuple[Array, Any]:
    """Contiguous float64 numbers, and which are absent: a mask, or None if all are there.

    Absent are those that are not `usable`, whatever their number is, and, if `missing` is "drop", those that are NaN.

    Raises:
        ArgumentError: what is no array of real numbers, ±inf, a NaN unless `missing` is "drop", or no mask.
    """
    check_missing(missing)
    array = _real(_array(rewards, argument), argument)
    with np.errstate(over="ignore"):  # of longer floats: ±inf, which is refused
        values: Array = np.array(array, dtype=np.float64, order="C")
    if array.dtype.kind == "f" and isinstance(rewards, list | tuple) and (np.abs(values) >= WIDEST).any():
        _check_width(np.asarray(rewards, dtype=object), argument)  # integers among floats, which numpy rounds
    lost = None if usable is None else ~read_mask(usable, values.shape, "rewards")
    if lost is not None:
        values[lost] = 0.0
    finite = np.isfinite(values)
    if finite.all():
        return values, lost
    absent = np.isnan(values)
    if missing is None and absent.any():
        raise ArgumentError(
            f"`{argument}` must be numbers, got NaN {_places(absent)}: it has no rank; pass missing='drop' to leave "
            "such completions out, or give them the reward of a failure"
        )
    if not (finite | absent).all():
        raise ArgumentError(
            f"`{argument}` must be finite, got ±inf {_places(~(finite | absent))}: the objective would be infinite; "
            "give a finite floor or ceiling"
        )
    return values, absent if lost is None else absent | lost


def check_missing(missing: Any) -> None:
    if missing is not None and not (isinstance(missing, str) and missing in MISSING):
        hint = nearest(str(missing).lower(), MISSING)
        raise ArgumentError(f"`missing` must be None (a NaN is an error) or 'drop', got {shortened(missing)}{hint}")


def _array(rewards: Any, argument: str) -> NDArray[Any]:
    if is_masked(rewards, 2):
        raise ArgumentError(f"`{argument}` must not be a masked array; fill it, and say by `usable` what counts")
    if not isinstance(rewards, list | tuple):
        return read_array(rewards, argument)
    try:
        return np.asarray(rewards)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(
            f"`{argument}` must be nested lists of equal lengths, got {error}; for groups of mixed sizes pass flat "
            "rewards and group ids to the functions of polyest.graded"
        ) from None


def _real(array: NDArray[Any], argument: str) -> NDArray[Any]:
    """The array, if it holds real numbers that float64 can tell apart."""
    dtype, kind = array.dtype, array.dtype.kind
    is_number = kind in "biuf" or dtype.type.__module__ == "ml_dtypes"  # bfloat16 and its like
    if not is_number and not (kind == "O" and all(x is None or isinstance(x, Real) for x in array.flat)):
        raise ArgumentError(f"`{argument}` must be real numbers, got {dtype}; convert them to floats first")
    if kind == "O" or (kind in "iu" and dtype.itemsize == 8):
        _check_width(array, argument)
    return array


def _check_width(array: NDArray[Any], argument: str) -> None:
    """Refuse integers, and fractions, that float64 might take for equal ones."""
    exact = [x for x in array.flat if isinstance(x, Rational)] if array.dtype.kind == "O" else _ends(array)
    largest: Any = max(map(abs, exact), default=0)
    if largest > WIDEST:
        raise ArgumentError(
            f"`{argument}` must be within ±2^53, where float64 tells integers apart, got {shortened(largest)}; rescale "
            "them"
        )


def _ends(array: NDArray[Any]) -> list[Any]:
    return [int(array.max()), int(array.min())] if array.size else []


def _places(wrong: NDArray[np.bool_]) -> str:
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    more = int(np.count_nonzero(wrong)) - 1
    place = first[0] if len(first) == 1 else first
    return f"at {place}" + (f" and {more} more" if more else "")

"""What a caller passes as an array, of any library: read, or refused in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from polyest.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    AnyArray: TypeAlias = NDArray[np.generic]
    Floats: TypeAlias = NDArray[np.floating]

__all__ = ["read_array", "read_mask", "read_numbers", "read_output"]


def read_array(values: object, argument: str) -> AnyArray:
    """`values` as a numpy array, if it is an array of any library."""
    if is_masked(values):
        raise ArgumentError(f"`{argument}` must not be a masked array; fill it and name the filler as `padding_id`")
    if isinstance(values, np.ndarray):
        return values
    if not hasattr(values, "__array__") or isinstance(values, np.generic):
        raise ArgumentError(f"`{argument}` must be an array or a (nested) list, got {type(values).__name__}")
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(
            f"`{argument}` must be readable by numpy, got {type(values).__name__}: {error}; "
            "move it to the CPU, or use the adapter of its framework"
        ) from None


def read_numbers(values: ArrayLike, argument: str, required: str, remedy: str) -> NDArray[np.float64]:
    """A contiguous float64 array of real numbers: `values` themselves if they are one."""
    try:
        given = np.asarray(values)
        if given.dtype.kind in "cUSTMm" or given.dtype.type is np.void or is_masked(values):
            raise TypeError("a masked array" if is_masked(values) else f"{given.dtype} numbers")
        if given.dtype.kind == "O" and any(isinstance(item, str | bytes) for item in given.flat):
            raise TypeError("strings")
        return np.require(given, np.float64, ["C", "A", "W"])
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ArgumentError(f"`{argument}` must be {required}; got {error}; pass real numbers, {remedy}") from None


def read_mask(usable: ArrayLike, shape: tuple[int, ...], of: str = "answers") -> NDArray[np.bool_]:
    """Which completions count, in the shape of the answers, or of what else is scored."""
    try:
        mask = np.asarray(usable)
        came = "a masked array" if is_masked(usable) else f"{mask.dtype} of shape {mask.shape}"
    except (TypeError, ValueError, RuntimeError) as error:
        mask, came = np.zeros(0), str(error)
    if mask.dtype != np.bool_ or mask.shape != shape or is_masked(usable):
        raise ArgumentError(
            f"`usable` must be booleans of the {of}' shape {shape}, got {came}; say True for every completion that "
            "counts"
        )
    return mask


def read_output(out: Floats | None, dtype: DTypeLike | None, shape: tuple[int, ...]) -> Floats:
    """The array to write to: `out`, or a new one of `dtype` (float64 unless asked)."""
    wanted = None if dtype is None else _dtype(dtype)
    if out is None:
        return np.empty(shape, np.float64 if wanted is None else wanted)
    if not isinstance(out, np.ndarray) or out.shape != shape or not out.flags.writeable:
        came = f"shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise ArgumentError(
            f"`out` must be a writeable array of the answers' shape {shape}, got {came}; leave it out for a new one"
        )
    if _dtype(out.dtype, "out") != (wanted or out.dtype):
        raise ArgumentError(f"`dtype` must be that of `out`, {out.dtype}; got {wanted}; leave `dtype` out")
    return out


def is_masked(values: object) -> bool:
    """Whether it is one of np.ma, without loading that."""
    return hasattr(values, "mask") and hasattr(values, "filled")


def _dtype(dtype: DTypeLike | None, argument: str = "dtype") -> np.dtype[np.generic]:
    try:
        kind: np.dtype[np.generic] = np.dtype(dtype)
    except (TypeError, ValueError):
        kind = np.dtype(object)
    if kind not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ArgumentError(f"`{argument}` must be float64 or float32, got {dtype}; convert the result instead")
    return kind

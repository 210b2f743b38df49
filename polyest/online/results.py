"""Running a job, and putting its numbers where the caller wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.online import scoring

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from polyest.online.grouping import Job
    from polyest.online.layout import Array, Scores

__all__ = ["check_output", "scores", "values"]

SCORERS = {"rewards": scoring.rewards, "advantages": scoring.advantages}


def scores(job: Job, out: Scores | None = None, dtype: DTypeLike | None = None) -> Scores:
    """Rewards or advantages in the shape of the answers; NaN where nothing can be scored."""
    result = check_output(out, dtype, job.shape)
    for name, given in (("answers", job.layout.codes), ("weights", job.extras.weights)):
        if given is not None and np.may_share_memory(result, given):
            raise ArgumentError(
                f"`out` must not share memory with the {name}, which it would overwrite; pass a new array"
            )
    in_place = result.flags.c_contiguous and (job.extras.is_empty or result.dtype == np.float64)
    exact = result.reshape(-1) if in_place else np.empty(result.size)
    SCORERS[job.kind](job.layout, job.extras, exact)
    if not in_place:
        result[...] = exact.reshape(job.shape)
    return result


def values(job: Job) -> Array:
    """One mean reward per group, shape (G,)."""
    return scoring.values(job.layout, job.extras)


def check_output(out: Scores | None, dtype: DTypeLike | None, shape: tuple[int, ...]) -> Scores:
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


def _dtype(dtype: DTypeLike | None, argument: str = "dtype") -> np.dtype[np.generic]:
    try:
        kind: np.dtype[np.generic] = np.dtype(dtype)
    except (TypeError, ValueError):
        kind = np.dtype(object)
    if kind not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ArgumentError(f"`{argument}` must be float64 or float32, got {dtype}; convert the result instead")
    return kind

"""Rewards, advantages and values of a job: what matches pay, and what does not depend on them.

Advantages are rewards minus the exact leave-one-out baseline of theory.md §5. The reference's part of a reward and the
reward of a completion without an answer are known numbers, so their baseline is the plain mean over the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.online import backend
from polyest.online.numpy_backend import sums

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from polyest.online.extras import Extras
    from polyest.online.grouping import Job
    from polyest.online.layout import Array, Layout, Scores

__all__ = ["check_output", "scores", "values"]


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
    _score(job.layout, job.extras, exact, is_centred=job.kind == "advantages")
    if not in_place:
        result[...] = exact.reshape(job.shape)
    return result


def values(job: Job) -> Array:
    """The mean reward of each group, shape (G,); NaN for fewer than two completions."""
    layout, extras = job.layout, job.extras
    result = np.empty(len(layout.starts) - 1)
    backend.choose(layout.work).values(layout, extras.weights_of_counts, result)
    if extras.unpaid is not None:
        result -= _unpaid(layout, extras.unpaid)
    if (known := extras.known) is not None:
        result += sums(layout, known) / np.maximum(layout.sizes, 1)
    return result


def _score(layout: Layout, extras: Extras, out: Scores, is_centred: bool) -> None:
    """w_i·(c[m_i] − r(q_i)), or `extras.pay` in place of c, or that minus its baseline; NaN in a group of one."""
    backend.choose(layout.work).scores(layout, extras.weights_of_counts, out)
    if extras.unpaid is not None and is_centred:
        out[extras.unpaid] -= layout.spread(layout.tables.without_matches(layout.sizes)[0])[extras.unpaid]
        out += layout.spread(_unpaid(layout, extras.unpaid))
    elif extras.unpaid is not None:
        out[extras.unpaid] *= 0.0  # a group of one stays NaN
    if (known := extras.known) is not None:
        if is_centred:
            rest = layout.spread(sums(layout, known)) - known
            known = known - rest / np.maximum(layout.spread(np.subtract(layout.sizes, 1, dtype=np.float64)), 1)
        out += known


def _unpaid(layout: Layout, unpaid: NDArray[np.bool_]) -> Array:
    """What completions that are not paid added to their group's mean: they have no matches."""
    share: Array = sums(layout, unpaid.astype(np.float64)) * layout.tables.without_matches(layout.sizes)[1]
    return share


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

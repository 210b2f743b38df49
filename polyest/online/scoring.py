"""Rewards, advantages and values of a job: what matches pay, and what does not depend on them.

Advantages are rewards minus the exact leave-one-out baseline of theory.md §5. The reference's part of a reward and the
reward of a completion without an answer are known numbers, so their baseline is the plain mean over the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import read_output
from polyest.errors import ArgumentError
from polyest.online import backend
from polyest.online.numpy_backend import sums

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from polyest.online.extras import Extras
    from polyest.online.grouping import Job
    from polyest.online.layout import Array, Layout, Scores

__all__ = ["scores", "values"]


def scores(job: Job, out: Scores | None = None, dtype: DTypeLike | None = None) -> Scores:
    """Rewards or advantages in the shape of the answers; NaN where nothing can be scored."""
    result = read_output(out, dtype, job.shape)
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

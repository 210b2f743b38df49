"""All machine code, behind one door: the functions of `polyest.online.numpy_backend`, with the same scores to the bit.

This module is the door, opened by `polyest.online.backend` alone (and by `polyest.graded`, for the compiler `jit`).
Behind it, from what numba can say to what it has no words for:

- `kernels` score groups, `sorting` brings rows into groups, `strings` tells strings apart, `hashing` serves all three;
- `llvm` writes LLVM's language, for small groups in vector registers;
- `jit` compiles, and keeps the machine code on disk.

One kernel, for int64 ids and float64 results that lie group by group, serves every kind: others are converted piece by
piece, in the cache, which costs less than compiling a kernel for each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise, starmap
from typing import TYPE_CHECKING, cast

import numpy as np

from polyest.online.compiled import kernels
from polyest.online.compiled.jit import jit
from polyest.online.compiled.sorting import arrange, count_sizes
from polyest.online.compiled.strings import read_strings
from polyest.online.extras import check_bounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Array, Layout, Scores
    from polyest.online.lookup import Tables

    Ids = NDArray[np.int64]
    Kernel = Callable[[Ids, Ids, Array | None, Array | None, Array | None], bool]

__all__ = ["arrange", "count_sizes", "jit", "read_strings", "scores", "values"]

PIECE = 1 << 17


def scores(layout: Layout, weights: Array | None, out: Scores) -> None:
    """See `polyest.online.numpy_backend`, here as in all of these."""
    if layout.starts[-1] != len(layout.codes):
        out[...] = np.nan
    if _refused(layout, weights, out, None) and weights is not None:
        out[...] = np.nan
        check_bounded(weights, layout.rows)


def values(layout: Layout, weights: Array | None, out: Array) -> None:
    if _refused(layout, weights, None, out) and weights is not None:
        check_bounded(weights, layout.rows)


def _refused(layout: Layout, weights: Array | None, out: Scores | None, means: Array | None) -> bool:
    """Fill what is given; whether weights are too large."""
    kernel, in_place = _kernel(layout.tables), _is_native(layout) and (out is None or out.dtype == np.float64)

    def piece(groups: slice) -> bool:
        where, begins = _piece(layout, groups)
        w, result = None if weights is None else weights[where], None
        if out is not None:
            result = cast("Array", out[where]) if in_place else np.empty(begins[-1])
        ids = layout.codes[where].astype(np.int64, copy=not _is_native(layout) and layout.rows is None)
        refused = kernel(ids, begins, w, result, None if means is None else means[groups])
        if out is not None and not in_place:
            out[where] = result
        return refused

    return _run(piece, layout, in_place)


def _kernel(tables: Tables) -> Kernel:
    """From ids, where groups begin, and weights to scores and means; returns whether weights are too large."""
    if tables.columns is None:
        return partial(kernels.score, tables.offsets, tables.pay, tables.totals, tables.units)
    return partial(kernels.weigh, tables.offsets, tables.columns, tables.exponents)


def _is_native(layout: Layout) -> bool:
    """Whether the kernels take the answers as they are."""
    codes = layout.codes
    return layout.rows is None and codes.dtype == np.int64 and codes.flags.writeable and codes.flags.aligned


def _piece(layout: Layout, groups: slice) -> tuple[slice | NDArray[np.integer], Ids]:
    """Some groups: where their completions lie, and where each group begins there."""
    begins = layout.starts[groups.start : groups.stop + 1]
    where = slice(int(begins[0]), int(begins[-1]))
    return where if layout.rows is None else layout.rows[where], begins - begins[0] if begins[0] else begins


def _run(score: Callable[[slice], bool], layout: Layout, native: bool) -> bool:
    """Score all groups: at once if nothing has to be converted and one thread is to do it, else in pieces.

    Returns whether a piece says so.
    """
    starts, threads = layout.starts, layout.threads
    pieces = max(threads, 1 if native else -(-int(starts[-1]) // PIECE))
    inner = np.searchsorted(starts, np.linspace(0, starts[-1], pieces + 1)[1:-1].astype(np.int64)).tolist()
    groups = list(starmap(slice, pairwise([0, *inner, len(starts) - 1])))
    if threads == 1:
        return any([*map(score, groups)])
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        return any([*pool.map(score, groups)])

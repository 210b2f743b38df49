"""The numba engine: the functions of `polyest.online.twin`, same arguments, same scores to the bit.

One kernel, for int64 ids and float64 results that lie group by group, serves every kind: others are converted piece by
piece, in the cache, which costs less than compiling a kernel for each.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, starmap
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.online import kernels
from polyest.online.sorting import arrange, gather, scatter, tally
from polyest.online.strings import read_strings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Layout
    from polyest.online.lookup import Array

__all__ = ["advantages", "arrange", "means", "read_strings", "rewards", "tally"]

PIECE = 1 << 17
NO_INTS, NO_FLOATS = np.empty(0, np.int64), np.empty(0)


def rewards(layout: Layout, out: NDArray[Any]) -> None:
    """See `polyest.online.twin.rewards`."""
    _pay(kernels.REWARDS, layout, out)


def advantages(layout: Layout, out: NDArray[Any]) -> None:
    """See `polyest.online.twin.advantages`."""
    _pay(kernels.ADVANTAGES, layout, out)


def means(layout: Layout, left_out: int, absent: NDArray[np.bool_] | None = None, absent_pay: float = 0.0) -> Array:
    """See `polyest.online.twin.means`."""
    result = np.empty(len(layout.starts) - 1)
    gone = NO_INTS if absent is None else layout.count(absent)

    def score(groups: slice) -> None:
        _, ids, begins = _piece(layout, groups)
        rest = gone[groups], float(absent_pay), left_out, NO_FLOATS, result[groups]
        kernels.score(kernels.MEANS, ids, begins, *layout.tables.arrays(), *rest)

    _run(score, layout, _is_native(layout))
    return result


def _pay(kind: int, layout: Layout, out: NDArray[Any]) -> None:
    is_exact = out.dtype == np.float64
    native = _is_native(layout) and is_exact
    if not layout.is_complete:
        out[...] = np.nan

    def score(groups: slice) -> None:
        where, ids, begins = _piece(layout, groups)
        result = out[where] if native else np.empty(len(ids))
        kernels.score(kind, ids, begins, *layout.tables.arrays(), NO_INTS, 0.0, 1, result, NO_FLOATS)
        if layout.rows is not None and is_exact:
            scatter(result, where, out)
        elif not native:
            out[where] = result

    _run(score, layout, native)


def _is_native(layout: Layout) -> bool:
    return layout.rows is None and _is_plain(layout.codes)


def _is_plain(codes: NDArray[Any]) -> bool:
    """Whether the kernels take these codes as they are."""
    return codes.dtype == np.int64 and codes.flags.writeable and codes.flags.aligned


def _piece(layout: Layout, groups: slice) -> tuple[Any, NDArray[np.int64], NDArray[np.int64]]:
    """Some groups: where their completions lie, their answers as the kernel takes them, where each group begins."""
    begins = layout.starts[groups.start : groups.stop + 1]
    where: Any = slice(int(begins[0]), int(begins[-1]))
    if begins[0]:
        begins = begins - begins[0]
    if layout.rows is None:
        ids = layout.codes[where]
        return where, ids if _is_native(layout) else ids.astype(np.int64), begins
    rows = layout.rows[where]
    ids = gather(layout.codes, rows) if _is_plain(layout.codes) else layout.codes[rows].astype(np.int64)
    return rows, ids, begins


def _run(score: Callable[[slice], None], layout: Layout, native: bool) -> None:
    """Score all groups: at once if nothing has to be converted and one thread is to do it, else in pieces."""
    starts, threads = layout.starts, layout.threads
    pieces = max(threads, 1 if native else -(-int(starts[-1]) // PIECE))
    inner = np.searchsorted(starts, np.linspace(0, starts[-1], pieces + 1)[1:-1]).tolist()
    groups = list(starmap(slice, pairwise([0, *inner, len(starts) - 1])))
    if threads == 1:
        for piece in groups:
            score(piece)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(score, groups))

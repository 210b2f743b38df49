"""The numba engine: the functions of `polyest.online.twin`, same arguments, same results to the bit.

One kernel, for int64 ids and float64 results, serves every kind: others are converted piece by piece, in the cache,
which costs less than compiling a kernel for each. `threads` score pieces of about equally many completions each.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, starmap
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.online import kernels
from polyest.online.sorting import arrange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.lookup import Array, Tables

    Ints = NDArray[Any]
    Score = Callable[[slice], None]

__all__ = ["advantages", "arrange", "rewards", "totals"]

PIECE = 1 << 17
NO_INTS, NO_FLOATS = np.empty(0, np.int64), np.empty(0)


def rewards(codes: Ints, starts: Ints, tables: Tables, out: NDArray[Any], threads: int = 1) -> None:
    """See `polyest.online.twin.rewards`."""
    _pay(kernels.REWARDS, codes, starts, tables, out, threads)


def advantages(codes: Ints, starts: Ints, tables: Tables, out: NDArray[Any], threads: int = 1) -> None:
    """See `polyest.online.twin.advantages`."""
    _pay(kernels.ADVANTAGES, codes, starts, tables, out, threads)


def totals(
    codes: Ints,
    starts: Ints,
    tables: Tables,
    less: int,
    absent: Ints | None = None,
    absent_pay: float = 0.0,
    threads: int = 1,
) -> Array:
    """See `polyest.online.twin.totals`."""
    result = np.empty(len(starts) - 1)
    gone = NO_INTS if absent is None else np.asarray(absent, np.int64)

    def score(groups: slice) -> None:
        ids, begins = _rows(codes, starts, groups)
        rest = gone[groups], float(absent_pay), less, NO_FLOATS, result[groups]
        kernels.score(kernels.TOTALS, ids, begins, *tables.arrays(), *rest)

    _run(score, starts, threads, _is_native(codes))
    return result


def _pay(kind: int, codes: Ints, starts: Ints, tables: Tables, out: NDArray[Any], threads: int) -> None:
    native = out.dtype == np.float64

    def score(groups: slice) -> None:
        ids, begins = _rows(codes, starts, groups)
        part = out[starts[groups.start] : starts[groups.stop]]
        result = part if native else np.empty(len(ids))
        kernels.score(kind, ids, begins, *tables.arrays(), NO_INTS, 0.0, 1, result, NO_FLOATS)
        if not native:
            part[...] = result

    _run(score, starts, threads, native and _is_native(codes))


def _is_native(codes: Ints) -> bool:
    return bool(codes.dtype == np.int64 and codes.flags.writeable and codes.flags.aligned)


def _rows(codes: Ints, starts: Ints, groups: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The answers of some groups as the kernel takes them, and where the groups begin."""
    begins = starts[groups.start : groups.stop + 1]
    ids = codes[begins[0] : begins[-1]]
    return ids if _is_native(ids) else ids.astype(np.int64), begins - begins[0] if begins[0] else begins


def _run(score: Score, starts: Ints, threads: int, native: bool) -> None:
    """Score all groups: at once if nothing has to be converted and one thread is to do it, else in pieces."""
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

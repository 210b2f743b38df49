"""All machine code, behind one door: the functions of `polyest.online.numpy_backend`, with the same scores to the bit.

This module is the door, opened by `polyest.online.backend` alone (and by `polyest.graded`, for the compiler `jit`).
Behind it, from what numba can say to what it has no words for:

- `kernels` and `weighted` score groups; `counting` tells them who has the same answer;
- `sorting` brings rows into groups, `distinct` spares that where no two groups have the same id, `strings` hashes;
- `llvm` and `weighing` write LLVM's language, for vectors of ids and of weights;
- `jit` compiles, `disk_cache` keeps the machine code.

One kernel, for int64 ids and float64 results that lie group by group, serves every kind: others are converted piece by
piece, in the cache, which costs less than compiling a kernel for each.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, starmap
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from polyest.online.compiled import kernels, weighted
from polyest.online.compiled.jit import jit
from polyest.online.compiled.sorting import arrange, gather, scatter, tally
from polyest.online.compiled.strings import read_strings
from polyest.online.weights import PACKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Array, Codes, Integers, Layout, Scores
    from polyest.online.lookup import Tables

    Ids = NDArray[np.int64]
    Score = Callable[[Ids, Ids, Array | None, Array], bool | None]

__all__ = [
    "advantages",
    "arrange",
    "jit",
    "means",
    "read_strings",
    "rewards",
    "sums",
    "tally",
    "weighted_advantages",
    "weighted_values",
]

PIECE = 1 << 17
Number = TypeVar("Number", np.float64, np.int64)


def rewards(layout: Layout, weights: Array | None, out: Scores) -> bool:
    """See `polyest.online.numpy_backend.rewards`, here as in all of these."""
    tables = layout.tables

    def score(ids: Ids, begins: Ids, w: Array | None, result: Array) -> bool:
        tops = kernels.rewards(ids, begins, tables.offsets, tables.pay, w, None if w is None else _bits(w), result)
        return bool(tops <= weighted.LIMIT)

    return _pay(score, layout, weights, out)


def advantages(layout: Layout, out: Scores) -> None:
    tables = layout.tables

    def score(ids: Ids, begins: Ids, w: Array | None, result: Array) -> None:
        kernels.advantages(ids, begins, tables.offsets, tables.pay, tables.totals, tables.scales, result)

    _pay(score, layout, None, out)


def means(layout: Layout, left_out: int, missing: NDArray[np.bool_] | None) -> Array:
    tables, result = layout.tables, np.empty(len(layout.starts) - 1)

    def score(ids: Ids, begins: Ids, gone: Array | None, result: Array) -> None:
        kernels.means(ids, begins, tables.offsets, tables.totals, tables.scales, gone, left_out, result)

    _per_group(score, layout, None if missing is None else missing.astype(np.float64), result)
    return result


def weighted_advantages(layout: Layout, weights: Array, out: Scores) -> bool:
    weigh = _weigh(layout.tables)

    def score(ids: Ids, begins: Ids, w: Array | None, result: Array) -> bool:
        return weigh(ids, begins, w, np.empty(len(begins) - 1), result)

    return _pay(score, layout, weights, out)


def weighted_values(layout: Layout, weights: Array, out: Array) -> bool:
    weigh = _weigh(layout.tables)

    def score(ids: Ids, begins: Ids, w: Array | None, result: Array) -> bool:
        return weigh(ids, begins, w, result, None)

    is_bounded = _per_group(score, layout, weights, out)
    out /= np.maximum(layout.sizes, 1)
    return is_bounded


def _weigh(tables: Tables) -> Callable[[Ids, Ids, Array | None, Array, Array | None], bool]:
    columns = np.pad(tables.weighted, ((0, 0), (0, PACKED)))  # whole blocks are read

    def weigh(ids: Ids, begins: Ids, w: Array | None, totals: Array, out: Array | None) -> bool:
        return bool(weighted.weigh(ids, begins, tables.offsets, columns, tables.exponents, w, _bits(w), totals, out))

    return weigh


def sums(layout: Layout, numbers: Array) -> Array:
    result = np.empty(len(layout.starts) - 1)
    ordered = numbers if layout.rows is None else _taken(numbers, layout.rows)
    weighted.sums(ordered, _bits(ordered), layout.starts, result)
    return result


def _pay(score: Score, layout: Layout, numbers: Array | None, out: Scores) -> bool:
    """A score of every completion, from its answer and perhaps a number."""
    is_exact = out.dtype == np.float64
    is_native = _is_native(layout) and is_exact
    if not layout.is_complete:
        out[...] = np.nan

    def piece(groups: slice) -> bool:
        where, begins = _piece(layout, groups)
        ids = _ids(layout, where)
        result = cast("Array", out[where]) if is_native else np.empty(len(ids))
        is_fine = score(ids, begins, _ordered(numbers, where), result) is not False
        if isinstance(where, np.ndarray) and is_exact:
            scatter(result, where, out)
        elif not is_native:
            out[where] = result
        return is_fine

    return _run(piece, layout, is_native)


def _per_group(score: Score, layout: Layout, numbers: Array | None, out: Array) -> bool:
    """A score of every group, likewise."""

    def piece(groups: slice) -> bool:
        where, begins = _piece(layout, groups)
        return score(_ids(layout, where), begins, _ordered(numbers, where), out[groups]) is not False

    return _run(piece, layout, _is_native(layout))


def _is_native(layout: Layout) -> bool:
    return layout.rows is None and _is_plain(layout.codes)


def _is_plain(codes: Codes) -> bool:
    """Whether the kernels take these codes as they are."""
    return codes.dtype == np.int64 and codes.flags.writeable and codes.flags.aligned


def _bits(numbers: Array | None) -> Ids:
    assert numbers is not None
    return numbers.view(np.int64)


def _piece(layout: Layout, groups: slice) -> tuple[slice | Integers, Ids]:
    """Some groups: where their completions lie, and where each group begins there."""
    begins = layout.starts[groups.start : groups.stop + 1]
    where = slice(int(begins[0]), int(begins[-1]))
    return where if layout.rows is None else layout.rows[where], begins - begins[0] if begins[0] else begins


def _ids(layout: Layout, where: slice | Integers) -> Ids:
    """The answers of some completions as the kernels take them."""
    if isinstance(where, np.ndarray) and _is_plain(layout.codes):
        return _taken(cast("Ids", layout.codes), where)
    return layout.codes[where].astype(np.int64, copy=not _is_plain(layout.codes))


def _ordered(numbers: Array | None, where: slice | Integers) -> Array | None:
    if numbers is None or isinstance(where, slice):
        return None if numbers is None else numbers[where]
    return _taken(numbers, where)


def _taken(values: NDArray[Number], rows: Integers) -> NDArray[Number]:
    result: NDArray[Number] = gather(values, rows)
    return result


def _run(score: Callable[[slice], bool], layout: Layout, native: bool) -> bool:
    """Score all groups: at once if nothing has to be converted and one thread is to do it, else in pieces."""
    starts, threads = layout.starts, layout.threads
    pieces = max(threads, 1 if native else -(-int(starts[-1]) // PIECE))
    inner = np.searchsorted(starts, np.linspace(0, starts[-1], pieces + 1)[1:-1].astype(np.int64)).tolist()
    groups = list(starmap(slice, pairwise([0, *inner, len(starts) - 1])))
    if threads == 1:
        return all(map(score, groups))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        return all(list(pool.map(score, groups)))

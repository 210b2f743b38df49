"""Arranging ragged rows group by group, in numba: runs of equal ids, numbered by a hash table, counted by number."""

from __future__ import annotations

# numba infers the types of these functions:
# mypy: disable-error-code="no-untyped-def, assignment, unreachable, var-annotated"
from typing import TYPE_CHECKING

import numpy as np

from polyest.online.compiled.hashing import are_distinct, numbered
from polyest.online.compiled.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Codes

__all__ = ["arrange", "counting_sort", "sort_rows"]

ZERO, ONE = np.uint64(0), np.uint64(1)
PIECE = 1 << 15  # ids whose runs are found at a time


@jit
def find_edges(ids, begin, end):
    """Where ids[begin:end] differ from the id before, and these ids; the second loop costs less than a second store."""
    places, count, last = np.empty(end - begin + 1, np.int64), ZERO, ids[begin - 1]
    for i in range(np.uint64(begin), np.uint64(end)):
        here = ids[i]
        places[count], count, last = i, count + np.uint64(here != last), here
    edges, heads = places[:count].copy(), np.empty(count, np.int64)
    for k in range(count):
        heads[k] = ids[np.uint64(edges[k])]
    return edges, heads


def find_runs(ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where runs of equal ids begin, and the end; the id of each run."""
    edges = [find_edges(ids, begin, min(begin + PIECE, len(ids))) for begin in range(1, len(ids), PIECE)]
    starts = np.concatenate([np.zeros(len(ids[:1]), np.int64), *(places for places, _ in edges), [len(ids)]])
    return starts, np.concatenate([ids[:1], *(heads for _, heads in edges)])


@jit
def counting_sort(values, lowest, span):
    """(order, starts) of values, 0 ≤ value − lowest ≤ span, stably."""
    places, order = np.zeros(span + 1, np.int64), np.empty(values.shape[0], np.int64)
    starts = np.empty(span + 2, np.int64)
    for value in values:
        places[np.uint64(value - lowest)] += 1
    groups, total = ZERO, 0
    for place in range(places.shape[0]):
        size = places[place]
        starts[groups], places[place] = total, total
        groups, total = groups + np.uint64(size != 0), total + size
    starts[groups] = total
    for i in range(values.shape[0]):
        place = np.uint64(values[i] - lowest)
        order[places[place]] = i
        places[place] += 1
    return order, starts[: groups + ONE]


def arrange(ids: Codes) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """See `polyest.online.numpy_backend.arrange`."""
    ids = np.require(ids, np.int64, ["C", "A", "W"])
    starts, heads = find_runs(ids)
    if np.all(heads[1:] >= heads[:-1]) or are_distinct(heads):
        return None, starts
    order, groups = sort_rows(heads)
    if len(groups) == len(starts):
        return None, starts
    lengths = np.diff(starts)[order]
    begins = np.concatenate([[0], np.cumsum(lengths)])
    return np.arange(len(ids)) + np.repeat(starts[order] - begins[:-1], lengths), begins[groups]


def sort_rows(ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An order in which equal ids lie together, each in order of appearance, and where each id begins in it."""
    lowest = int(ids.min())
    span = int(ids.max()) - lowest
    if span >= 2 * len(ids):
        ids, count = numbered(ids)
        lowest, span = 0, count - 1
    order, starts = counting_sort(ids, lowest, span)
    return order, starts

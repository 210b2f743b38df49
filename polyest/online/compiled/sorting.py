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


@jit
def find_runs(ids):
    """Where runs of equal ids begin, and the end."""
    size, starts, runs = np.uint64(ids.shape[0]), np.empty(ids.shape[0] + 1, np.int64), np.uint64(min(ids.shape[0], 1))
    starts[0], last = 0, ids[0] if runs else 0
    for i in range(ONE, size):
        here = ids[i]
        starts[runs], runs, last = i, runs + np.uint64(here != last), here
    starts[runs] = size
    return starts[: runs + ONE]


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
    starts = find_runs(ids)
    heads = ids[starts[:-1]]
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

"""Measures of success: the success rate, pass@k, majority@k, vote@k, and best of n where there is a score."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from polyest import graded, success
from polyest.rollouts.measures.answers import entropy, share
from polyest.rollouts.measures.cells import Cells, Measured, additive, alike, correct_cells
from polyest.rollouts.measures.vote import cost, vote
from polyest.rollouts.statistics import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["KS", "score_measures", "success_measures"]

KS = (1, 2, 4, 8, 16, 32, 64, 128)
ODD = (1, 3, 7, 15, 31, 63, 127)
WORK = 500_000_000  # multiplications for vote@k, some seconds; groups beyond are left out by lot


def success_measures(statistics: GroupStatistics, cells: Cells, effort: float = 1.0) -> dict[str, Measured]:
    """`correct` always; the others of verdicts that are all 0 or 1."""
    if statistics.correct is None:
        return {}
    unanswered = 0.0 if statistics.correct_missing is None else statistics.correct_missing
    sums = statistics.total(statistics.correct) + unanswered
    if statistics.has_parts or not np.isin(np.nan_to_num(statistics.correct) % 1, 0.0).all():
        return {"correct": Measured.without_error(sums / statistics.sizes)}
    found = {"correct": share(sums, statistics.sizes)} | _curves(sums, statistics.sizes)
    found |= _votes(statistics, cells, int(effort * WORK))
    right = correct_cells(statistics)
    found["correct_entropy"] = entropy(right, "aqp", effort)
    found["correct_distinct"] = additive(right, lambda size: np.minimum(np.arange(size + 1.0), 1.0), least=1)
    return found


def score_measures(statistics: GroupStatistics) -> dict[str, Measured]:
    """The expected best of n of a group's scores, drawn without putting back."""
    if statistics.scores is None:
        return {}
    starts = np.cumsum(statistics.sizes) - statistics.sizes
    found = {}
    for n in _orders(KS, statistics.sizes):
        values = np.full(len(starts), np.nan)
        for size in np.unique(statistics.sizes[statistics.sizes >= max(n, 2)]).tolist():
            groups = np.flatnonzero(statistics.sizes == size)
            rows = statistics.scores[starts[groups, None] + np.arange(size)]
            values[groups] = graded.best_of(n, group_size=size).values(rows)
        found[f"best_of({n})"] = Measured.without_error(values)
    return found


def _orders(ks: tuple[int, ...], sizes: Whole) -> list[int]:
    return [k for k in ks if k <= sizes.max(initial=0)]


def _curves(sums: Array, sizes: Whole) -> dict[str, Measured]:
    found = {}
    for k in _orders(KS, sizes):
        failed, twice = (1 - _rate(success.pass_at, order, sums, sizes) for order in (k, 2 * k))
        found[f"pass@{k}"] = Measured(1 - failed, failed**2 - twice)  # unbiased where 2k <= K
    for k in _orders(ODD, sizes):
        found[f"majority@{k}"] = Measured.without_error(_rate(success.majority_at, k, sums, sizes))
    return found


def _rate(objective: Callable[[int, int], success.SuccessRate], k: int, sums: Array, sizes: Whole) -> Array:
    """By the exact table of every group's own size; NaN where that is below k, or a verdict is not known."""
    found = np.full(len(sizes), np.nan)
    known = ~np.isnan(sums) & (sizes >= max(k, 2))
    for size in np.unique(sizes[known]).tolist():
        chosen = known & (sizes == size)
        found[chosen] = _values(objective, k, size)[sums[chosen].astype(np.int64)]
    return found


@lru_cache(maxsize=1 << 12)
def _values(objective: Callable[[int, int], success.SuccessRate], k: int, size: int) -> Array:
    """By the number of correct completions; the same for every record of a log, and every time that it is read."""
    return objective(k, size).value_coefficients


def _votes(statistics: GroupStatistics, cells: Cells, work: int) -> dict[str, Measured]:
    """vote@k of the groups that there is time for, chosen by lot."""
    assert statistics.correct is not None
    sizes, ks = statistics.sizes, _orders(KS, statistics.sizes)
    kinds = np.nan_to_num(statistics.correct)
    kinds += cells.counts * (cells.counts.max(initial=0) + 1)
    kinds_of_groups = alike(cells, kinds)[1]
    found = np.full((len(sizes), len(ks)), np.nan)
    known = (sizes > 1) & ~np.isnan(statistics.total(statistics.correct))
    distinct = np.unique(sizes[known]).tolist()
    for size in distinct:
        groups = np.flatnonzero((sizes == size) & known)
        groups, firsts, which = _affordable(groups, kinds_of_groups, work // cost(size) // len(distinct))
        counts, shares = _padded(statistics, firsts)
        own = [k for k in ks if k <= size]
        won = vote(counts, shares, statistics.missing[firsts], own)
        found[groups[:, None], np.arange(len(own))] = won[which]
    return {f"vote@{k}": Measured.without_error(found[:, i]) for i, k in enumerate(ks)}


def _affordable(groups: Whole, kinds: Whole, most: int) -> tuple[Whole, Whole, Whole]:
    """Groups, all of them or some, of which at most so many differ; one of each, and which of them each is like."""
    _, firsts, which = np.unique(kinds[groups], return_index=True, return_inverse=True)
    if len(firsts) > max(most, 1):
        groups = np.sort(np.random.default_rng(0).choice(groups, max(most, 1), replace=False))
        _, firsts, which = np.unique(kinds[groups], return_index=True, return_inverse=True)
    return groups, groups[firsts], which


def _padded(statistics: GroupStatistics, groups: Whole) -> tuple[Whole, Array]:
    """Counts and shares of correct ones, shapes (len(groups), D)."""
    assert statistics.correct is not None
    lengths, entries = np.diff(statistics.offsets)[groups], statistics.entries(groups)
    cell = np.repeat(np.arange(len(groups)), lengths), spread(np.zeros_like(lengths), lengths)
    counts, shares = (np.zeros((len(groups), max(int(lengths.max(initial=0)), 1)), kind) for kind in (np.int64, float))
    counts[cell] = statistics.counts[entries]
    shares[cell] = statistics.correct[entries] / counts[cell]
    return counts, shares

"""Change from one visit of a prompt to the next: how far the law of its answers has moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.rollouts.measures.cells import AT_ONCE, Measured, mixed
from polyest.rollouts.measures.parts import prompt_numbers, step_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["drift_measures"]


def drift_measures(statistics: GroupStatistics) -> dict[str, Measured]:
    """`polyest.history.squared_drift` of every group to that of its prompt's step before; nothing without steps."""
    if statistics.codes is None or "step" not in statistics.keys:
        return {}
    before = _before(statistics)
    if (before < 0).all():
        return {}
    squares, sizes = statistics.counts.astype(np.float64), statistics.sizes
    squares *= squares
    with np.errstate(invalid="ignore", divide="ignore"):
        within = (statistics.total(squares) - statistics.given) / (sizes * (sizes - 1.0))
    both = within + within[before] - 2 * _matches(statistics, before) / (sizes * sizes[before])
    return {"drift": Measured.without_error(np.where(before < 0, np.nan, both))}


def _before(statistics: GroupStatistics) -> Whole:
    """The group of the same prompt at its step before, shape (G,); −1 for the first."""
    prompts, steps = prompt_numbers(statistics), step_numbers(statistics)
    order = np.lexsort((steps, prompts))
    follows = (np.diff(prompts[order]) == 0) & (np.diff(steps[order]) > 0)
    before = np.full(len(order), -1)
    before[order[1:][follows]] = order[:-1][follows]
    return before


def _matches(statistics: GroupStatistics, before: Whole) -> Array:
    """Σ_z n_z·n'_z, n' of the group before, shape (G,)."""
    found, changed = np.zeros(len(before)), np.flatnonzero(before >= 0)
    step = max(AT_ONCE * len(before) // max(len(statistics.counts), 1), 1)
    for start in range(0, len(changed), step):
        groups = changed[start : start + step]
        found[groups] = _products(statistics, groups, before[groups])
    return found


def _products(statistics: GroupStatistics, groups: Whole, others: Whole) -> Array:
    """Σ_z n_z·n'_z of pairs of groups: what both answered stands twice in a row, sorted by pair and answer."""
    assert statistics.codes is not None
    lengths, pairs = np.diff(statistics.offsets), np.arange(len(groups))
    pair = np.concatenate([np.repeat(pairs, lengths[groups]), np.repeat(pairs, lengths[others])])
    entries = np.concatenate([statistics.entries(groups), statistics.entries(others)])
    bits = statistics.codes[entries].view(np.uint64) + mixed(pair)
    order = np.argsort(bits)
    pair, counts = pair[order], statistics.counts[entries[order]]
    twice = np.flatnonzero((np.diff(bits[order]) == 0) & (np.diff(pair) == 0))
    return np.bincount(pair[twice], counts[twice] * counts[twice + 1], len(groups)).astype(np.float64)

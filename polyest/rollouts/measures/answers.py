"""Measures of what was answered: entropies, distinct answers, singletons, agreement."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

import polyest
from polyest.errors import TableNotFoundError
from polyest.rollouts.measures.cells import Cells, Measured, additive
from polyest.uncertainty import multinomial
from polyest.uncertainty.pay import Pay
from polyest.uncertainty.profile import Cell, Profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.estimator import Estimator
    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["ENTROPIES", "answer_measures", "entropy"]

ENTROPIES = ("aqp", "harmonic", "plug_in")
WORK = 50_000  # completions of distinct groups whose error comes from a law that fits them: about 1 s for a method
FLAT = 1e-20  # a variance of rounding alone


def answer_measures(
    statistics: GroupStatistics, cells: Cells, with_errors: bool = True, effort: float = 1.0
) -> dict[str, Measured]:
    """Everything but success; entropies in nats, and without errors of their own where none are wanted."""
    law = partial(entropy, effort=effort) if with_errors else _by_table
    found = {f"entropy_{method}": law(cells, method) for method in ENTROPIES}
    found["distinct"] = additive(cells, lambda size: np.minimum(np.arange(size + 1.0), 1.0), least=0)
    found["singletons"] = additive(cells, lambda size: (np.arange(size + 1) == 1) / max(size, 1))
    found["agreement"] = Measured.without_error(_agreement(cells))
    found["collision"] = additive(cells, _pairs, least=2)
    found["no_answer"] = share(statistics.missing.astype(np.float64), statistics.sizes)
    return found


def entropy(cells: Cells, method: str, effort: float = 1.0) -> Measured:
    """−Σ_z (n_z/N) c_N[n_z − 1] in nats, of groups with two answers or more.

    Variances come from the law that fits a group (`polyest.value_with_error`). Where too many groups differ, they are
    the jackknife's, which are too large, over what they are too large by in a sample of the groups. Of equally
    frequent answers, such as a single one, the jackknife is 0: these groups, of few kinds, always have the law's.
    """
    found = _by_table(cells, method)
    firsts, which = cells.profiles
    most = max(int(effort * WORK) // max(int(cells.sizes.max(initial=1)), 1), 1)
    if len(firsts) <= most:
        return Measured(found.values, _variances(cells, firsts, method)[which])
    flat, known = (np.flatnonzero(one) for one in (found.variances[firsts] <= FLAT, found.variances > FLAT))
    sample = np.random.default_rng(0).choice(known, min(most, len(known)), replace=False)
    ratio = _variances(cells, sample, method).sum() / found.variances[sample].sum() if len(sample) else math.nan
    exact = np.full(len(firsts), np.nan)
    exact[flat] = _variances(cells, firsts[flat], method)
    return Measured(found.values, np.where(np.isin(which, flat), exact[which], found.variances * ratio))


def _by_table(cells: Cells, method: str) -> Measured:
    return additive(cells, partial(_paid, method=method), least=2)


def share(hits: Array, sizes: Whole) -> Measured:
    """h/K with its unbiased variance h(K−h)/(K²(K−1))."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return Measured(hits / sizes, hits * (sizes - hits) / (sizes * sizes * (sizes - 1.0)))


def _estimator(size: int, method: str) -> Estimator | None:
    if size < 2:
        return None
    try:
        return polyest.load("log", size, method)
    except TableNotFoundError:
        return None


def _paid(size: int, method: str) -> Array | None:
    estimator = _estimator(size, method)
    return None if estimator is None else -np.arange(size + 1) / size * np.append(0.0, estimator.coefficients)


def _variances(cells: Cells, groups: Whole, method: str) -> Array:
    """Of the values of some groups, under the laws that fit them."""
    starts, found = cells.starts, []
    estimators = {size: _estimator(size, method) for size in np.unique(cells.sizes[groups]).tolist()}
    for group in groups.tolist():
        estimator = estimators[cells.sizes[group]]
        counts = cells.counts[starts[group] : starts[group + 1]].tolist()
        found.append(math.nan if estimator is None else _variance(estimator, counts))
    return np.array(found)


def _variance(estimator: Estimator, counts: list[int]) -> float:
    kinds = sorted(Counter(counts).items())
    profile = Profile(sum(counts), tuple(Cell(count, 0.0, False, many) for count, many in kinds))
    pay = Pay(estimator.problem, tuple(estimator.coefficients.tolist()), None, None)
    return multinomial.error_of(profile, pay).variance


def _pairs(size: int) -> Array | None:
    n = np.arange(size + 1.0)
    return None if size < 2 else n * (n - 1) / (size * (size - 1))


def _agreement(cells: Cells) -> Array:
    top = np.zeros(len(cells.sizes))
    np.maximum.at(top, cells.owner, cells.counts)
    with np.errstate(invalid="ignore"):
        return top / cells.sizes

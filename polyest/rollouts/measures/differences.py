"""What runs differ by: every other one less the first, in what the two have in common."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from polyest.rollouts.measures.cells import Measured
from polyest.rollouts.measures.means import Means, decimals
from polyest.rollouts.measures.parts import numbered, prompt_numbers
from polyest.uncertainty import Mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["Comparison", "Difference", "compared", "differences"]


class Difference(NamedTuple):
    """A run's mean less the first run's.

    Attributes:
        paired: how many prompts are paired; 0 where the runs have fewer than two in common.
    """

    run: Hashable
    measure: str
    mean: Mean
    paired: int

    def texts(self) -> tuple[str, str]:
        """The difference with its error, and its 95 % interval, rounded as the error allows."""
        error = self.mean.standard_error
        digits = decimals(error) if error > 0 else 4
        low, high = self.mean.interval()
        return f"{self.mean.mean:.{digits}f} ± {error:.{digits}f}", f"{low:.{digits}f} to {high:.{digits}f}"


class Sides(NamedTuple):
    """Means over the prompts of either run, and of the differences of the prompts that both have."""

    first: Means
    second: Means
    pairs: Means

    def plus(self, other: Sides) -> Sides:
        """Over all prompts of both."""
        both = map(Means.joined, zip(self, other, strict=True))
        return Sides(*(one.gathered(np.zeros(2, np.int64), 1) for one in both))

    def difference(self) -> tuple[Mean, int] | None:
        """The second run's mean less the first's, and how many prompts are paired.

        Paired prompt by prompt where both have two or more of them, else as two samples (0 paired); None where one has
        fewer than two prompts.
        """
        first, second, pairs = (
            Mean(one.mean, math.nan, one.se_random, one.prompts - 1.0, "prompts") for one in (m.of(0) for m in self)
        )
        if self.pairs.prompts[0] > 1:
            return pairs, int(self.pairs.prompts[0])
        return (second.apart(first), 0) if min(self.first.prompts[0], self.second.prompts[0]) > 1 else None


@dataclass(frozen=True)
class Comparison:
    """A run with the first one, in some prompts or in all.

    Attributes:
        run: its name.
        visits: prompts at a step that both have.
        shared: of every measure, in those; its sides are empty where no prompt has any.
        whole: the same in everything.
    """

    run: Hashable
    visits: int
    shared: dict[str, Sides]
    whole: dict[str, Sides]

    def plus(self, other: Comparison) -> Comparison:
        """Over other prompts as well."""
        shared, whole = _together(self.shared, other.shared), _together(self.whole, other.whole)
        return Comparison(self.run, self.visits + other.visits, shared, whole)

    def differences(self) -> Iterable[Difference]:
        """In the visits that both have, if these are several, else in all."""
        for name, sides in (self.shared if self.visits > 1 else self.whole).items():
            found = sides.difference()
            if found is not None:
                yield Difference(self.run, name, *found)


def _together(one: Mapping[str, Sides], other: Mapping[str, Sides]) -> dict[str, Sides]:
    """Of measures that either has."""
    names = dict.fromkeys([*max(one, other, key=len), *one, *other])
    none = Sides(*[Means.of_none(1)] * 3)
    return {name: one.get(name, none).plus(other.get(name, none)) for name in names}


def differences(statistics: GroupStatistics, measures: Mapping[str, Measured]) -> list[Difference]:
    """Every other run less the first, in what the two have in common: prompts at the same steps, else prompts."""
    return [one for comparison in compared(statistics, measures) for one in comparison.differences()]


def compared(statistics: GroupStatistics, measures: Mapping[str, Measured]) -> list[Comparison]:
    """Every other run of the log with the first."""
    places = {run: i for i, run in enumerate(statistics.runs)}
    codes = np.array([places[run] for run in statistics.keys.get("run", [""] * len(statistics.sizes))])
    prompts = prompt_numbers(statistics, without=["run"])
    steps = numbered(statistics.keys["step"])[0] if "step" in statistics.keys else np.zeros_like(codes)
    visits, found = prompts * (int(steps.max(initial=0)) + 1) + steps, []
    for run, number in [*places.items()][1:]:
        ours = np.isin(codes, (0, number))
        shared = np.intersect1d(visits[codes == 0], visits[codes == number])
        both = ours & np.isin(visits, shared)
        sides = (
            {name: _sides(one.values[take], prompts[take], codes[take] == number) for name, one in measures.items()}
            for take in (both, ours)
        )
        found.append(Comparison(run, len(shared), *sides))
    return found


def _sides(values: Array, prompts: Whole, is_second: NDArray[np.bool_]) -> Sides:
    first, second = (_prompt_means(values[take], prompts[take]) for take in (~is_second, is_second))
    shared = np.intersect1d(first[0], second[0])
    before, after = (means[np.searchsorted(names, shared)] for names, means in (first, second))
    return Sides(*(_mean(means) for means in (first[1], second[1], after - before)))


def _prompt_means(values: Array, prompts: Whole) -> tuple[Whole, Array]:
    known = ~np.isnan(values)
    names, index = np.unique(prompts[known], return_inverse=True)
    return names, np.bincount(index, values[known], len(names)) / np.bincount(index, minlength=len(names))


def _mean(values: Array) -> Means:
    return Means.over(values, np.full(len(values), np.nan), np.zeros(len(values), np.int64), 1)

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


SIDES = 3  # of a comparison


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


@dataclass(frozen=True)
class Comparison:
    """A run with the first one, in some prompts or in all.

    Attributes:
        run: its name.
        visits: prompts at a step that both have.
        shared: of every measure, in those: means over the prompts of the first run, over those of this one, and of the
            differences of the prompts that both have.
        whole: the same in everything.
    """

    run: Hashable
    visits: int
    shared: dict[str, Means]
    whole: dict[str, Means]

    def plus(self, other: Comparison) -> Comparison:
        """Over other prompts as well."""
        shared, whole = _together(self.shared, other.shared), _together(self.whole, other.whole)
        return Comparison(self.run, self.visits + other.visits, shared, whole)

    def differences(self) -> Iterable[Difference]:
        """In the visits that both have, if these are several, else in all."""
        for name, sides in (self.shared if self.visits > 1 else self.whole).items():
            found = _difference(sides)
            if found is not None:
                yield Difference(self.run, name, *found)


def _difference(sides: Means) -> tuple[Mean, int] | None:
    """The second run's mean less the first's, and how many prompts are paired.

    Paired prompt by prompt where both have two or more of them, else as two samples (0 paired); None where one has
    fewer than two prompts.
    """
    first, second, pairs = (
        Mean(one.mean, math.nan, one.se_random, one.prompts - 1.0, "prompts") for one in sides.each()
    )
    own, others, both = sides.prompts.tolist()
    if both > 1:
        return pairs, both
    return (second.apart(first), 0) if min(own, others) > 1 else None


def _together(one: Mapping[str, Means], other: Mapping[str, Means]) -> dict[str, Means]:
    """Over all prompts of both, of measures that either has."""
    names, none = [*dict.fromkeys([*max(one, other, key=len), *one, *other])], Means.of_none(SIDES)
    number = SIDES * len(names)
    every = Means.joined([own.get(name, none) for own in (one, other) for name in names])
    found = every.gathered(np.tile(np.arange(number), 2), number)
    return {name: found.taken(slice(SIDES * i, SIDES * (i + 1))) for i, name in enumerate(names)}


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


def _sides(values: Array, prompts: Whole, is_second: NDArray[np.bool_]) -> Means:
    """As in `Comparison`; prompts are numbers from 0 on."""
    number = int(prompts.max(initial=-1)) + 1
    (first, of_first), (second, of_second) = (
        _prompt_means(values[take], prompts[take], number) for take in (~is_second, is_second)
    )
    both = of_first & of_second
    sides = [first[of_first], second[of_second], second[both] - first[both]]
    numbers = np.concatenate(sides)
    parts = np.repeat(np.arange(SIDES), [len(side) for side in sides])
    return Means.over(numbers, np.broadcast_to(np.nan, len(numbers)), parts, SIDES)


def _prompt_means(values: Array, prompts: Whole, number: int) -> tuple[Array, NDArray[np.bool_]]:
    """The mean of every prompt, and which of them have one."""
    known = ~np.isnan(values)
    values, prompts = values[known], prompts[known]
    counts = np.bincount(prompts, minlength=number)
    return np.bincount(prompts, values, number) / np.maximum(counts, 1), counts > 0

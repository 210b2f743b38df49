"""Means of measures over the prompts of each part of a log, and their two errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from polyest.rollouts.measures.cells import Measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["MeanOfGroups", "Means", "decimals", "means_by"]

ROUNDING = 1e-13  # relative; an error below is that of adding floats


class MeanOfGroups(NamedTuple):
    """The mean of a measure over the prompts of one part.

    Attributes:
        mean: every prompt counts alike.
        se_random: its error if the prompts are a sample, s/√P; NaN for one prompt.
        se_fixed: its error if the prompts are given and only completions are drawn afresh; NaN where not known.
        prompts: how many have the measure.
    """

    mean: float
    se_random: float
    se_fixed: float
    prompts: int

    @property
    def standard_error(self) -> float:
        """Over prompts where there are several that differ, else over completions where that is known."""
        is_told = self.se_random > ROUNDING * abs(self.mean) or math.isnan(self.se_fixed)
        return self.se_random if is_told else self.se_fixed

    def __str__(self) -> str:
        """Mean ± error to two digits of the error; four decimals where there is none, ± 0 of prompts that are alike.

        >>> print(MeanOfGroups(-1.23456, 0.0321, 0.01, 9), "or", MeanOfGroups(0.5, math.nan, math.nan, 1))
        -1.235 ± 0.032 or 0.5000
        >>> print(MeanOfGroups(1.0, 0.0, math.nan, 64), "or", MeanOfGroups(1.0, 0.0, 0.3, 2))
        1.0000 ± 0 or 1.00 ± 0.30
        """
        error = self.standard_error
        if not self.prompts:
            return "–"
        if not error > ROUNDING * abs(self.mean):
            return f"{self.mean:.4f}" if math.isnan(error) else f"{self.mean:.4f} ± 0"
        digits = decimals(error)
        return f"{self.mean:.{digits}f} ± {error:.{digits}f}"

    def as_json(self) -> dict[str, float | int | None] | None:
        """Its numbers, NaN as None; None where no prompt has the measure."""
        if not self.prompts:
            return None
        errors = {"se_random": self.se_random, "se_fixed": self.se_fixed}
        return {
            "mean": self.mean,
            **{name: None if math.isnan(error) else error for name, error in errors.items()},
            "prompts": self.prompts,
        }


@dataclass(frozen=True, eq=False)
class Means:
    """The means of a measure over the prompts of P parts, shapes (P,), in a form that adds up over prompts.

    Attributes:
        mean: NaN where no prompt has the measure.
        squares: Σ (x_p − mean)² over the prompts.
        variances: Σ_p of those over fresh completions; NaN where one is not known.
        prompts: how many have the measure.
    """

    mean: Array
    squares: Array
    variances: Array
    prompts: Whole

    @cached_property
    def se_random(self) -> Array:
        """As in `MeanOfGroups`."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(np.where(self.prompts > 1, self.squares / (self.prompts - 1.0) / self.prompts, np.nan))

    @cached_property
    def se_fixed(self) -> Array:
        """As in `MeanOfGroups`."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(np.maximum(self.variances, 0.0)) / self.prompts

    @classmethod
    def over(cls, values: Array, variances: Array, parts: Whole, number: int) -> Means:
        """Over prompts with these values, each in one of so many parts."""
        prompts = np.bincount(parts, minlength=number)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = _sums(values, parts, number) / prompts
        squares = _sums((values - mean[parts]) ** 2, parts, number)
        return cls(mean, squares, _sums(variances, parts, number), prompts)

    def gathered(self, parts: Whole, number: int) -> Means:
        """Those over all prompts of larger parts; `parts` is the one in which each of these is.

        >>> apart = Means.over(np.array([1.0, 2.0, 6.0]), np.zeros(3), np.array([0, 1, 1]), 2)
        >>> apart.gathered(np.array([0, 0]), 1).mean.tolist(), apart.gathered(np.array([0, 0]), 1).squares.tolist()
        ([3.0], [14.0])
        """
        there = np.flatnonzero(self.prompts)
        mean, counts, parts = self.mean[there], self.prompts[there].astype(np.float64), parts[there]
        prompts = _sums(counts, parts, number)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = _sums(counts * mean, parts, number) / prompts
        squares = _sums(self.squares[there] + counts * (mean - found[parts]) ** 2, parts, number)
        return Means(found, squares, _sums(self.variances[there], parts, number), prompts.astype(np.int64))

    def taken(self, parts: Whole | slice) -> Means:
        """Those of some parts."""
        return Means(self.mean[parts], self.squares[parts], self.variances[parts], self.prompts[parts])

    @classmethod
    def joined(cls, several: Sequence[Means]) -> Means:
        """The parts of one after those of the other."""
        columns = zip(*((one.mean, one.squares, one.variances, one.prompts) for one in several), strict=True)
        return cls(*map(np.concatenate, columns))

    @classmethod
    def of_none(cls, number: int) -> Means:
        """So many parts in which no prompt has the measure."""
        return cls.over(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), number)

    def of(self, part: int) -> MeanOfGroups:
        """One of them."""
        return self.taken(slice(part, part + 1)).each()[0]

    def each(self) -> list[MeanOfGroups]:
        """All of them."""
        columns = (self.mean, self.se_random, self.se_fixed, self.prompts)
        return [*map(MeanOfGroups, *(column.tolist() for column in columns))]

    def exp(self, factor: float = 1.0) -> Means:
        """exp(factor · mean), errors to first order."""
        mean = np.exp(factor * self.mean)
        slope = (factor * mean) ** 2
        return Means(mean, slope * self.squares, slope * self.variances, self.prompts)


def _sums(numbers: Array, parts: Whole, number: int) -> Array:
    return np.bincount(parts, numbers, number).astype(np.float64)  # of nothing it would be integers


def decimals(error: float) -> int:
    """So many show an error with two digits.

    >>> decimals(0.0321), decimals(45.0)
    (3, 0)
    """
    return min(max(1 - math.floor(math.log10(error)), 0), 9)


def means_by(measures: Mapping[str, Measured], prompts: Whole, parts: Whole, number: int) -> dict[str, Means]:
    """Means over the prompts of every part.

    Args:
        measures: of the groups.
        prompts, parts: their numbers, shapes (G,); a part is a step, for instance.
        number: of parts.
    """
    width = int(prompts.max(initial=0)) + 1
    cells, index = np.unique(parts * width + prompts, return_inverse=True)
    return {name: _means(measured, index, cells // width, number) for name, measured in measures.items()}


def _means(measured: Measured, index: Whole, part_of: Whole, number: int) -> Means:
    """Prompt by prompt, then over the prompts; `index` is the prompt of each group, `part_of` the part of each."""
    known = ~np.isnan(measured.values)
    groups = np.bincount(index[known], minlength=len(part_of))
    sums = np.bincount(index[known], measured.values[known], len(part_of))
    there = groups > 0
    variances = np.bincount(index[known], measured.variances[known], len(part_of))[there] / groups[there] ** 2
    return Means.over(sums[there] / groups[there], variances, part_of[there], number)

"""Means of measures over the prompts of each part of a log, their two errors, and what two runs differ by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.rollouts.measures.cells import Measured
from polyest.uncertainty import Mean, summary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["MeanOfGroups", "Means", "decimals", "difference", "means_by"]

ROUNDING = 1e-13  # relative; an error below is that of adding floats


@dataclass(frozen=True)
class MeanOfGroups:
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
        """Over prompts where there are several, else over completions."""
        return self.se_fixed if math.isnan(self.se_random) else self.se_random

    def __str__(self) -> str:
        """Mean ± error to two digits of the error; four decimals where there is none.

        >>> print(MeanOfGroups(-1.23456, 0.0321, 0.01, 9), "or", MeanOfGroups(0.5, math.nan, math.nan, 1))
        -1.235 ± 0.032 or 0.5000
        """
        error = self.standard_error
        if not self.prompts:
            return "–"
        if not error > ROUNDING * abs(self.mean):
            return f"{self.mean:.4f}"
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
    """The means of a measure over the prompts of P parts, shapes (P,); see `MeanOfGroups`."""

    mean: Array
    se_random: Array
    se_fixed: Array
    prompts: Whole

    def of(self, part: int) -> MeanOfGroups:
        """One of them."""
        mean, random, fixed = (float(column[part]) for column in (self.mean, self.se_random, self.se_fixed))
        return MeanOfGroups(mean, random, fixed, int(self.prompts[part]))

    def exp(self, factor: float = 1.0) -> Means:
        """exp(factor · mean), errors to first order."""
        mean = np.exp(factor * self.mean)
        return Means(mean, factor * mean * self.se_random, factor * mean * self.se_fixed, self.prompts)


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
    parts, of_prompt = part_of[there], sums[there] / groups[there]
    prompts = np.bincount(parts, minlength=number)
    variances = np.bincount(index[known], measured.variances[known], len(part_of))[there] / groups[there] ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(parts, of_prompt, number) / prompts
        squares = np.bincount(parts, (of_prompt - mean[parts]) ** 2, number)
        spread = np.sqrt(np.where(prompts > 1, squares / (prompts - 1.0) / prompts, np.nan))
        fixed = np.sqrt(np.maximum(np.bincount(parts, variances, number), 0.0)) / prompts
    return Means(mean, spread, fixed, prompts)


def difference(values: Array, prompts: Whole, is_second: NDArray[np.bool_]) -> tuple[Mean, int] | None:
    """The second run's mean less the first's, and how many prompts are paired.

    Paired prompt by prompt where both have two or more of them, else as two samples (0 paired); None where one has
    fewer than two prompts.
    """
    first, second = (_prompt_means(values[take], prompts[take]) for take in (~is_second, is_second))
    shared = np.intersect1d(first[0], second[0])
    if len(shared) > 1:
        sides = [means[np.searchsorted(names, shared)] for names, means in (second, first)]
        one, other = (summary(side, shared) for side in sides)
        return one.minus(other), len(shared)
    if min(len(first[0]), len(second[0])) < 2:
        return None
    return summary(second[1]).minus(summary(first[1]), paired=False), 0


def _prompt_means(values: Array, prompts: Whole) -> tuple[Whole, Array]:
    known = ~np.isnan(values)
    names, index = np.unique(prompts[known], return_inverse=True)
    return names, np.bincount(index, values[known], len(names)) / np.bincount(index, minlength=len(names))

"""Measures of the parts of a log as one table, and differences of its runs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from polyest.errors import ArgumentError, nearest
from polyest.rollouts.measures.advice import advice
from polyest.rollouts.measures.answers import ENTROPIES
from polyest.rollouts.measures.cells import Measured
from polyest.rollouts.measures.means import MeanOfGroups, Means, decimals, difference, means_by
from polyest.rollouts.measures.parts import numbered, parts_of, prompt_columns, prompt_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.statistics import GroupStatistics
    from polyest.uncertainty import Mean

    Whole = NDArray[np.int64]

__all__ = ["Difference", "PartsTable", "columns_of", "differences", "parts_table"]


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


@dataclass(frozen=True, eq=False)
class PartsTable:
    """The means of P parts.

    Attributes:
        columns: what names the parts, each of length P; none for the whole log.
        means: of every measure that some part has.
        most: completions of the largest group of each part, shape (P,).
    """

    columns: dict[str, list[Hashable]]
    means: dict[str, Means]
    most: Whole

    def labels(self) -> list[str]:
        """What the parts are called: "step 400"."""
        names = [*self.columns]
        return [
            ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True))
            for row in (zip(*self.columns.values(), strict=True) if names else [()])
        ]

    def row(self, part: int) -> dict[str, Hashable | MeanOfGroups]:
        """The columns and the means of one part."""
        columns: dict[str, Hashable | MeanOfGroups] = {name: column[part] for name, column in self.columns.items()}
        return columns | {name: mean.of(part) for name, mean in self.means.items()}

    def advice(self) -> list[str]:
        """What has to be known before the numbers are believed."""
        return advice(self.means, self.labels(), self.most.tolist())

    def collapse(self) -> Whole:
        """Ranks, shape (P,): 1 for the part whose answers agree most (`collision`), and 0 where that is not known."""
        if "collision" not in self.means:
            return np.zeros(len(self.most), np.int64)
        agree = self.means["collision"].mean
        ranks = np.empty(len(agree), np.int64)
        ranks[np.argsort(-agree, kind="stable")] = np.arange(1, len(agree) + 1)
        return np.where(np.isnan(agree), 0, ranks)


def columns_of(statistics: GroupStatistics, by: str | None) -> list[str]:
    """The columns that `by` asks for; runs stay apart.

    Args:
        by: None, a key, or "prompt" for all that name a prompt.

    Raises:
        ArgumentError: no such key.
    """
    keys = statistics.keys
    if by is None:
        return []
    if by == "prompt":
        return prompt_columns(statistics)
    if by not in keys:
        known = [*dict.fromkeys([*keys, "prompt"])]
        raise ArgumentError(f"`--by` must be one of {', '.join(known)}; got {by!r}{nearest(by, known)}")
    runs = len({*keys.get("run", ())}) > 1 and by != "run"
    return ["run", by] if runs else [by]


def parts_table(
    statistics: GroupStatistics, measures: Mapping[str, Measured], columns: Sequence[str], per_nat: float = 1.0
) -> PartsTable:
    """Means over the prompts of every part.

    Args:
        statistics: the groups.
        measures: of the groups.
        columns: the keys that name a part together; none for the whole log.
        per_nat: units of entropy in a nat.
    """
    parts, found = parts_of(statistics, columns)
    number = int(parts.max(initial=-1)) + 1
    means = means_by(measures, prompt_numbers(statistics), parts, number)
    most = np.zeros(number, np.int64)
    np.maximum.at(most, parts, statistics.sizes)
    kept = {name: mean for name, mean in means.items() if mean.prompts.any() or name in ("singletons", "no_answer")}
    return PartsTable(found, _with_effective(kept, per_nat), most)


def _with_effective(means: dict[str, Means], per_nat: float) -> dict[str, Means]:
    """The effective number of answers comes from the mean entropy, and stands behind the entropies."""
    if "entropy_aqp" not in means:
        return means
    items = [*means.items()]
    place = max(i for i, (name, _) in enumerate(items) if name.removeprefix("entropy_") in ENTROPIES) + 1
    effective = means["entropy_aqp"].exp(1 / per_nat)
    return dict([*items[:place], ("effective_answers", effective), *items[place:]])


def differences(statistics: GroupStatistics, measures: Mapping[str, Measured]) -> list[Difference]:
    """Every other run less the first, in what the two have in common: prompts at the same steps, else prompts."""
    codes, runs = numbered(statistics.keys.get("run", [""] * len(statistics.sizes)))
    prompts = prompt_numbers(statistics, without=["run"])
    steps = numbered(statistics.keys["step"])[0] if "step" in statistics.keys else np.zeros_like(codes)
    visits = prompts * (int(steps.max(initial=0)) + 1) + steps
    found = []
    for number, run in enumerate(runs[1:], start=1):
        shared = np.intersect1d(visits[codes == 0], visits[codes == number])
        ours = np.isin(codes, (0, number)) & (np.isin(visits, shared) if len(shared) > 1 else True)
        for name, measured in measures.items():
            one = difference(measured.values[ours], prompts[ours], codes[ours] == number)
            if one is not None:
                found.append(Difference(run, name, *one))
    return found

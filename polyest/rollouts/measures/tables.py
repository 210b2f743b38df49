"""Measures of the parts of a log as one table."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError, nearest
from polyest.rollouts.measures.advice import advice
from polyest.rollouts.measures.answers import ENTROPIES
from polyest.rollouts.measures.cells import Measured
from polyest.rollouts.measures.means import MeanOfGroups, Means, means_by
from polyest.rollouts.measures.parts import parts_of, prompt_columns, prompt_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.statistics import GroupStatistics

    Whole = NDArray[np.int64]

AT_ONCE = 1 << 12  # parts

__all__ = ["PartsTable", "columns_of", "counted_parts", "joined", "parts_table"]


@dataclass(frozen=True, eq=False)
class PartsTable:
    """The means of P parts.

    Attributes:
        columns: what names the parts, each of length P; none for the whole log.
        means: of every measure that some part has.
        most: completions of the largest group of each part, shape (P,).
        firsts: where each begins in the log, shape (P,).
    """

    columns: dict[str, list[Hashable]]
    means: dict[str, Means]
    most: Whole
    firsts: Whole

    def finished(self, per_nat: float = 1.0) -> PartsTable:
        """With what comes of the means over all prompts, without measures that no part has."""
        always = ("singletons", "no_answer")
        kept = {name: mean for name, mean in self.means.items() if mean.prompts.any() or name in always}
        return replace(self, means=_with_effective(kept, per_nat))

    def taken(self, parts: Whole | slice) -> PartsTable:
        """Some of the parts."""
        columns = {
            name: column[parts] if isinstance(parts, slice) else [column[i] for i in parts.tolist()]
            for name, column in self.columns.items()
        }
        means = {name: mean.taken(parts) for name, mean in self.means.items()}
        return PartsTable(columns, means, self.most[parts], self.firsts[parts])

    def labels(self) -> list[str]:
        """What the parts are called: "step 400"."""
        names = [*self.columns]
        return [
            ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True))
            for row in (zip(*self.columns.values(), strict=True) if names else [()])
        ]

    def blocks(self) -> Iterator[PartsTable]:
        """The same in pieces, of which much can be made at a time."""
        for start in range(0, len(self.most), AT_ONCE):
            yield self.taken(slice(start, start + AT_ONCE))

    def rows(self, names: Iterable[str] | None = None) -> Iterator[dict[str, Hashable | MeanOfGroups]]:
        """The columns and the means of every part, all or those of these names."""
        for block in self.blocks():
            means = {name: block.means[name].each() for name in names or self.means}
            columns: dict[str, Sequence[Hashable | MeanOfGroups]] = {**block.columns, **means}
            for values in zip(*columns.values(), strict=True):
                yield dict(zip(columns, values, strict=True))

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


def columns_of(statistics: GroupStatistics, by: str | None) -> dict[str, list[Hashable]]:
    """The key columns that `by` asks for, each of length G; runs stay apart.

    Args:
        by: None, a key, or "prompt" for all that name a prompt.

    Raises:
        ArgumentError: no such key.
    """
    keys = statistics.keys
    if by is None:
        names = []
    elif by == "prompt":
        names = prompt_columns(statistics)
    elif by in keys:
        names = ["run", by] if len(statistics.runs) > 1 and by != "run" else [by]
    else:
        known = [*dict.fromkeys([*keys, "prompt"])]
        raise ArgumentError(f"`--by` must be one of {', '.join(known)}; got {by!r}{nearest(by, known)}")
    return {name: keys[name] for name in names}


def parts_table(
    statistics: GroupStatistics, measures: Mapping[str, Measured], columns: Iterable[str], per_nat: float = 1.0
) -> PartsTable:
    """Means over the prompts of every part.

    Args:
        statistics: the groups.
        measures: of the groups.
        columns: names of the keys that name a part together; none for the whole log.
        per_nat: units of entropy in a nat.
    """
    own = {name: statistics.keys[name] for name in columns}
    return counted_parts(statistics, measures, own).finished(per_nat)


def counted_parts(
    statistics: GroupStatistics, measures: Mapping[str, Measured], columns: Mapping[str, Sequence[Hashable]]
) -> PartsTable:
    """The same of columns of length G, before it is `finished`: it may be `joined` to that of other prompts."""
    parts, found = parts_of(columns, [*columns], len(statistics.sizes))
    number = int(parts.max(initial=-1)) + 1
    most, firsts = np.zeros(number, np.int64), np.full(number, np.iinfo(np.int64).max)
    np.maximum.at(most, parts, statistics.sizes)
    np.minimum.at(firsts, parts, np.arange(len(parts)) if statistics.firsts is None else statistics.firsts)
    return PartsTable(found, means_by(measures, prompt_numbers(statistics), parts, number), most, firsts)


def joined(tables: Sequence[PartsTable]) -> PartsTable:
    """That over the prompts of all, each of which is in one of them; means are used up, so that none is there twice."""
    firsts = np.concatenate([table.firsts for table in tables])
    order = np.argsort(firsts, kind="stable")
    columns = {name: [key for table in tables for key in table.columns[name]] for name in tables[0].columns}
    columns = {name: [column[i] for i in order.tolist()] for name, column in columns.items()}
    parts, found = parts_of(columns, [*columns], len(order))
    number = int(parts.max(initial=-1)) + 1
    names = dict.fromkeys(name for table in sorted(tables, key=lambda table: -len(table.means)) for name in table.means)
    most, first = np.zeros(number, np.int64), np.full(number, np.iinfo(np.int64).max)
    np.maximum.at(most, parts, np.concatenate([table.most for table in tables])[order])
    np.minimum.at(first, parts, firsts[order])
    means = {}
    for name in names:
        several = [table.means.pop(name, Means.of_none(len(table.most))) for table in tables]
        means[name] = Means.joined(several).taken(order).gathered(parts, number)
    return PartsTable(found, means, most, first)


def _with_effective(means: dict[str, Means], per_nat: float) -> dict[str, Means]:
    """The effective number of answers comes from the mean entropy, and stands behind the entropies."""
    if "entropy_aqp" not in means:
        return means
    items = [*means.items()]
    place = max(i for i, (name, _) in enumerate(items) if name.removeprefix("entropy_") in ENTROPIES) + 1
    effective = means["entropy_aqp"].exp(1 / per_nat)
    return dict([*items[:place], ("effective_answers", effective), *items[place:]])

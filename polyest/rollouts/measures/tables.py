"""Measures of the parts of a log as one table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice
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

ALWAYS = ("singletons", "no_answer")

__all__ = ["Parted", "PartsTable", "columns_of", "counted_parts", "joined", "parts_table", "side_by_side"]


class Parted(ABC):
    """The means of the parts of a log in order, in blocks of which memory holds one at a time."""

    @property
    @abstractmethod
    def names(self) -> tuple[list[str], list[str]]:
        """Those of the columns that name the parts, none for the whole log, and those of the measures."""

    @abstractmethod
    def blocks(self) -> Iterator[PartsTable]:
        """Some parts after the other, of which much can be made."""

    def rows(self, names: Iterable[str] | None = None) -> Iterator[dict[str, Hashable | MeanOfGroups]]:
        """The columns and the means of every part, all or those of these names."""
        for block in self.blocks():
            means = {name: block.means[name].each() for name in names or block.means}
            columns: dict[str, Sequence[Hashable | MeanOfGroups]] = {**block.columns, **means}
            for values in zip(*columns.values(), strict=True):
                yield dict(zip(columns, values, strict=True))

    def advice(self) -> list[str]:
        """What has to be known before the numbers are believed."""
        return advice((block.means, block.most, block.label) for block in self.blocks())

    def has_several(self, name: str) -> bool:
        """Whether parts differ in a column."""
        if name not in self.names[0]:
            return False
        values = chain.from_iterable(block.columns[name] for block in self.blocks())
        return len([*islice(groupby(values), 2)]) > 1

    def collapse(self) -> Whole:
        """Ranks, shape (P,): 1 for the part whose answers agree most (`collision`), and 0 where that is not known."""
        if "collision" not in self.names[1]:
            return np.zeros(sum(len(block.most) for block in self.blocks()), np.int64)
        agree = np.concatenate([block.means["collision"].mean for block in self.blocks()])
        ranks = np.empty(len(agree), np.int64)
        ranks[np.argsort(-agree, kind="stable")] = np.arange(1, len(agree) + 1)
        return np.where(np.isnan(agree), 0, ranks)


@dataclass(frozen=True, eq=False)
class PartsTable(Parted):
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

    @property
    def names(self) -> tuple[list[str], list[str]]:
        return [*self.columns], [*self.means]

    def known(self) -> set[str]:
        """The measures that are shown: what some part has, and two that are always told."""
        return {name for name, mean in self.means.items() if mean.prompts.any()} | {*ALWAYS}

    def finished(self, per_nat: float = 1.0, known: Set[str] | None = None) -> PartsTable:
        """With what comes of the means over all prompts, without measures that no part has (or that are not named)."""
        shown = self.known() if known is None else known
        kept = {name: mean for name, mean in self.means.items() if name in shown}
        return replace(self, means=_with_effective(kept, per_nat))

    def taken(self, parts: Whole | slice) -> PartsTable:
        """Some of the parts."""
        columns = {
            name: column[parts] if isinstance(parts, slice) else [column[i] for i in parts.tolist()]
            for name, column in self.columns.items()
        }
        means = {name: mean.taken(parts) for name, mean in self.means.items()}
        return PartsTable(columns, means, self.most[parts], self.firsts[parts])

    def label(self, part: int) -> str:
        """What a part is called: "step 400"."""
        return ", ".join(f"{name} {column[part]}" for name, column in self.columns.items())

    def blocks(self) -> Iterator[PartsTable]:
        """Some parts at a time."""
        for start in range(0, len(self.most), AT_ONCE):
            yield self.taken(slice(start, start + AT_ONCE))


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
    table = side_by_side(tables)
    parts, found = parts_of(table.columns, [*table.columns], len(table.most))
    number = int(parts.max(initial=-1)) + 1
    most, first = np.zeros(number, np.int64), np.full(number, np.iinfo(np.int64).max)
    np.maximum.at(most, parts, table.most)
    np.minimum.at(first, parts, table.firsts)
    means = {name: table.means.pop(name).gathered(parts, number) for name in [*table.means]}
    return PartsTable(found, means, most, first)


def side_by_side(tables: Sequence[PartsTable]) -> PartsTable:
    """The parts of all, in order, also where they are the same; means are used up."""
    firsts = np.concatenate([table.firsts for table in tables])
    order = np.argsort(firsts, kind="stable")
    columns = {name: [key for table in tables for key in table.columns[name]] for name in tables[0].columns}
    columns = {name: [column[i] for i in order.tolist()] for name, column in columns.items()}
    names = dict.fromkeys(name for table in sorted(tables, key=lambda table: -len(table.means)) for name in table.means)
    means = {}
    for name in names:
        several = [_popped(table, name) for table in tables]
        means[name] = Means.joined(several).taken(order)
    return PartsTable(columns, means, np.concatenate([table.most for table in tables])[order], firsts[order])


def _popped(table: PartsTable, name: str) -> Means:
    return table.means.pop(name) if name in table.means else Means.of_none(len(table.most))


def _with_effective(means: dict[str, Means], per_nat: float) -> dict[str, Means]:
    """The effective number of answers comes from the mean entropy, and stands behind the entropies."""
    if "entropy_aqp" not in means:
        return means
    items = [*means.items()]
    place = max(i for i, (name, _) in enumerate(items) if name.removeprefix("entropy_") in ENTROPIES) + 1
    effective = means["entropy_aqp"].exp(1 / per_nat)
    return dict([*items[:place], ("effective_answers", effective), *items[place:]])

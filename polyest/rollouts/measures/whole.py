"""The measures of a log that is too large to be held: some prompts at a time, of which only sums are kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING, Protocol, TypeAlias

from polyest.rollouts.measures.differences import Comparison, Difference, compared
from polyest.rollouts.measures.of_groups import group_measures
from polyest.rollouts.measures.tables import PartsTable, counted_parts, joined
from polyest.rollouts.statistics import UNITS

if TYPE_CHECKING:
    from polyest.rollouts.measures.cells import Measured
    from polyest.rollouts.statistics import GroupStatistics

__all__ = ["Each", "Records", "measure"]

Parting: TypeAlias = "Callable[[GroupStatistics], Mapping[str, Sequence[Hashable]]]"
Each: TypeAlias = "Callable[[GroupStatistics, Mapping[str, Measured]], None]"
Found: TypeAlias = "tuple[list[PartsTable], list[Comparison]]"


class Records(Protocol):
    """Those of a log, one at least, each of all groups of some prompts."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[GroupStatistics]: ...


def measure(
    records: Records, partings: Sequence[Parting], unit: str = "nats", each: Sequence[Each] = ()
) -> tuple[list[PartsTable], list[Difference]]:
    """A table for each of these ways to part a log, and what its runs differ by.

    Of several records the numbers are those of one with all groups, but for rounding and for samples, which are drawn
    of each where too many groups differ (errors of entropies, vote@k).

    Args:
        records: of the log.
        partings: the columns that name the part of every group together, the same for all records.
        unit: of entropies.
        each: is given every record with the measures of its groups.
    """
    of = partial(_of, partings=partings, unit=unit, effort=1 / len(records), each=each)
    tables, comparisons = _merged(map(of, records))  # which holds no record while the next one is read
    differences = [one for comparison in comparisons for one in comparison.differences()]
    return [table.finished(UNITS[unit]) for table in tables], differences


def _of(record: GroupStatistics, partings: Sequence[Parting], unit: str, effort: float, each: Sequence[Each]) -> Found:
    columns = [parting(record) for parting in partings]
    measures = group_measures(record, unit, effort)
    for function in each:
        function(record, measures)
    return [counted_parts(record, measures, own) for own in columns], compared(record, measures)


def _merged(found: Iterator[Found]) -> Found:
    """All together; those to come wait until they have as many parts as what there is, so that no part moves often."""
    held = [next(found)]
    for one in found:
        held.append(one)
        first, *others = map(_parts, held)
        if sum(others) >= first:
            held = [_together(held)]
    return _together(held)


def _parts(found: Found) -> int:
    return max(len(table.most) for table in found[0])


def _together(several: Sequence[Found]) -> Found:
    tables, comparisons = zip(*several, strict=True)
    return [*map(joined, zip(*tables, strict=True))], [
        reduce(Comparison.plus, own) for own in zip(*comparisons, strict=True)
    ]

"""The measures of a log that is too large to be held: some prompts at a time, of which only sums are kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING, Protocol, TypeAlias

from polyest.rollouts.measures.differences import Comparison, Difference, compared
from polyest.rollouts.measures.of_groups import group_measures
from polyest.rollouts.measures.tables import counted_parts

if TYPE_CHECKING:
    from polyest.rollouts.measures.cells import Measured
    from polyest.rollouts.measures.gathering import Gathering
    from polyest.rollouts.statistics import GroupStatistics

__all__ = ["Each", "Records", "measure"]

Parting: TypeAlias = "Callable[[GroupStatistics], Mapping[str, Sequence[Hashable]]]"
Each: TypeAlias = "Callable[[GroupStatistics, Mapping[str, Measured]], None]"


class Records(Protocol):
    """Those of a log, one at least, each of all groups of some prompts."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[GroupStatistics]: ...


def measure(
    records: Records, tables: Mapping[Gathering, Parting], unit: str = "nats", each: Sequence[Each] = ()
) -> list[Difference]:
    """Gather tables of a log, and tell what its runs differ by.

    Of several records the numbers are those of one with all groups, but for rounding and for samples, which are drawn
    of each where too many groups differ (errors of entropies, vote@k).

    Args:
        records: of the log.
        tables: each with the columns that name the part of every group together, the same for all records.
        unit: of entropies.
        each: is given every record with the measures of its groups.
    """
    of = partial(_of, tables=tables, unit=unit, effort=1 / len(records), each=each)
    comparisons = reduce(_plus, map(of, records))  # which holds no record while the next one is read
    return [one for comparison in comparisons for one in comparison.differences()]


def _of(
    record: GroupStatistics, tables: Mapping[Gathering, Parting], unit: str, effort: float, each: Sequence[Each]
) -> list[Comparison]:
    columns = {table: parting(record) for table, parting in tables.items()}
    measures = group_measures(record, unit, effort)
    for function in each:
        function(record, measures)
    for table, own in columns.items():
        table.add(counted_parts(record, measures, own))
    return compared(record, measures)


def _plus(one: Sequence[Comparison], other: Sequence[Comparison]) -> list[Comparison]:
    return [*map(Comparison.plus, one, other)]

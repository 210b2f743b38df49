"""The measures of a log as `polyest score` gives them: as JSON, as CSV, and as lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from polyest.cli.options import Lazy
from polyest.rollouts.measures import (
    UNITS,
    Difference,
    Each,
    Gathering,
    GatheringOnDisk,
    MeanOfGroups,
    Parted,
    PartsTable,
    Records,
    about,
    columns_of,
    measure,
)
from polyest.storage.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from polyest.rollouts.statistics import GroupStatistics

    Row: TypeAlias = "Mapping[str, Hashable | MeanOfGroups]"

__all__ = ["MeasuredLog", "measured"]

IN_LINES = re.compile(
    r"value_|entropy_|effective_answers|distinct|singletons|no_answer|agreement|correct$|pass@|drift"
)  # of the columns by part; --csv and --json have all
RANKED_BY = "collision"
CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")


@dataclass(frozen=True)
class MeasuredLog:
    """The means over all, by part if that was asked for, and what the runs differ by."""

    unit: str
    whole: PartsTable
    by: Parted | None
    ranks: NDArray[np.int64] | None
    differences: list[Difference]

    @property
    def over(self) -> str:
        """What the means over all put together that stands apart below."""
        several = [f"{name}s" for name in ("run", "step") if self.by and self.by.has_several(name)]
        return f", all {' and '.join(several)}" if several else ""

    def rows(self, names: Sequence[str] | None = None) -> Iterator[Row]:
        """One for each part, with all means or those of these names; one in all without parts.

        There may be as many as steps, of which memory holds the numbers, and not all that is made of them.
        """
        ranks = repeat({}) if self.ranks is None else ({"collapse_rank": int(rank)} for rank in self.ranks)
        for row, rank in zip((self.by or self.whole).rows(names), ranks, strict=False):
            yield row | rank

    def warnings(self) -> list[str]:
        """What has to be known before the numbers are believed."""
        return (self.by or self.whole).advice()

    def as_json(self) -> dict[str, Any]:
        """As it is printed."""
        found: dict[str, Any] = {
            "unit": self.unit,
            "measures": {name: _json(mean.of(0), about(name)) for name, mean in self.whole.means.items()},
        }
        if self.by:
            found["by"] = Lazy(lambda: map(_numbers, self.rows()))
        found["warnings"] = self.warnings()
        if self.differences:
            found["differences"] = [_difference(one) for one in self.differences]
        return found

    def write(self, path: Path) -> None:
        """As CSV, a row for each part: what names it, and four columns for each measure."""
        with (
            replacing(path) as temporary,
            temporary.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file,
        ):
            writer, done = csv.writer(file), 0
            for block in (self.by or self.whole).blocks():
                columns = _flat(block)
                if self.ranks is not None:
                    columns["collapse_rank"] = self.ranks[done : done + len(block.most)].tolist()
                if done == 0:
                    writer.writerow(columns)
                writer.writerows(zip(*columns.values(), strict=True))
                done += len(block.most)

    def lines(self) -> Iterator[str]:
        """For a terminal: the means over all, then by part, then what runs differ by; rounded as errors allow."""
        head = ["measure", f"mean ± error{self.over}", "error of these prompts", f"estimates; entropies in {self.unit}"]
        whole = [_cells(name, mean.of(0)) for name, mean in self.whole.means.items()]
        for row, before in zip(reversed(whole[1:]), reversed(whole[:-1]), strict=True):
            row[-1] = "" if row[-1] == before[-1] else row[-1]
        yield from _aligned(lambda: iter([head, *whole]))
        if self.by:
            yield from _aligned(self._by_part)
        if self.differences:
            compared = ["run", "measure", "minus the first run", "95 % interval", "pairs"]
            yield from _aligned(lambda: iter([compared, *map(_compared, self.differences)]))
        yield from (f"warning: {line}" for line in self.warnings())

    def _by_part(self) -> Iterator[list[str]]:
        """The cells of a head and of a row for each part."""
        every = (self.by or self.whole).names[1]
        last = [name for name in every if name.startswith("pass@")][-1:]
        wanted = [name for name in every if IN_LINES.match(name) or (name == RANKED_BY and self.ranks is not None)]
        names = [name for name in wanted if name[:5] != "pass@" or name in last]
        for number, row in enumerate(self.rows(names)):
            order = [*(name for name in row if name not in names), *names]
            if number == 0:
                yield order
            yield [_on_one_line(row[name]) for name in order]


def measured(records: Records, by: str | None, unit: str, each: Sequence[Each] = ()) -> MeasuredLog:
    """All measures.

    Args:
        records: of the log.
        by, unit: as the options say; several runs stand side by side where nothing is said.
        each: as in `measure`.

    Raises:
        ArgumentError: no such column.
    """

    def parting(record: GroupStatistics) -> dict[str, list[Hashable]]:
        return columns_of(record, "run" if by is None and len(record.runs) > 1 else by)

    whole, apart = Gathering(), GatheringOnDisk()
    found = measure(records, {whole: lambda record: {}, apart: parting}, unit, each)
    parts = apart.parts(UNITS[unit])
    ranks = parts.collapse() if by == "prompt" else None
    return MeasuredLog(unit, whole.table(UNITS[unit]), parts if parts.names[0] else None, ranks, found)


def _cells(name: str, mean: MeanOfGroups) -> list[str]:
    fixed = f"{mean.se_fixed:.2g}" if mean.se_fixed == mean.se_fixed else "–"
    return [name, str(mean), fixed, about(name)]


def _on_one_line(value: object) -> str:
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], str(value))


def _compared(one: Difference) -> list[str]:
    return [_on_one_line(one.run), one.measure, *one.texts(), str(one.paired or "none")]


def _aligned(rows: Callable[[], Iterator[list[str]]]) -> Iterator[str]:
    """An empty line, and one for each row; they are made twice, as the widths are known at their end."""
    widths: list[int] = []
    for row in rows():
        widths = [max(pair) for pair in zip_longest(widths, map(len, row), fillvalue=0)]
    yield ""
    for row in rows():
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _numbers(row: Row) -> dict[str, object]:
    return {name: value.as_json() if isinstance(value, MeanOfGroups) else value for name, value in row.items()}


def _json(mean: MeanOfGroups, estimates: str) -> dict[str, object] | None:
    numbers = mean.as_json()
    return None if numbers is None else {**numbers, "estimates": estimates}


def _difference(one: Difference) -> dict[str, object]:
    low, high = one.mean.interval()
    return {
        "run": one.run,
        "measure": one.measure,
        "difference": one.mean.mean,
        "se_random": one.mean.standard_error,
        "interval": [low, high],
        "paired_prompts": one.paired,
    }


def _flat(table: PartsTable) -> dict[str, Sequence[Hashable]]:
    """Four columns for each measure."""
    flat: dict[str, Sequence[Hashable]] = {**table.columns}
    for name, means in table.means.items():
        columns = {"": means.mean, "_se_random": means.se_random, "_se_fixed": means.se_fixed}
        for suffix, column in columns.items():
            flat[name + suffix] = [None if number != number else number for number in column.tolist()]
        flat[f"{name}_prompts"] = means.prompts.tolist()
    return flat

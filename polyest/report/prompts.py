"""The prompts of a page: a row for each, and the answers of its last step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import counted
from polyest.rollouts.measures import tables
from polyest.rollouts.measures.means import MeanOfGroups, decimals
from polyest.rollouts.measures.parts import parts_of, prompt_columns, step_numbers
from polyest.rollouts.measures.tables import columns_of, counted_parts
from polyest.rollouts.statistics import joined

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from numpy.typing import NDArray

    from polyest.rollouts.measures import Measured, PartsTable
    from polyest.rollouts.statistics import GroupStatistics

    Whole = NDArray[np.int64]

__all__ = ["MOST", "Prompts", "text_of"]

MOST = 2000  # prompts of a page: half of them those that are most collapsed, half the others' end
BARS = 8  # answers of a prompt
LONGEST = 120  # characters of a prompt; of an answer half of it
SHOWN = (
    "collision",  # by which they are ranked
    "entropy_aqp",
    "entropy_plug_in",
    "distinct",
    "singletons",
    "agreement",
    "no_answer",
    "correct",
)


@dataclass(frozen=True, eq=False)
class Prompts:
    """Those that are shown, by rank of collapse (`collision`, the greatest first), and how many there are.

    Attributes:
        table: their means.
        last: the group of the last step of each.
        visits: groups of each, shape (P,).
        known: how many have a rank, of `all`.
    """

    table: PartsTable
    last: GroupStatistics
    visits: Whole
    known: int
    all: int

    @classmethod
    def of(cls, statistics: GroupStatistics, measures: Mapping[str, Measured]) -> Prompts:
        """Those of a record."""
        few = {name: measured for name, measured in measures.items() if name in SHOWN}
        table = counted_parts(statistics, few, columns_of(statistics, "prompt"))
        last, parts = _last_groups(statistics)
        known = int(table.means["collision"].prompts.astype(np.bool_).sum())
        return cls(table, joined([statistics], last), np.bincount(parts), known, len(last))._cut()

    def plus(self, other: Prompts) -> Prompts:
        """With those of another record of the log, which has other prompts."""
        table = tables.joined([self.table, other.table])
        firsts = np.concatenate([self.table.firsts, other.table.firsts])
        order = np.argsort(firsts)[np.searchsorted(np.sort(firsts), table.firsts)]
        last, visits = joined([self.last, other.last], order), np.concatenate([self.visits, other.visits])[order]
        return Prompts(table, last, visits, self.known + other.known, self.all + other.all)._cut()

    def _cut(self) -> Prompts:
        """The most and the least collapsed ones in order, those whose rank is not known at the end."""
        order = np.argsort(-self.table.means["collision"].mean, kind="stable")
        kept = order if len(order) <= MOST else np.concatenate([order[: MOST // 2], order[-(MOST - MOST // 2) :]])
        return replace(self, table=self.table.taken(kept), last=joined([self.last], kept), visits=self.visits[kept])

    def rows(self) -> dict[str, Any]:
        """Columns of the rows, answers among them, and how many prompts there are in all."""
        table, number = self.table.finished(), len(self.visits)
        several = [item for item in table.columns.items() if item[0] != "run" or len(self.last.runs) > 1]
        places = sorted(several, key=lambda item: item[0] != "prompt")
        columns: dict[str, list[Any]] = {name: [*map(text_of, column)] for name, column in places}
        ranks = [i + 1 if i < MOST // 2 else self.all - number + i + 1 for i in range(number)]
        columns["collapse_rank"] = [rank if rank <= self.known else None for rank in ranks]
        for name in SHOWN:
            if name in table.means:
                columns[name] = [*map(_rounded, table.means[name].each())]
        steps = self.last.keys.get("step")
        return {
            "all": self.all,
            "columns": columns,
            "answers": _bars(self.last),
            "last_step": None if steps is None else [*map(text_of, steps)],
            "visits": self.visits.tolist(),
        }


def _rounded(mean: MeanOfGroups) -> float | None:
    """To two digits of its error, and to three decimals where there is none."""
    if not mean.prompts:
        return None
    return round(mean.mean, decimals(mean.se_fixed) if mean.se_fixed > 0 else 3)


def _last_groups(statistics: GroupStatistics) -> tuple[Whole, Whole]:
    """The group of the last step of every prompt, and the prompt of every group."""
    parts, _ = parts_of(statistics.keys, prompt_columns(statistics), len(statistics.sizes))
    steps = step_numbers(statistics) if "step" in statistics.keys else np.zeros_like(parts)
    order = np.lexsort((steps, parts))
    ends = np.append(np.diff(parts[order]) > 0, True)
    return order[ends], parts


def _bars(statistics: GroupStatistics) -> list[list[list[Any]]]:
    """Of every group: answer, completions, share of correct ones or none; the most frequent ones, which are read."""
    ranked = [_ranked(statistics, group) for group in range(len(statistics.sizes))]
    wanted = np.array([entry for entries in ranked for entry in entries[:BARS]], np.int64)
    texts = iter(["?"] * len(wanted))
    if statistics.places is not None and statistics.answers is not None:
        texts = iter([*map(_answer, statistics.answers(statistics.places[wanted]))])
    return [
        [[next(texts), int(statistics.counts[i]), _share(statistics, i)] for i in entries[:BARS]]
        + _others(statistics, group, entries[BARS:])
        for group, entries in enumerate(ranked)
    ]


def _ranked(statistics: GroupStatistics, group: int) -> list[int]:
    """The entries of a group, the most frequent first."""
    start, end = statistics.offsets[group : group + 2].tolist()
    ranked: list[int] = (np.argsort(-statistics.counts[start:end], kind="stable") + start).tolist()
    return ranked


def _others(statistics: GroupStatistics, group: int, entries: list[int]) -> list[list[Any]]:
    """The other answers together, then the completions without one."""
    missing = int(statistics.missing[group])
    bars = [[f"… {counted(len(entries), 'other')}", int(statistics.counts[entries].sum()), None]] if entries else []
    return [*bars, ["(no answer)", missing, None]] if missing else bars


def _answer(answer: Hashable) -> str:
    return text_of(answer, LONGEST // 2)


def _share(statistics: GroupStatistics, entry: int) -> float | None:
    if statistics.correct is None or np.isnan(statistics.correct[entry]):
        return None
    return round(float(statistics.correct[entry] / statistics.counts[entry]), 3)


def text_of(value: Hashable, longest: int = LONGEST) -> str:
    """Strings as they are, anything else as Python writes it; cut."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:
        text = "an integer of thousands of digits"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

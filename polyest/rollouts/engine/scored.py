"""The numbers of a log: rewards and advantages of its rows, values and sizes of its groups, how often counts occur."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.rollouts.batch import Part
from polyest.rollouts.engine.parts import Dealt
from polyest.rollouts.scoring import Scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.engine.parts import Record
    from polyest.rollouts.engine.sheet import Sheet
    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["Found", "Groups", "Paid", "Scored", "Scorer", "differences", "group", "score_parts"]

KINDS = ("reward", "advantage")
Scorer = Callable[[Part, "Array | None", "str | None"], Scores]  # a part, its reference, a method


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of a log by first appearance, arrays of shape (G,).

    Attributes:
        firsts: number of the first row.
        prompts: number of the first row of the prompt.
        sizes: completions.
        missing: completions without an answer.
        cells: how many completions with an answer share it with how many of how many: (K, count) → number.
    """

    firsts: Whole
    prompts: Whole
    sizes: Whole
    missing: Whole
    cells: dict[tuple[int, int], int]

    @property
    def number(self) -> int:
        return len(self.firsts)

    def count_by_size(self) -> dict[int, int]:
        """How many groups there are of each size."""
        edges = np.flatnonzero(np.diff(ordered := np.sort(self.sizes), prepend=-1))  # np.unique would load numpy.ma
        counts = np.diff(edges, append=len(ordered))
        return dict(zip(ordered[edges].tolist(), counts.tolist(), strict=True))

    def count_prompts(self) -> int:
        """How many prompts there are."""
        return int(np.count_nonzero(np.diff(np.sort(self.prompts), prepend=-1)))

    def per_prompt(self) -> tuple[Whole, Whole]:
        """The first rows of the prompts in order, shape (P,), and the number of each group's prompt, shape (G,)."""
        return np.unique(self.prompts, return_inverse=True)


@dataclass(frozen=True, eq=False)
class Found:
    """What is known of whole groups: counts, what every method makes of each, shape (G,), and what measures need."""

    groups: Groups
    values: dict[str, Array]
    record: GroupStatistics | None = None

    def placed(self, places: Whole) -> Found:
        """With the places of its rows in place of their numbers."""
        firsts, prompts = places[self.groups.firsts], places[self.groups.prompts]
        groups, record = replace(self.groups, firsts=firsts, prompts=prompts), self.record
        if record is not None and record.firsts is not None:  # the log is closed before answers could be read
            record = replace(record, firsts=places[record.firsts], places=None, answers=None)
            record = replace(record, all_runs=(), all_steps=())  # there are more
        return Found(groups, self.values, record)


@dataclass(frozen=True, eq=False)
class Scored:
    """What every method, by its label, pays: values of the groups, shape (G,).

    `sheet` has the rows' rewards and advantages as ``reward LABEL`` and ``advantage LABEL``, if they are written.
    """

    values: dict[str, Array]
    sheet: Sheet


class Paid:
    """What rows are paid, in order, so many at a time.

    Args:
        names: new ones, by those of the sheet.
    """

    def __init__(self, scored: Scored, names: Mapping[str, str]) -> None:
        self.batches, self.names = scored.sheet.batches(), names
        self.held: dict[str, Array] = {name: np.empty(0) for name in names}

    def take(self, number: int) -> dict[str, Array]:
        """Those of the next rows, by their new names; fewer at the end."""
        while len(next(iter(self.held.values()))) < number and (more := next(self.batches, None)) is not None:
            self.held = {name: np.concatenate([held, more[name]]) for name, held in self.held.items()}
        found = {new: self.held[name][:number] for name, new in self.names.items()}
        self.held = {name: held[number:] for name, held in self.held.items()}
        return found


class _Tally:
    """What is counted of parts, one after the other."""

    def __init__(self) -> None:
        self.columns: list[tuple[Whole, ...]] = []
        self.cells = Counter[tuple[int, int]]()

    def add(self, part: Part, records: Record) -> None:
        rows = records["row"]
        missing = np.bincount(part.of_row[records["missing"]], minlength=len(part.sizes))
        self.columns.append((rows[part.firsts], rows[part.prompts], part.sizes, missing))
        self.cells.update(_cells(part))

    def groups(self) -> tuple[Groups, Whole]:
        """Those of all parts, and the number that each has among these."""
        firsts, prompts, sizes, missing = (np.concatenate(column) for column in zip(*self.columns, strict=True))
        order = np.argsort(firsts, kind="stable")
        return Groups(firsts[order], prompts[order], sizes[order], missing[order], dict(self.cells)), order


def group(dealt: Dealt) -> Groups:
    """The groups of a log."""
    tally = _Tally()
    for part, records in dealt:
        tally.add(part, records)
    return tally.groups()[0]


def _cells(part: Part) -> dict[tuple[int, int], int]:
    """How often each pair of a group's size and an answer's count occurs."""
    known, counts = np.flatnonzero(np.bincount(part.sizes)), part.counts
    starts = np.zeros(int(known[-1]) + 1 if len(known) else 0, np.int64)
    starts[known] = np.cumsum(known + 1) - (known + 1)
    pairs = counts + starts[part.sizes][part.of_row] if len(known) > 1 else counts
    found = np.bincount(pairs if part.answers.missing is None else pairs[~part.answers.missing])
    slots = np.flatnonzero(found)
    owner = known[np.searchsorted(starts[known], slots, side="right") - 1]
    places = zip(owner.tolist(), (slots - starts[owner]).tolist(), strict=True)
    return dict(zip(places, found[slots].tolist(), strict=True))


def score_parts(
    dealt: Dealt, scorer: Scorer, methods: dict[str, str | None], is_written: bool
) -> tuple[Groups, Scored]:
    """The groups of a log, and the scores of all parts with all methods.

    Args:
        methods: by label.
        is_written: whether rewards and advantages of the rows are kept.
    """
    sheet = dealt.sheet([f"{kind} {label}" for label in methods for kind in KINDS] if is_written else [])
    tally = _Tally()
    values: dict[str, list[Array]] = {label: [] for label in methods}
    for part, records in dealt:
        tally.add(part, records)
        reference = records.get("reference")
        found: dict[str, Array] = {}
        for label, method in methods.items():
            scores = _named(scorer, part, reference, method)
            values[label].append(scores.values)
            found |= {f"reward {label}": scores.rewards, f"advantage {label}": scores.advantages}
        if is_written:
            sheet.put(records["row"], found)
    groups, order = tally.groups()
    return groups, Scored({label: np.concatenate(parts)[order] for label, parts in values.items()}, sheet)


def _named(scorer: Scorer, part: Part, reference: Array | None, method: str | None) -> Scores:
    """What is wrong with references is wrong with their column."""
    try:
        return scorer(part, reference, method)
    except ArgumentError as error:
        raise type(error)(str(error).replace("`reference`", "`--reference-column`", 1)) from None


def differences(groups: Groups, pays: Callable[[int], Array], counts_missing: bool) -> float:
    """The mean value of a method minus that of plug_in, from how often counts occur: no row is scored again.

    Args:
        pays: what the method pays for 0 to K − 1 matches minus what plug_in does, for a group size K.
        counts_missing: whether completions without an answer are paid for 0 matches.
    """
    without = np.bincount(groups.sizes, groups.missing) if counts_missing else np.zeros(0)
    gaps = {size: pays(size) for size in groups.count_by_size() if size > 1}
    total = [number * float(gaps[size][count - 1]) / size for (size, count), number in groups.cells.items() if size > 1]
    total += [float(without[size] * gap[0]) / size for size, gap in gaps.items() if counts_missing]
    return math.fsum(total) / int(np.count_nonzero(groups.sizes > 1))

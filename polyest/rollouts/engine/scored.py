"""The numbers of a log: rewards and advantages of its rows, values and sizes of its groups, how often counts occur."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.rollouts.batch import Part
from polyest.rollouts.engine.parts import Dealt
from polyest.rollouts.scoring import Scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.engine.parts import Record
    from polyest.rollouts.engine.sheet import Block, Sheet
    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["Found", "Groups", "Paid", "Scorer", "differences", "group", "score_parts", "starts_of"]

KINDS = ("reward", "advantage")
Scorer = Callable[[Part, "Array | None", "str | None"], Scores]  # a part, its reference, a method


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of a log: in a few numbers, and each in one of the blocks, which are on disk where they may be many.

    Attributes:
        sizes: how many have so many completions.
        missing: completions without an answer in groups of such a size.
        unanswered: groups without any answer.
        of_prompts: how many prompts have so many completions.
        cells: how many completions with an answer share it with how many of how many: (K, count) → number.
        totals: by method, the sum of the values of the groups that have one, and how many have.
        blocks: records of groups, those of a prompt one after the other: ``first`` row, first row of the ``prompt``,
            ``size``, ``missing``, and what methods make of it, by their labels.
    """

    sizes: Counter[int] = field(default_factory=Counter)
    missing: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    of_prompts: Counter[int] = field(default_factory=Counter)
    cells: Counter[tuple[int, int]] = field(default_factory=Counter)
    totals: Mapping[str, tuple[np.longdouble, int]] = field(default_factory=dict)
    blocks: Sequence[Block] = ()

    @property
    def completions(self) -> int:
        return sum(size * number for size, number in self.sizes.items())

    @property
    def several(self) -> int:
        """How many have two completions and more, and so a value."""
        return self.sizes.total() - self.sizes[1]

    def first_of_one(self) -> int | None:
        """The row of the first group of one completion, if there is any."""
        if not self.sizes[1]:
            return None
        rows = (block["first"][block["size"] == 1] for block in (lot.all() for lot in self.blocks))
        return int(min(own.min() for own in rows if len(own)))

    def mean(self, label: str) -> float:
        """The mean value of the groups that have one."""
        total, number = self.totals[label]
        return float(total / number) if number else math.nan

    def plus(self, other: Groups) -> Groups:
        """With those of other prompts."""
        totals = dict(self.totals)
        for label, (total, number) in other.totals.items():
            before, count = totals.get(label, (np.longdouble(0), 0))
            totals[label] = before + total, count + number
        return Groups(
            self.sizes + other.sizes,
            self.missing + other.missing,
            self.unanswered + other.unanswered,
            self.of_prompts + other.of_prompts,
            self.cells + other.cells,
            totals,
            [*self.blocks, *other.blocks],
        )


@dataclass(frozen=True, eq=False)
class Found:
    """What is known of whole groups, and what measures need of them."""

    groups: Groups
    record: GroupStatistics | None = None

    def placed(self, places: Whole) -> Found:
        """With the places of its rows in place of their numbers, and no groups one by one."""
        record = self.record
        if record is not None and record.firsts is not None:  # the log is closed before answers could be read
            record = replace(record, firsts=places[record.firsts], places=None, answers=None)
            record = replace(record, all_runs=(), all_steps=())  # there are more
        return Found(replace(self.groups, blocks=()), record)


class Paid:
    """What rows are paid, in order, so many at a time.

    Args:
        names: new ones, by those of the sheet.
    """

    def __init__(self, sheet: Sheet, names: Mapping[str, str]) -> None:
        self.batches, self.names = sheet.batches(), names
        self.held: dict[str, Array] = {name: np.empty(0) for name in names}

    def take(self, number: int) -> dict[str, Array]:
        """Those of the next rows, by their new names; fewer at the end."""
        while len(next(iter(self.held.values()))) < number and (more := next(self.batches, None)) is not None:
            self.held = {name: np.concatenate([held, more[name]]) for name, held in self.held.items()}
        found = {new: self.held[name][:number] for name, new in self.names.items()}
        self.held = {name: held[number:] for name, held in self.held.items()}
        return found


def group(dealt: Dealt) -> Groups:
    """The groups of a log."""
    return reduce(Groups.plus, (_groups_of(dealt, part, records, {}) for part, records in dealt), Groups())


def _groups_of(dealt: Dealt, part: Part, records: Record, values: Mapping[str, Array]) -> Groups:
    """Those of a part, and what methods make of them."""
    sizes, rows = part.sizes, records["row"]
    missing = np.bincount(part.of_row[records["missing"]], minlength=len(sizes))
    columns = {"first": rows[part.firsts], "prompt": rows[part.prompts], "size": sizes, "missing": missing}
    block = np.empty(len(sizes), [*((name, "i8") for name in columns), *((label, "f8") for label in values)])
    for name, column in {**columns, **values}.items():
        block[name] = column
    return Groups(
        sizes=_counted(sizes),
        missing=_counted(sizes, missing),
        unanswered=int(np.count_nonzero(missing == sizes)),
        of_prompts=_counted(np.add.reduceat(sizes, starts_of(block)) if len(sizes) else sizes),
        cells=_cells(part),
        totals={label: _total(numbers) for label, numbers in values.items()},
        blocks=[dealt.kept(block)],
    )


def starts_of(block: NDArray[np.void]) -> Whole:
    """Where prompts begin among the records of groups."""
    return np.flatnonzero(np.diff(block["prompt"], prepend=-1))


def _counted(numbers: Whole, weights: Whole | None = None) -> Counter[int]:
    """How often each occurs, or the sum of its weights."""
    found = np.bincount(numbers, weights)
    known = np.flatnonzero(found)
    return Counter(dict(zip(known.tolist(), found[known].astype(np.int64).tolist(), strict=True)))


def _total(values: Array) -> tuple[np.longdouble, int]:
    """To more digits than a float has, so that parts in another order come to the same."""
    known = values[~np.isnan(values)]
    return np.add.reduce(known, dtype=np.longdouble), len(known)


def _cells(part: Part) -> Counter[tuple[int, int]]:
    """How often each pair of a group's size and an answer's count occurs."""
    known, counts = np.flatnonzero(np.bincount(part.sizes)), part.counts
    starts = np.zeros(int(known[-1]) + 1 if len(known) else 0, np.int64)
    starts[known] = np.cumsum(known + 1) - (known + 1)
    pairs = counts + starts[part.sizes][part.of_row] if len(known) > 1 else counts
    found = np.bincount(pairs if part.answers.missing is None else pairs[~part.answers.missing])
    slots = np.flatnonzero(found)
    owner = known[np.searchsorted(starts[known], slots, side="right") - 1]
    places = zip(owner.tolist(), (slots - starts[owner]).tolist(), strict=True)
    return Counter(dict(zip(places, found[slots].tolist(), strict=True)))


def score_parts(dealt: Dealt, scorer: Scorer, methods: dict[str, str | None], is_written: bool) -> tuple[Groups, Sheet]:
    """The groups of a log with what all methods make of them, and what their rows are paid.

    Args:
        methods: by label.
        is_written: whether the sheet has rewards and advantages of the rows, as ``reward LABEL``, ``advantage LABEL``.
    """
    sheet = dealt.sheet([f"{kind} {label}" for label in methods for kind in KINDS] if is_written else [])
    groups = Groups()
    for part, records in dealt:
        scores = {label: _named(scorer, part, records.get("reference"), method) for label, method in methods.items()}
        groups = groups.plus(_groups_of(dealt, part, records, {label: one.values for label, one in scores.items()}))
        if is_written:
            paid = {f"{kind} {label}": getattr(one, f"{kind}s") for label, one in scores.items() for kind in KINDS}
            sheet.put(records["row"], paid)
    return groups, sheet


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
    gaps = {size: pays(size) for size in sorted(groups.sizes) if size > 1}
    total = [number * float(gaps[size][count - 1]) / size for (size, count), number in groups.cells.items() if size > 1]
    total += [groups.missing[size] * float(gap[0]) / size for size, gap in gaps.items() if counts_missing]
    return math.fsum(total) / groups.several

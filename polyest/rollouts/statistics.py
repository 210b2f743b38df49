"""What measures need of a log: how often each distinct answer came in each group, and no text.

One record, made from rows in memory or from a stream; `polyest.rollouts.measures` computes everything from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from polyest.online.hashable_answers import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.grouping import Groups

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["UNITS", "GroupStatistics", "group_statistics", "joined", "spread", "statistics_of_codes"]

S = TypeVar("S", np.float64, np.int64)
UNITS = {"nats": 1.0, "bits": 1 / math.log(2)}  # of entropies


@dataclass(frozen=True, eq=False)
class GroupStatistics:
    """Counts of G groups with D distinct answers, D counted within each group.

    Attributes:
        keys: key columns in order (run, step, prompt …), each of length G.
        sizes: completions per group, those without an answer included, shape (G,).
        missing: completions without an answer, shape (G,).
        offsets: group g's distinct answers are entries offsets[g]:offsets[g+1], shape (G+1,).
        counts: completions that gave this answer, shape (D,).
        correct: sum of verdicts among them, shape (D,), NaN where one is unknown; None: no verdicts.
        codes: equal where answers are, whatever the group, shape (D,); None: known within groups only.
        places: where the answers are read, shape (D,).
        answers: reads those at some places, as long as the log is open; None: they are not known.
        scores: sorted by group, then ascending, group g has sizes[g] of them, shape (N,); None: no score column.
        correct_missing: sum of verdicts of the completions without an answer, shape (G,); None: 0.
        has_parts: some verdicts are neither 0 nor 1, so that nothing can be counted (no pass@k).
        firsts: where each group begins in its log, by which groups of several records are in order, shape (G,).
        values: what methods make of each group, by name, shape (G,).
        all_runs: the runs of the log of which this is a part, in order; none: those that are here.
        all_steps: its steps likewise.

    >>> two = statistics_of_codes(np.array([[5, 5, 7], [5, 6, 7]]))
    >>> two.offsets.tolist(), two.counts.tolist()
    ([0, 2, 5], [2, 1, 1, 1, 1])
    """

    keys: dict[str, list[Hashable]]
    sizes: Whole
    missing: Whole
    offsets: Whole
    counts: Whole
    correct: Array | None = None
    codes: Whole | None = None
    places: Whole | None = None
    answers: Callable[[Whole], list[Hashable]] | None = None
    scores: Array | None = None
    correct_missing: Array | None = None
    has_parts: bool = False
    firsts: Whole | None = None
    values: Mapping[str, Array] = field(default_factory=dict)
    all_runs: Sequence[Hashable] = ()
    all_steps: Sequence[Hashable] = ()

    @property
    def runs(self) -> list[Hashable]:
        """The runs of the log, in order."""
        return [*dict.fromkeys(self.all_runs or self.keys.get("run", [""]))]

    @property
    def given(self) -> Whole:
        """Completions with an answer, shape (G,)."""
        return self.sizes - self.missing

    @cached_property
    def owner(self) -> Whole:
        """The group of every entry, shape (D,)."""
        return np.repeat(np.arange(len(self.sizes)), np.diff(self.offsets))

    def entries(self, groups: Whole) -> Whole:
        """The entries of some groups, one group after the other."""
        return spread(self.offsets[groups], np.diff(self.offsets)[groups])

    def total(self, numbers: NDArray[np.generic]) -> Array:
        """Sums over the entries of every group, shape (G,)."""
        return np.bincount(self.owner, numbers, len(self.sizes)).astype(np.float64)  # of nothing it would be integers


def group_statistics(
    groups: Groups,
    answers: Sequence[Hashable],
    keys: Mapping[str, Sequence[Hashable]],
    *,
    correct: Sequence[float | None] | None = None,
    scores: Sequence[float | None] | None = None,
) -> GroupStatistics:
    """The record of rows in memory.

    Args:
        groups: which row is in which.
        answers: of the rows; None is no answer.
        keys: of the groups.
        correct, scores: of the rows; scores count only where every row has one.
    """
    number = len(groups.sizes)
    given = np.array([answer is not None for answer in answers], np.bool_)
    codes, names = encode([*answers], "answers")
    width = max(len(names), 1)
    cells, index, counts = np.unique(
        groups.of_row[given] * width + codes[given], return_inverse=True, return_counts=True
    )
    sizes = np.array(groups.sizes, np.int64)
    missing = np.bincount(groups.of_row[~given], minlength=number)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(cells // width, minlength=number))])
    verdicts = _numbers(correct)
    known, unanswered = None, None
    if verdicts is not None:
        known = np.bincount(index, verdicts[given], len(cells)).astype(np.float64)
        unanswered = np.bincount(groups.of_row[~given], verdicts[~given], number).astype(np.float64)
    own = cells % width

    def answers_at(places: Whole) -> list[Hashable]:
        return [names[code] for code in places.tolist()]

    return GroupStatistics(
        {name: [*column] for name, column in keys.items()}, sizes, missing, offsets, counts, known, own, own,
        answers_at, _ranked(groups.of_row, _numbers(scores)), unanswered, _has_parts(verdicts),
    )  # fmt: skip


def statistics_of_codes(codes: Whole, missing: NDArray[np.bool_] | None = None) -> GroupStatistics:
    """The record of groups of one size, from answers as integers, shape (G, K)."""
    number, size = codes.shape
    gone = np.zeros(codes.shape, np.bool_) if missing is None else missing
    owner, given = np.nonzero(~gone)[0], codes[~gone]
    order = np.lexsort((given, owner))
    owner, given = owner[order], given[order]
    begins = np.flatnonzero((np.diff(owner, prepend=-1) != 0) | (np.diff(given, prepend=0) != 0))
    counts = np.diff(begins, append=len(owner))
    offsets = np.searchsorted(owner[begins], np.arange(number + 1))
    return GroupStatistics({}, np.full(number, size), gone.sum(axis=1), offsets, counts)


def joined(records: Sequence[GroupStatistics], order: Whole) -> GroupStatistics:
    """The record of these groups, in this order, of several records of one log with the same keys.

    >>> one, other = statistics_of_codes(np.array([[5, 5, 7]])), statistics_of_codes(np.array([[5, 6, 7]]))
    >>> joined([one, other], np.array([1, 0])).counts.tolist()
    [1, 1, 1, 2, 1]
    """
    sizes = np.concatenate([record.sizes for record in records])
    distinct = np.concatenate([np.diff(record.offsets) for record in records])
    entries = _moved(distinct, order)
    keys = {name: [key for record in records for key in record.keys[name]] for name in records[0].keys}
    correct, unanswered = None, None
    if any(record.correct is not None for record in records):
        correct, unanswered = map(np.concatenate, zip(*map(_verdicts, records), strict=True))
    codes, places, scores, firsts = (
        _together([getattr(record, name) for record in records]) for name in ("codes", "places", "scores", "firsts")
    )
    return GroupStatistics(
        keys={name: [column[i] for i in order.tolist()] for name, column in keys.items()},
        sizes=sizes[order],
        missing=np.concatenate([record.missing for record in records])[order],
        offsets=np.concatenate([[0], np.cumsum(distinct[order])]),
        counts=np.concatenate([record.counts for record in records])[entries],
        correct=None if correct is None else correct[entries],
        codes=None if codes is None else codes[entries],
        places=None if places is None else places[entries],
        answers=None if places is None else records[0].answers,
        scores=None if scores is None else scores[_moved(sizes, order)],
        correct_missing=None if unanswered is None else unanswered[order],
        has_parts=any(record.has_parts for record in records),
        firsts=None if firsts is None else firsts[order],
        values={n: np.concatenate([record.values[n] for record in records])[order] for n in records[0].values},
        all_runs=records[0].all_runs,
        all_steps=records[0].all_steps,
    )


def _together(columns: Sequence[NDArray[S] | None]) -> NDArray[S] | None:
    """One after the other; nothing where one is not known."""
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if len(known) == len(columns) else None


def _moved(lengths: Whole, order: Whole) -> Whole:
    """Places of the entries of groups that lie one after the other, in another order of the groups."""
    return spread((np.cumsum(lengths) - lengths)[order], lengths[order])


def _verdicts(record: GroupStatistics) -> tuple[Array, Array]:
    """Sums of verdicts of the answers and of what has none; those of a record without verdicts are not known."""
    if record.correct is not None and record.correct_missing is not None:
        return record.correct, record.correct_missing
    return np.full(len(record.counts), np.nan), np.where(record.missing > 0, np.nan, 0.0)


def spread(starts: Whole, lengths: Whole) -> Whole:
    """The integers from every start on, so many of each.

    >>> spread(np.array([10, 0]), np.array([2, 3])).tolist()
    [10, 11, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(int(ends[-1]) if len(ends) else 0)


def _numbers(column: Sequence[float | None] | None) -> Array | None:
    """None is NaN; a column without any number is none."""
    if column is None:
        return None
    numbers = np.array(column, dtype=np.float64)
    return None if np.isnan(numbers).all() else numbers


def _ranked(of_row: Whole, scores: Array | None) -> Array | None:
    if scores is None or not np.isfinite(scores).all():
        return None
    return scores[np.lexsort((scores, of_row))]


def _has_parts(verdicts: Array | None) -> bool:
    return verdicts is not None and not (np.isnan(verdicts) | np.isin(verdicts, (0.0, 1.0))).all()

"""From the caller's arguments to a layout: the dense form (..., K), the ragged form (N,) with group ids (N,)."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import read_mask
from polyest.errors import ArgumentError, warn
from polyest.online import backend
from polyest.online.answers import Answers, read_answers
from polyest.online.extras import Extras, check_bounded, no_answer_pay, read_weights, reference_values
from polyest.online.layout import Layout
from polyest.online.lookup import Lookup, Tables
from polyest.problems.problem import whole_number
from polyest.problems.targets import Target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.online.answers import AnswersLike
    from polyest.online.layout import Codes, Integers

Lookups = Callable[[list[int]], dict[int, Lookup]]

__all__ = ["Job", "Lookups", "Options", "arrange", "dense", "group_ids", "ragged"]


@dataclass(frozen=True)
class Options:
    """The arguments that every form takes; `kind` is rewards, advantages or values; `matches` where they are known."""

    kind: str
    target: str | Target
    reference: ArrayLike | None = None
    padding_id: Hashable = None
    no_answer_reward: float | None = None
    threads: int = 1
    weights: ArrayLike | None = None
    usable: ArrayLike | None = None
    matches: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Job:
    """The kind of score, the layout to score, what is paid besides its tables, the shape of the caller's answers.

    `missing` says which completions have no answer, shape (N,), whatever they are paid; None if all have one.
    """

    kind: str
    layout: Layout
    extras: Extras
    shape: tuple[int, ...]
    missing: NDArray[np.bool_] | None = None

    def of(self, kind: str, lookups: Lookups) -> Job:
        """The same answers for another kind of score."""
        sizes = [n for n in np.flatnonzero(np.bincount(self.layout.sizes)).tolist() if n > 1]
        tables = Tables.join(lookups(sizes), kind, self.extras.weights_of_counts is not None)
        return replace(self, kind=kind, layout=replace(self.layout, tables=tables))


def dense(lookup: Lookup, lookups: Lookups, answers: AnswersLike, options: Options) -> Job:
    """Answers (..., K). With padding, every group is scored with the table of as many completions as it really has."""
    read = _usable(read_answers(answers, options.padding_id), options.usable)
    shape, K = read.codes.shape, len(lookup.coefficients)
    if not shape or shape[-1] != K:
        raise ArgumentError(
            f"`answers` must have shape (..., {K}), as the table is for group_size={K}; got shape {shape}; load the "
            "table of that size, or pass flat answers and group ids to polyest.rewards"
        )
    if read.padding is None:
        starts = np.arange(0, read.codes.size + 1, K, dtype=np.int64)
        return _job(read, options, starts, {K: len(starts) - 1}, {K: lookup})
    starts = np.concatenate([[0], np.cumsum((~read.padding).reshape(-1, K).sum(axis=1))]).astype(np.int64)
    sizes = _sizes(starts)
    return _job(read, options, starts, sizes, lookups([*sizes]), np.flatnonzero(~read.padding))


def ragged(lookups: Lookups, answers: AnswersLike, groups: AnswersLike, options: Options) -> Job:
    """Answers (N,) and group ids (N,), in any order; padded rows count nowhere."""
    ids = group_ids(groups)
    order, starts = arrange(ids)
    read = _usable(read_answers(answers, options.padding_id, groups=(order, starts)), options.usable)
    shape = read.codes.shape
    if len(shape) != 1 or ids.shape != shape:
        raise ArgumentError(
            f"`answers` and `groups` must be flat and of equal length, got shapes {shape} and {ids.shape}; "
            "for an array of equal groups use polyest.load(...).rewards"
        )
    if read.padding is not None:
        kept = np.flatnonzero(~read.padding)
        order, starts = arrange(ids[kept])
        order = kept if order is None else kept[order]
    sizes = _sizes(starts)
    return _job(read, options, starts, sizes, lookups([*sizes]), order)


def _job(
    read: Answers,
    options: Options,
    starts: NDArray[np.int64],
    sizes: dict[int, int],
    found: dict[int, Lookup],
    rows: Integers | None = None,
) -> Job:
    """`sizes` counts the groups of each size, `found` has the look-up arrays of each."""
    threads, extras = whole_number("threads", options.threads, least=1), _extras(read, options)
    work = sum(groups * n * (n + backend.LOOKUP_WORK) for n, groups in sizes.items())
    codes = np.ascontiguousarray(read.codes.reshape(-1))
    tables = Tables.join(found, options.kind, extras.weights_of_counts is not None)
    layout = Layout(codes, starts, tables, work, rows, threads, options.matches)
    missing = None if read.missing is None else read.missing.reshape(-1)
    return Job(options.kind, layout, extras, read.codes.shape, missing)


def _usable(read: Answers, usable: ArrayLike | None) -> Answers:
    """The answers with those that are not usable taken for padding."""
    if usable is None:
        return read
    lost = ~read_mask(usable, read.codes.shape)
    return replace(read, padding=lost if read.padding is None else read.padding | lost)


def _sizes(starts: NDArray[np.int64]) -> dict[int, int]:
    """How many groups there are of each size of at least two; a warning if some have one completion."""
    counts = backend.choose(backend.LOOKUP_WORK * len(starts)).count_sizes(starts)
    if len(counts) > 1 and counts[1]:
        some = f"{counts[1]} of {counts[1:].sum()} groups have one completion"
        warn(f"{some}, which nothing can be compared with: scored NaN")
    return {n: int(counts[n]) for n in np.flatnonzero(counts).tolist() if n > 1}


def _extras(read: Answers, options: Options) -> Extras:
    pay, shape = no_answer_pay(options.no_answer_reward), read.codes.shape
    missing = read.missing if pay is not None else None
    reference, weights = options.reference, options.weights
    if weights is not None:
        weights = read_weights(weights, shape)
        if read.padding is not None and not (missing is None and reference is None):
            weights = np.where(read.padding.reshape(-1), 0.0, weights)
        if missing is not None:  # the kernels check the others
            check_bounded(weights)
    if reference is not None:
        unpaid = [mask for mask in (missing, read.padding) if mask is not None]
        ignored = np.logical_or.reduce(unpaid) if unpaid else None
        reference = reference_values(options.target, reference, shape, ignored).reshape(-1)
    return Extras(reference, None if missing is None else missing.reshape(-1), pay or 0.0, weights)


def arrange(ids: Codes) -> tuple[Integers | None, NDArray[np.int64]]:
    """Rows group by group, as (order, starts), see `polyest.online.numpy_backend.arrange`."""
    return backend.choose(backend.ROW_WORK * ids.size).arrange(ids.reshape(-1))


def group_ids(groups: AnswersLike) -> Codes:
    """The group of each completion as an integer, none of them missing."""
    read = read_answers(groups, argument="groups")
    if read.missing is not None:
        raise ArgumentError("`groups` must name the group of every completion, got None or NaN; drop these rows first")
    return read.codes

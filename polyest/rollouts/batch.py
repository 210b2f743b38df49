"""Whole groups in one call: a part of a log in the engine, a partition on a cluster, an Arrow batch of your own."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

import numpy as np

from polyest.errors import ArgumentError, nearest
from polyest.online import backend, numpy_backend
from polyest.online.answers import Answers
from polyest.online.grouping import arrange
from polyest.online.layout import blocks
from polyest.problems.budget import whole_number
from polyest.rollouts.scoring import score

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    from polyest.problems.budget import RaggedArguments

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["Part", "arranged_part", "part_of", "score_batch", "warmed_up"]


@dataclass(frozen=True, eq=False)
class Part:
    """Completions of whole groups, groups numbered in any order.

    Attributes:
        answers: codes, equal within a group where the answers are.
        of_row: the group of each completion, shape (N,).
        order: the completions group by group, shape (N,).
        firsts: the first completion of each group, shape (G,).
        prompts: the first completion of the group's prompt, shape (G,).
        sizes: completions of each group, shape (G,).
    """

    answers: Answers
    of_row: Whole
    order: Whole
    firsts: Whole
    prompts: Whole
    sizes: Whole

    @cached_property
    def counts(self) -> Whole:
        """How many of its group gave the answer of each completion, shape (N,); 1 where it has none."""
        import polyest

        work = int((self.sizes * (self.sizes + backend.LOOKUP_WORK)).sum())
        if backend.choose(work) is numpy_backend:
            counts = np.ones(len(self.of_row), np.int64)
            for _, _, rows in blocks(np.append(0, np.cumsum(self.sizes)), self.order):
                counts[rows] += numpy_backend.matches(self.answers.codes[rows])
            return counts
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* groups have one completion")
            shares = polyest.rewards(self.answers, self.of_row, "power(1)", "plug_in")  # (m + 1)/K
        counts, sizes = np.ones(len(shares), np.int64), self.sizes[self.of_row]
        known = slice(None) if (self.sizes > 1).all() else sizes > 1
        counts[known] = np.rint(shares[known] * sizes[known])
        return counts


def part_of(keys: Whole, answers: Whole, missing: NDArray[np.bool_], group_size: int | None = None) -> Part:
    """Completions by the codes of their prompts and answers, prompts cut in order into groups of `group_size`.

    >>> part_of(np.array([7, 3, 7, 7]), np.array([1, 1, 1, 2]), np.zeros(4, bool), group_size=2).of_row.tolist()
    [1, 0, 1, 2]
    """
    found, starts = arrange(keys)
    order: Whole = np.arange(len(keys)) if found is None else found.astype(np.int64)
    return arranged_part(order, starts, answers, missing, group_size)


def arranged_part(
    order: Whole, starts: Whole, answers: Whole, missing: NDArray[np.bool_], group_size: int | None
) -> Part:
    """The same of completions that are, in this order, those of one prompt from each of the starts on."""
    counts, number = np.diff(starts), len(order)
    width = min(group_size or number + 1, number + 1)
    pieces = -(-counts // width)
    within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begins = np.repeat(starts[:-1], pieces) + within * width
    sizes = np.diff(np.append(begins, number))
    of_row = np.empty(number, np.int64)
    of_row[order] = np.repeat(np.arange(len(sizes)), sizes)
    codes = np.where(missing, -1 - np.cumsum(missing), answers) if missing.any() else answers
    read = Answers(codes, missing if missing.any() else None)
    return Part(read, of_row, order, order[begins], np.repeat(order[starts[:-1]], pieces), sizes)


@contextmanager
def warmed_up(is_worth_it: bool = True) -> Iterator[None]:
    """Loads the compiled kernels in a thread meanwhile, which takes half a second of a processor."""
    thread = threading.Thread(target=_load_kernels, daemon=True)
    if is_worth_it:
        thread.start()
    try:
        yield
    finally:
        if is_worth_it:
            thread.join()


def _load_kernels() -> None:
    import polyest

    backend.choose(backend.COLD_WORK)
    keys, answers = np.arange(1 << 12) % 512, np.arange(1 << 12) % 3
    for call in (polyest.rewards, polyest.advantages, polyest.value):
        call(answers, keys, "power(1)", "plug_in")


def score_batch(
    batch: pyarrow.RecordBatch | pyarrow.Table,
    target: str,
    method: str | None = None,
    *,
    prompt_columns: Sequence[str] = ("prompt_id",),
    answer_column: str = "answer",
    reference_column: str | None = None,
    no_answer_reward: float | None = None,
    group_size: int | None = None,
    size_column: str | None = None,
    **budget: Unpack[RaggedArguments],
) -> pyarrow.Table:
    """A batch of whole groups with columns ``reward`` and ``advantage`` added, NaN in groups of one.

    A group that was cut would be scored as a smaller one; that is seen, and refused, only where its size is given.

    Args:
        batch: one row per completion, in any order; the rest, where it is not here, is as in `polyest.rewards`.
        prompt_columns, answer_column: any types that Arrow compares; a null or NaN answer is none.
        group_size, size_column: how many completions every group has, or a column that says so of the row's group.

    Raises:
        ArgumentError: no such column, or one in the new ones' place; a group that was cut.
        TableNotFoundError: there is no table for some size of group.

    >>> import pyarrow as pa
    >>> batch = pa.table({"prompt_id": [1, 1, 2, 1, 2], "answer": ["a", "b", "a", "a", None]})
    >>> score_batch(batch, "log", "harmonic")["reward"].to_pylist()
    [-0.5, -1.5, -1.0, -0.5, -1.0]
    """
    import pyarrow as pa

    table = pa.table(batch) if isinstance(batch, pa.RecordBatch) else batch
    _check_batch(table, prompt_columns)
    part = _whole_groups(table, prompt_columns, answer_column, group_size, size_column)
    reference = None if reference_column is None else _column(table, reference_column, "reference_column").to_numpy()
    scores = score(part.answers, part, target, method, reference=reference, no_answer_reward=no_answer_reward, **budget)
    table = table.append_column("reward", pa.array(scores.rewards))
    return table.append_column("advantage", pa.array(scores.advantages))


def _check_batch(table: pyarrow.Table, prompts: Sequence[str]) -> None:
    import pyarrow as pa

    if not isinstance(table, pa.Table):
        raise ArgumentError(f"`batch` must be a RecordBatch or a Table of Arrow; got a {type(table).__name__}")
    if isinstance(prompts, str) or not prompts:
        raise ArgumentError(f"`prompt_columns` must be a list of names, one at least; got {prompts!r}")
    if taken := {"reward", "advantage"}.intersection(table.column_names):
        raise ArgumentError(f"`batch` must have no columns reward and advantage; got {', '.join(taken)}; rename them")


def _whole_groups(
    table: pyarrow.Table, prompts: Sequence[str], answer: str, group_size: int | None, size_column: str | None
) -> Part:
    keys, _ = _codes(table, prompts, "prompt_columns")
    part = part_of(keys, *_codes(table, [answer], "answer_column"))
    _check_whole(part, group_size, None if size_column is None else _column(table, size_column, "size_column"))
    return part


def _codes(table: pyarrow.Table, names: Sequence[str], argument: str) -> tuple[Whole, NDArray[np.bool_]]:
    """Equal integers where the columns are equal together, and where the last is null or NaN."""
    import pyarrow as pa
    from pyarrow import compute

    codes, missing = np.zeros(len(table), np.int64), np.zeros(len(table), np.bool_)
    for name in names:
        column = _column(table, name, argument)
        try:
            column = _decoded(column)
            found = column.combine_chunks().dictionary_encode(null_encoding="encode")
            missing = compute.is_null(column, nan_is_null=True).to_numpy()
        except pa.ArrowException as error:
            raise ArgumentError(f"`{argument}` must name columns that Arrow compares; got {name!r}: {error}") from None
        codes = codes * max(len(found.dictionary), 1) + found.indices.to_numpy()
        codes = np.unique(codes, return_inverse=True)[1] if len(names) > 1 else codes
    return codes, missing


def _decoded(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """Without the dictionaries of its chunks, which may differ and have nulls."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return column
    return pa.chunked_array([chunk.dictionary_decode() for chunk in column.chunks], column.type.value_type)


def _column(table: pyarrow.Table, name: str, argument: str) -> pyarrow.ChunkedArray:
    known = table.column_names
    if known.count(name) != 1:
        raise ArgumentError(
            f"`{argument}` must name columns of the batch, {', '.join(known)}; got {name!r}{nearest(name, known)}"
        )
    return table[name]


def _check_whole(part: Part, group_size: int | None, column: pyarrow.ChunkedArray | None) -> None:
    sizes, given = part.sizes[part.of_row], []
    if group_size is not None:
        given.append(np.full(len(sizes), whole_number("group_size", group_size, least=1)))
    if column is not None:
        given.append(_integers(column))
    for expected in given:
        wrong = np.flatnonzero(sizes != expected)
        if len(wrong):
            raise ArgumentError(
                f"`batch` must hold whole groups of {expected[wrong[0]]} completions; got a group of "
                f"{sizes[wrong[0]]}; partition the rows by their group before scoring them"
            )


def _integers(column: pyarrow.ChunkedArray) -> Whole:
    import pyarrow as pa

    if not pa.types.is_integer(column.type) or column.null_count:
        kind = f"{column.type} with {column.null_count} nulls"
        raise ArgumentError(f"`size_column` must have the integer size of its group in every row; got {kind}")
    numbers: Whole = column.to_numpy()
    return numbers

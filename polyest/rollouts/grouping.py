"""From the rows of a log to groups of completions with answers that can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.log import Log

__all__ = ["Groups", "group_rows", "read_answers", "read_prompts", "share_correct"]


@dataclass(frozen=True)
class Groups:
    """Which group every row is in; groups are numbered by first appearance.

    Attributes:
        of_row: group of each row, shape (N,).
        prompts: prompt of each group.
        sizes: completions of each group.
    """

    of_row: NDArray[np.int64]
    prompts: list[Hashable]
    sizes: list[int]

    def count_by_size(self) -> dict[int, int]:
        """How many groups there are of each size."""
        return dict(sorted(Counter(self.sizes).items()))


def group_rows(prompts: Sequence[Hashable], group_size: int | None = None) -> Groups:
    """All completions of a prompt as one group, or cut, in order, into groups of `group_size` and a remainder.

    >>> group_rows(["x", "y", "x", "x"], group_size=2).of_row.tolist()
    [0, 1, 0, 2]
    """
    seen: dict[Hashable, int] = {}
    numbers: dict[tuple[Hashable, int], int] = {}
    of_row = np.empty(len(prompts), np.int64)
    for row, prompt in enumerate(prompts):
        place = seen.get(prompt, 0)
        seen[prompt] = place + 1
        of_row[row] = numbers.setdefault((prompt, place // group_size if group_size else 0), len(numbers))
    sizes: list[int] = np.bincount(of_row, minlength=len(numbers)).tolist()
    return Groups(of_row, [prompt for prompt, _ in numbers], sizes)


def read_prompts(log: Log, column: str) -> list[Hashable]:
    """The prompt of every row: strings or integers.

    Raises:
        ArgumentError: no such column, or a value that is neither; names the row.
    """
    prompts = log.column(column)
    for row, prompt in enumerate(prompts):
        if type(prompt) not in (str, int):
            raise ArgumentError(
                f"{log.place(row)}: {column!r} must be a string or an integer, got {_describe(prompt)}; "
                "give every prompt an id"
            )
    return prompts


def read_answers(log: Log, column: str) -> list[Hashable]:
    """The answer of every row; null (and NaN) is "no answer".

    Raises:
        ArgumentError: no such column, a float, or a value that cannot be hashed; names the row.
    """
    answers = log.column(column)
    for row, answer in enumerate(answers):
        if type(answer) in (str, int):
            continue
        if isinstance(answer, float) and answer != answer:
            answers[row] = None
        elif isinstance(answer, float | list | dict):
            raise ArgumentError(
                f"{log.place(row)}: {column!r} must be a string, an integer or null, got {_describe(answer)}; "
                "write answers in one canonical form, as strings"
            )
    return answers


def share_correct(log: Log, column: str | None) -> float | None:
    """The share of correct completions among those that say so; None if none does.

    Raises:
        ArgumentError: the column that was asked for is not there, or holds something else than true and false.
    """
    name, values = column or "correct", log.column(column or "correct", optional=column is None)
    known = [(row, value) for row, value in enumerate(values) if value is not None]
    for row, value in known:
        if value not in (0, 1):
            raise ArgumentError(
                f"{log.place(row)}: {name!r} must be true or false, got {_describe(value)}; "
                "name another column with --correct-column"
            )
    return sum(value for _, value in known) / len(known) if known else None


def _describe(value: Any) -> str:
    names = {float: "the float", list: "the list", dict: "the object", type(None): "null", bool: "the boolean"}
    text = repr(value)
    kind = names.get(type(value), type(value).__name__)
    return kind if value is None else f"{kind} {text if len(text) <= 40 else text[:40] + '…'}"

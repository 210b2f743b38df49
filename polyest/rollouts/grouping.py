"""From the rows of a log to groups of completions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from polyest.errors import ArgumentError
from polyest.online.hashable_answers import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64] | NDArray[np.int64]

    from polyest.rollouts.log import Log

__all__ = ["Groups", "describe", "group_rows", "read_prompts"]


S = TypeVar("S", np.float64, np.int64)


@dataclass(frozen=True)
class Groups:
    """Which group every row is in; groups and prompts are numbered by first appearance.

    Attributes:
        of_row: group of each row, shape (N,).
        prompt_of: number of the prompt of each group, shape (G,).
        prompts: the prompts.
        sizes: completions of each group.
    """

    of_row: NDArray[np.int64]
    prompt_of: NDArray[np.int64]
    prompts: list[Hashable]
    sizes: list[int]


def group_rows(prompts: Sequence[Hashable], group_size: int | None = None) -> Groups:
    """All completions of a prompt as one group, or cut, in order, into groups of `group_size` and a remainder.

    >>> group_rows(["x", "y", "x", "x"], group_size=2).of_row.tolist()
    [0, 1, 0, 2]
    """
    numbers, distinct = encode([*prompts], "prompts")
    width = len(prompts) + 1
    parts = _places(numbers) // min(group_size or width, width)
    of_row, cells = encode((numbers * width + parts).tolist(), "prompts")
    prompt_of = np.array(cells, np.int64) // width
    sizes: list[int] = np.bincount(of_row, minlength=len(cells)).tolist()
    return Groups(of_row, prompt_of, distinct, sizes)


def _places(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rows with the same number come before each.

    >>> _places(np.array([0, 1, 0, 0])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(numbers, kind="stable")
    counts = np.bincount(numbers)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    places = np.empty_like(numbers)
    places[order] = np.arange(len(numbers)) - starts
    return places


def read_prompts(log: Log, names: Sequence[str]) -> list[Hashable]:
    """The prompt of every row: a string or an integer, or a tuple of them if several columns name it.

    Raises:
        ArgumentError: no such column, or a value that is neither; names the row.
    """
    columns = [_ids(log, name) for name in dict.fromkeys(names)]
    return columns[0] if len(columns) == 1 else [*zip(*columns, strict=True)]


def _ids(log: Log, name: str) -> list[Hashable]:
    ids = log.column(name)
    for row, prompt in enumerate(ids):
        if type(prompt) not in (str, int):
            raise ArgumentError(
                f"{log.place(row)}: {name!r} must be a string or an integer, got {describe(prompt)}; "
                "give every prompt an id"
            )
    return ids


def describe(value: object) -> str:
    """What a value is, for error messages."""
    names = {float: "the float", list: "the list", dict: "the object", type(None): "null", bool: "the boolean"}
    try:
        text = repr(value)
    except ValueError:
        text = "of thousands of digits"
    kind = names.get(type(value), type(value).__name__)
    return kind if value is None else f"{kind} {text if len(text) <= 40 else text[:40] + '…'}"

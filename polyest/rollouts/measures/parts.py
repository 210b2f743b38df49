"""Parts of a log, such as its steps, and its prompts, as numbers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from polyest.online.hashable_answers import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.statistics import GroupStatistics

    Whole = NDArray[np.int64]

__all__ = ["TO_STEP", "numbered", "parts_of", "prompt_columns", "prompt_numbers", "step_numbers", "step_spans"]

TO_STEP = "to step"


def numbered(column: Sequence[Hashable]) -> tuple[Whole, list[Hashable]]:
    """The number of every value, and the values: integers in order, others as they appear; 1, 1.0 and true differ.

    >>> numbered([20, 3, 20])[1], numbered(["b", "a"])[1], numbered([True, 1])[1]
    ([3, 20], ['b', 'a'], [True, 1])
    """
    if len({*map(type, column)}) > 1:
        codes, pairs = encode([*zip(map(type, column), column, strict=True)], "parts")
        return codes, [value for _, value in cast("list[tuple[type, Hashable]]", pairs)]
    codes, names = encode([*column], "parts")
    values: list[Hashable] = [*names]
    if not all(type(value) is int for value in values):
        return codes, values
    order = sorted(range(len(values)), key=lambda i: cast("int", values[i]))
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    return rank[codes], [values[i] for i in order]


def prompt_columns(statistics: GroupStatistics) -> list[str]:
    """The keys that name a prompt wherever it comes: all but the step."""
    return [name for name in statistics.keys if name != "step"]


def prompt_numbers(statistics: GroupStatistics, without: Sequence[str] = ()) -> Whole:
    """The number of every group's prompt, shape (G,)."""
    columns = [name for name in prompt_columns(statistics) if name not in without]
    return parts_of(statistics.keys, columns, len(statistics.sizes))[0]


def step_numbers(statistics: GroupStatistics) -> Whole:
    """The number of every group's step, shape (G,), among those of the whole log."""
    every = statistics.all_steps
    return numbered([*every, *statistics.keys["step"]])[0][len(every) :]


def step_spans(statistics: GroupStatistics, most: int) -> dict[str, list[Hashable]]:
    """The step of every group, length G; of more than `most` steps the first and the last of the span that it is in.

    Spans have equally many steps of the whole log, the last one what is left.
    """
    own = statistics.keys["step"]
    steps = numbered([*(statistics.all_steps or own)])[1]
    width = -(-len(steps) // most)
    if width == 1:
        return {"step": own}
    spans = (step_numbers(statistics) // width).tolist()
    firsts, lasts = steps[::width], [*steps[width - 1 :: width], steps[-1]]
    return {"step": [firsts[i] for i in spans], TO_STEP: [lasts[i] for i in spans]}


def parts_of(
    keys: Mapping[str, Sequence[Hashable]], columns: Sequence[str], number: int
) -> tuple[Whole, dict[str, list[Hashable]]]:
    """The part of each of so many groups, and the columns of each part; all groups are one part without columns."""
    part, found = np.zeros(number, np.int64), np.zeros(1, np.int64)
    values: list[tuple[str, list[Hashable]]] = []
    for name in columns:
        codes, names = numbered(keys[name])
        found, part = np.unique(part * len(names) + codes, return_inverse=True)
        earlier = found // len(names)
        values = [(column, [those[i] for i in earlier.tolist()]) for column, those in values]
        values.append((name, [names[i] for i in (found % len(names)).tolist()]))
    return part, dict(values)

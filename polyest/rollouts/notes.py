"""What is worth saying about a log that can be scored, and may yet be another one than was meant."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from polyest.online.hashable_answers import encode
from polyest.rollouts.answers import likely_sentinels
from polyest.rollouts.grouping import Groups

__all__ = ["about_answers", "about_groups"]

FEWEST, NEARLY_ALL = 4, 0.9  # answers that differ, and their share


def about_groups(groups: Groups, group_size: int | None) -> Iterator[str]:
    """Groups of one, and prompts that `group_size` does not divide."""
    alone = groups.sizes.count(1)
    if alone:
        yield f"{alone} groups have one completion and cannot be scored: null"
    if group_size is None:
        return
    counts = [int(sizes.sum()) for sizes in groups.of_each_prompt(np.array(groups.sizes, np.int64))]
    fewer = sum(count < group_size for count in counts)
    uneven = sum(count > group_size and count % group_size != 0 for count in counts)
    if fewer:
        yield f"--group-size {group_size} exceeds the completions of {fewer} of {len(counts)} prompts: smaller groups"
    if uneven:
        yield f"--group-size {group_size} does not divide the completions of {uneven} of {len(counts)} prompts"


def about_answers(groups: Groups, answers: Sequence[Hashable], column: str) -> Iterator[str]:
    """Strings that may mean "no answer", and answers that are all the same or nearly all different."""
    found = ", ".join(f"{name!r} ({count} times)" for name, count in likely_sentinels(answers).items())
    if found:
        yield f"{column!r} has {found}, counted as an answer; if it means none, name it with --no-answer"
    given = np.array([answer is not None for answer in answers])
    codes, distinct = encode([*answers], "answers")
    cells = groups.of_row * len(distinct) + codes
    pairs, counts = np.unique(cells[given], return_counts=True)
    scored = np.array(groups.sizes)[pairs // max(len(distinct), 1)] > 1
    pairs, counts = pairs[scored], counts[scored]
    if not given.any():
        yield f"no completion has an answer in {column!r}"
    elif len(pairs) and given.all() and len(pairs) == len(groups.sizes) - groups.sizes.count(1):
        yield f"every group has one distinct answer in {column!r}; is it the gold answer, not that of the completion?"
    elif np.count_nonzero(counts == 1) >= max(FEWEST, NEARLY_ALL * counts.sum()):
        yield f"nearly all answers in {column!r} differ from all others of their group; are they whole texts?"

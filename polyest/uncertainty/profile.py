"""What the error of a group's value depends on: how often each answer came, not which answers they are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.online.layout import blocks
from polyest.online.numpy_backend import matches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.grouping import Job

__all__ = ["Cell", "Profile", "profiles"]


@dataclass(frozen=True, order=True)
class Cell:
    """Answers that are alike: each came `count` times, and there are `many` of them.

    Attributes:
        offset: r(q), what a reference takes off each of their rewards.
        is_missing: whether it is "no answer", which matches nothing.
    """

    count: int
    offset: float
    is_missing: bool
    many: int


@dataclass(frozen=True)
class Profile:
    """The cells of a group of `size` completions, in ascending order."""

    size: int
    cells: tuple[Cell, ...]


def profiles(job: Job) -> tuple[list[Profile], NDArray[np.int64]]:
    """The profiles that occur, and which of them each group has, shape (G,); −1 for fewer than two completions."""
    found: dict[Profile, int] = {}
    index = np.full(len(job.layout.starts) - 1, -1, np.int64)
    for _, members, rows in blocks(job.layout.starts, job.layout.rows):
        index[members] = [found.setdefault(profile, len(found)) for profile in _of_block(job, rows)]
    return list(found), index


def _of_block(job: Job, rows: NDArray[np.integer]) -> Iterable[Profile]:
    """The profile of each group, whose completions lie at `rows`, (G, n)."""
    codes, reference = job.layout.codes[rows], job.extras.reference
    if job.missing is None and reference is None:
        return _by_histogram(_histogram(matches(codes)))
    offsets: NDArray[np.float64] = np.zeros(rows.shape) if reference is None else reference[rows]
    missing = np.zeros(rows.shape, np.bool_) if job.missing is None else job.missing[rows]
    return map(_by_answer, codes.tolist(), offsets.tolist(), missing.tolist())


def _histogram(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many completions of each group have 0, 1, … n−1 matches, shape (G, n)."""
    groups, size = counts.shape
    cells = counts + size * np.arange(groups)[:, None]
    return np.bincount(cells.ravel(), minlength=groups * size).reshape(groups, size)


def _by_histogram(rows: NDArray[np.int64]) -> Iterable[Profile]:
    """From how many completions of each group have 0, 1, … matches; equal rows are looked at once."""
    keys = [row.tobytes() for row in rows]
    made = {}
    for key, number in dict(zip(keys, range(len(keys)), strict=True)).items():
        counts = enumerate(rows[number].tolist(), start=1)
        made[key] = Profile(rows.shape[1], tuple(Cell(n, 0.0, False, total // n) for n, total in counts if total))
    return (made[key] for key in keys)


def _by_answer(codes: list[int], offsets: list[float], missing: list[bool]) -> Profile:
    """From the completions of one group; an answer's offset is the mean of its completions'."""
    paid: dict[int | None, list[float]] = {}
    for code, offset, is_missing in zip(codes, offsets, missing, strict=True):
        paid.setdefault(None if is_missing else code, []).append(offset)
    alike = Counter((len(r), math.fsum(r) / len(r), answer is None) for answer, r in paid.items())
    return Profile(len(codes), tuple(Cell(*kind, many) for kind, many in sorted(alike.items())))

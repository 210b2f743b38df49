"""The pools that a batch of new completions makes with earlier ones of the same prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from polyest.history.fingerprints import NO_ANSWER
from polyest.online.answers import Answers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Codes = NDArray[np.int64]

Value = TypeVar("Value", bound=np.generic)

__all__ = ["Block", "Compared", "Pools"]


class Block(NamedTuple):
    """Pools of the same make, N completions each, the k new ones last.

    Attributes:
        answers: shape (B, N).
        weights: shape (B, N); None where there are none.
        rows: where the new ones stand in the batch, shape (B, k).
    """

    answers: Answers
    weights: Array | None
    rows: Codes


class Compared(NamedTuple):
    """The completions of all pools of two or more, M, pool by pool, oldest first.

    Attributes:
        answers: shape (M,); small integers, equal within a pool if and only if the answers are.
        matches: how many others of the pool have the same answer, shape (M,).
        weights: shape (M,); None where there are none.
        owner: the pool of each, shape (M,).
        starts: where each of the P pools begins.
        is_new: which are of this visit, shape (M,); `rows` says where these stand in the batch.
    """

    answers: Answers
    matches: Codes
    weights: Array | None
    owner: Codes
    starts: Codes
    is_new: NDArray[np.bool_]
    rows: Codes


@dataclass(frozen=True)
class Pools:
    """A batch's completions, prompt by prompt, and those of the same prompts' earlier visits.

    Attributes:
        keys, turns: of the P prompts.
        rows: the batch's rows prompt by prompt, shape (N,).
        sizes: how many completions each visit has: column 0 the new ones, column a those of a visits before, (P, T).
        codes, weights: of earlier and new completions, prompt by prompt, oldest first; weights are None without.
        pooled: how many completions each pool has: the new ones, and the latest of the earlier ones, shape (P,).
    """

    keys: Codes
    turns: Codes
    rows: Codes
    sizes: Codes
    codes: Codes
    weights: Array | None
    pooled: Codes

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which prompts have been here before, shape (P,)."""
        return self.turns > 0

    def take(self, pooled: Codes) -> Pools:
        """The same with other pool sizes."""
        return replace(self, pooled=pooled)

    def head(self, prompts: int | None) -> Pools:
        """The first few; all for None."""
        codes = self.codes[: self.sizes[:prompts].sum()]
        columns = {name: getattr(self, name)[:prompts] for name in ("keys", "turns", "sizes", "pooled")}
        return replace(self, codes=codes, weights=None, **columns)

    @cached_property
    def compared(self) -> Compared:
        """All completions that are pooled with others."""
        counts, new = np.where(self.pooled > 1, self.pooled, 0), self.sizes[:, 0]
        starts, ends = np.cumsum(counts) - counts, np.cumsum(self.sizes.sum(axis=1))
        owner = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(owner)) - np.repeat(starts, counts)
        kept = place + np.repeat(ends - counts, counts)
        answers, matches = _compared(self.codes[kept], owner, place, counts)
        return Compared(
            answers=answers,
            matches=matches,
            weights=None if self.weights is None else self.weights[kept],
            owner=owner,
            starts=starts,
            is_new=place >= np.repeat(counts - new, counts),
            rows=self.rows[np.repeat(counts > 0, new)],
        )

    @cached_property
    def blocks(self) -> list[Block]:
        """The pools of two or more, those of the same size and number of new completions together."""
        new, (answers, _, weights, _, starts, *_) = self.sizes[:, 0], self.compared
        first_rows, blocks = np.cumsum(new) - new, []
        for size, k in sorted({*zip(self.pooled.tolist(), new.tolist(), strict=True)}):
            chosen = np.flatnonzero((self.pooled == size) & (new == k) & (self.pooled > 1))
            places = starts[chosen, None] + np.arange(size)
            missing = None if answers.missing is None else answers.missing[places]
            own = Answers(answers.codes[places], missing), None if weights is None else weights[places]
            blocks.append(Block(*own, self.rows[first_rows[chosen, None] + np.arange(k)]))
        return blocks

    def spread(self, score: Callable[[Block], Array]) -> Array:
        """What `score` gives the completions of each block, shape (B, N), for the new ones in the batch's order."""
        result = np.full(len(self.rows), np.nan)
        for block in self.blocks:
            result[block.rows] = score(block)[:, -block.rows.shape[1] :]
        return result

    def by_visit(self, values: NDArray[Value]) -> NDArray[Value]:
        """What belongs to each visit, shape (P, T), for each completion, in the order of `codes`."""
        return np.repeat(values[:, ::-1].reshape(-1), self.sizes[:, ::-1].reshape(-1))

    def ages(self) -> tuple[Codes, Codes]:
        """Of each completion its prompt, 0..P−1, and how many visits ago it was made, in the order of `codes`."""
        grid: Codes = np.indices(self.sizes.shape, np.int64)
        return self.by_visit(grid[0]), self.by_visit(grid[1])


def _compared(codes: Codes, owner: Codes, place: Codes, counts: Codes) -> tuple[Answers, Codes]:
    """Small integers for fingerprints, and how many others of the same owner have the same one; owners ascend.

    One without an answer has an integer of its own, and no matches.
    """
    order = np.argsort(codes)
    few = owner.astype(np.uint16) if len(owner) and owner[-1] < 1 << 16 else owner  # which are sorted by their digits
    order = order[np.argsort(few[order], kind="stable")]
    ranked = codes[order]
    begins = place == 0
    begins[1:] |= ranked[1:] != ranked[:-1]
    cell = np.cumsum(begins) - 1
    numbers: NDArray[np.signedinteger] = np.empty(len(codes), f"i{2 if counts.max(initial=0) < 1 << 15 else 8}")
    numbers[order] = cell - np.repeat(cell[place == 0], counts[counts > 0])
    matches = np.empty_like(codes)
    matches[order] = (np.bincount(cell, minlength=1) - 1)[cell]
    missing = codes == NO_ANSWER
    if not missing.any():
        return Answers(numbers), matches
    numbers[missing], matches[missing] = -1 - place[missing], 0
    return Answers(numbers, missing), matches

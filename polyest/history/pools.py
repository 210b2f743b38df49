"""The pools that a batch of new completions makes with earlier ones of the same prompts."""

from __future__ import annotations

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

__all__ = ["Compared", "Pools"]


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
        """The first few, without weights; the same where these are all, whatever is computed of it at hand."""
        if prompts is None or prompts >= len(self.keys):
            return self
        columns = {name: getattr(self, name)[:prompts] for name in ("keys", "turns", "sizes", "pooled")}
        rows, codes = self.rows[: self.sizes[:prompts, 0].sum()], self.codes[: self.sizes[:prompts].sum()]
        return replace(self, rows=rows, codes=codes, weights=None, **columns)

    @property
    def whole(self) -> Pools:
        """The same with all completions in them; these, without a reference to themselves, if they have all."""
        return self if np.array_equal(self.pooled, self.sizes.sum(axis=1)) else self._extended

    @cached_property
    def _extended(self) -> Pools:
        return self.take(self.sizes.sum(axis=1))

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

    def paid(self, scores: Array) -> Array:
        """Those of the new completions among scores of all that are compared, in the batch's order; NaN for others."""
        result = np.full(len(self.rows), np.nan)
        result[self.compared.rows] = scores[self.compared.is_new]
        return result

    def by_visit(self, values: NDArray[Value]) -> NDArray[Value]:
        """What belongs to each visit, shape (P, T), for each completion, in the order of `codes`."""
        return np.repeat(values[:, ::-1].reshape(-1), self.sizes[:, ::-1].reshape(-1))


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

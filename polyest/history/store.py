"""The last visits of many prompts, and the pools that a batch of new completions makes with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from polyest.errors import ArgumentError
from polyest.history.fingerprints import NO_ANSWER, mixed
from polyest.identity import without
from polyest.online.answers import Answers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Codes = NDArray[np.int64]

__all__ = ["LARGEST_POOL", "Block", "Past", "Pools", "VisitStore", "pasts"]

LARGEST_POOL = 1024  # completions; of what is older nothing is remembered


class Past(NamedTuple):
    """What is kept of a prompt: the completions of its last visits, oldest first.

    Attributes:
        codes: int64 fingerprints of their answers.
        weights: float64; empty where visits had none.
        sizes: int64, how many completions each visit has left.
        turn: how many visits there were.
    """

    codes: bytes
    weights: bytes
    sizes: bytes
    turn: int


NOTHING_YET = Past(b"", b"", b"", 0)


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

    def blocks(self) -> Iterator[Block]:
        """All pools, those of the same size and number of new completions together."""
        ends, new = np.cumsum(self.sizes.sum(axis=1)), self.sizes[:, 0]
        first_rows = np.cumsum(new) - new
        for size, k in np.unique(np.stack([self.pooled, new]), axis=1).T.tolist():
            chosen = np.flatnonzero((self.pooled == size) & (new == k))
            places = ends[chosen, None] - size + np.arange(size)
            codes = self.codes[places]
            weights = None if self.weights is None else self.weights[places]
            yield Block(_answers(codes), weights, self.rows[first_rows[chosen, None] + np.arange(k)])

    def spread(self, score: Callable[[Block], Array]) -> Array:
        """What `score` gives the completions of each block, shape (B, N), for the new ones in the batch's order."""
        result = np.full(len(self.rows), np.nan)
        for block in self.blocks():
            if block.answers.codes.shape[1] > 1:
                result[block.rows] = score(block)[:, -block.rows.shape[1] :]
        return result

    def ages(self) -> tuple[Codes, Codes]:
        """Of each completion its prompt, 0..P−1, and how many visits ago it was made, in the order of `codes`."""
        prompts, visits = self.sizes.shape
        counts = self.sizes[:, ::-1].reshape(-1)
        ages = np.tile(np.arange(visits - 1, -1, -1), prompts)
        return np.repeat(np.arange(prompts), self.sizes.sum(axis=1)), np.repeat(ages, counts)


class VisitStore:
    """Remembers the last T−1 visits of at most `max_prompts` prompts; the least recently visited are dropped.

    Args:
        visits, forgetting, seed: see `polyest.history.TrainingHistory`; what is forgotten is a function of the seed,
            the prompt, its number of visits and the completion's place, and so the same in every process.
        max_prompts: at least 1.
    """

    def __init__(self, visits: int, forgetting: float, max_prompts: int, seed: int) -> None:
        self.visits, self.forgetting, self.max_prompts, self.seed = visits, forgetting, max_prompts, seed
        self.prompts: dict[int, Past] = {}
        self._replaced: dict[int, Past | None] = {}  # by the last batch

    def restore(self, prompts: dict[int, Past]) -> None:
        """Go on from what was remembered elsewhere."""
        self.prompts, self._replaced = prompts, {}

    def before_last(self) -> dict[int, Past]:
        """What was remembered before the last batch, whose prompts come first."""
        merged = self._replaced | self.prompts | self._replaced
        return {key: past for key, past in merged.items() if past is not None}

    @property
    def weighted(self) -> bool | None:
        """Whether completions were remembered with weights; None as long as none were."""
        return next((bool(entry.weights) for entry in self.prompts.values() if entry.codes), None)

    def pools(self, keys: Codes, codes: Codes, weights: Array | None) -> Pools:
        """The pools of a batch with all that is remembered; `keys` name the prompt of each completion, shape (N,)."""
        prompts, which = np.unique(keys, return_inverse=True)
        rows, new = np.argsort(which, kind="stable"), np.bincount(which, minlength=len(prompts))
        past = [self.prompts.get(key, NOTHING_YET) for key in prompts.tolist()]
        sizes = np.zeros((len(past), self.visits), np.int64)
        for line, entry in zip(sizes, past, strict=True):
            counts = np.frombuffer(entry.sizes, np.int64)
            line[1 : len(counts) + 1] = counts[::-1]
        turns = np.array([entry.turn for entry in past], np.int64)
        old = np.frombuffer(b"".join(entry.codes for entry in past), np.int64)
        old_weights = np.frombuffer(b"".join(entry.weights for entry in past), np.float64)
        self._check_weights(weights)
        pools = Pools(prompts, turns, rows, sizes, old, None if weights is None else old_weights, sizes.sum(axis=1))
        return self._joined(self._thinned(pools), new, codes[rows], None if weights is None else weights[rows])

    def remember(self, pools: Pools) -> None:
        """Keep the visit for the next time."""
        if self.visits == 1:
            return
        owner, age = pools.ages()
        later = np.cumsum(pools.sizes, axis=1)[owner, age]  # of that visit and those after it
        kept = (age < self.visits - 1) & (later <= LARGEST_POOL)
        weights = b"" if pools.weights is None else pools.weights[kept].tobytes()
        sizes = np.bincount(owner[kept] * self.visits + age[kept], minlength=pools.sizes.size)
        sizes = sizes.reshape(pools.sizes.shape)[:, self.visits - 2 :: -1]
        ends = (8 * np.cumsum(sizes.sum(axis=1))).tolist()
        columns = pools.codes[kept].tobytes(), weights, np.ascontiguousarray(sizes).tobytes()
        keys = pools.keys.tolist()
        self._replaced = {key: self.prompts.pop(key, None) for key in keys}
        self.prompts.update(zip(keys, pasts(*columns, ends, (pools.turns + 1).tolist()), strict=True))
        while len(self.prompts) > self.max_prompts:
            oldest = next(iter(self.prompts))
            self._replaced.setdefault(oldest, self.prompts.pop(oldest))

    def _check_weights(self, weights: Array | None) -> None:
        if self.weighted not in (None, weights is not None):
            this, others = ("without", "with") if self.weighted else ("with", "without")
            raise ArgumentError(
                f"`weights` must be given at every visit or at none, got a visit {this} them after visits {others}; "
                "use another history"
            )

    def _thinned(self, pools: Pools) -> Pools:
        """Each earlier completion kept with probability γ."""
        if self.forgetting == 1:
            return pools
        owner, age = pools.ages()
        place = np.arange(len(owner)) - (np.cumsum(pools.pooled) - pools.pooled)[owner]
        draw = mixed(pools.keys.view(np.uint64) ^ mixed(np.array([self.seed], np.uint64)))
        draw = mixed(mixed(draw + pools.turns.view(np.uint64))[owner] + place.view(np.uint64))
        kept = (draw >> np.uint64(11)) * 2.0**-53 < self.forgetting
        sizes = np.bincount(owner[kept] * self.visits + age[kept], minlength=pools.sizes.size)
        weights = None if pools.weights is None else pools.weights[kept]
        return replace(pools, sizes=sizes.reshape(pools.sizes.shape), codes=pools.codes[kept], weights=weights)

    def _joined(self, pools: Pools, new: Codes, codes: Codes, weights: Array | None) -> Pools:
        """With the new completions after the earlier ones of each prompt."""
        prompts = np.arange(len(new))
        owner = np.concatenate([pools.ages()[0], np.repeat(prompts, new)])
        order = np.argsort(owner, kind="stable")
        sizes = pools.sizes.copy()
        sizes[:, 0] = new
        joined = None if weights is None else np.concatenate([pools.weights, weights])[order]
        return replace(
            pools,
            sizes=sizes,
            codes=np.concatenate([pools.codes, codes])[order],
            weights=joined,
            pooled=np.minimum(sizes.sum(axis=1), np.maximum(LARGEST_POOL, new)),
        )


def pasts(codes: bytes, weights: bytes, sizes: bytes, ends: list[int], turns: list[int]) -> Iterator[Past]:
    """What is kept of each prompt, from what is kept of all, one after another; `ends` are those of its codes."""
    width = len(sizes) // max(len(turns), 1)
    for place, (start, end, turn) in enumerate(zip([0, *ends], ends, turns, strict=False)):
        yield Past(codes[start:end], weights[start:end], sizes[place * width : (place + 1) * width], turn)


def _answers(codes: Codes) -> Answers:
    """Fingerprints, shape (B, N), as the runtime reads answers; it compares small integers faster."""
    order = np.argsort(codes, axis=1)
    ranked = np.take_along_axis(codes, order, axis=1)
    ranks = np.zeros(codes.shape, np.int16 if codes.shape[1] < 2**15 else np.int64)
    steps = np.cumsum(ranked[:, 1:] != ranked[:, :-1], axis=1, dtype=ranks.dtype)
    np.put_along_axis(ranks, order[:, 1:], steps, axis=1)
    missing = codes == NO_ANSWER
    return without(Answers(ranks), missing) if missing.any() else Answers(ranks)

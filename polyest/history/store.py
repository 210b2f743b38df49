"""The last visits of many prompts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from polyest.errors import ArgumentError
from polyest.history.fingerprints import mixed
from polyest.history.pools import Pools

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Codes = NDArray[np.int64]

Number = TypeVar("Number", np.float64, np.int64)

__all__ = ["LARGEST_POOL", "Past", "VisitStore", "pasts"]

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
        rows = np.argsort(keys, kind="stable")
        prompts, firsts = _runs(keys[rows])
        new = np.diff(firsts, append=len(rows))
        nothing_yet = Past(b"", b"", bytes(8 * (self.visits - 1)), 0)
        past = [self.prompts.get(key, nothing_yet) for key in prompts.tolist()]
        earlier = np.frombuffer(b"".join(entry.sizes for entry in past), np.int64).reshape(len(past), self.visits - 1)
        sizes = np.column_stack([np.zeros(len(past), np.int64), earlier[:, ::-1]])
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
        stays = np.cumsum(pools.sizes, axis=1) <= LARGEST_POOL  # with the visits after it
        stays[:, -1] = False
        kept = pools.by_visit(stays)
        weights = b"" if pools.weights is None else pools.weights[kept].tobytes()
        sizes = np.where(stays, pools.sizes, 0)[:, self.visits - 2 :: -1]
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
        place = np.arange(len(pools.codes)) - np.repeat(np.cumsum(pools.pooled) - pools.pooled, pools.pooled)
        draw = mixed(pools.keys.view(np.uint64) ^ mixed(np.array([self.seed], np.uint64)))
        draw = np.repeat(mixed(draw + pools.turns.view(np.uint64)), pools.pooled)
        kept = (mixed(draw + place.view(np.uint64)) >> np.uint64(11)) * 2.0**-53 < self.forgetting
        ends = np.cumsum(pools.sizes[:, ::-1])
        sizes = np.diff(np.append(0, np.cumsum(kept))[ends], prepend=0).reshape(pools.sizes.shape)[:, ::-1]
        weights = None if pools.weights is None else pools.weights[kept]
        return replace(pools, sizes=sizes, codes=pools.codes[kept], weights=weights)

    def _joined(self, pools: Pools, new: Codes, codes: Codes, weights: Array | None) -> Pools:
        """With the new completions after the earlier ones of each prompt."""
        counts = np.stack([pools.sizes.sum(axis=1), new], axis=1)
        is_new = np.repeat(np.tile([False, True], len(new)), counts.reshape(-1))
        sizes = pools.sizes.copy()
        sizes[:, 0] = new
        return replace(
            pools,
            sizes=sizes,
            codes=_merged(is_new, pools.codes, codes),
            weights=None if weights is None or pools.weights is None else _merged(is_new, pools.weights, weights),
            pooled=np.minimum(sizes.sum(axis=1), np.maximum(LARGEST_POOL, new)),
        )


def pasts(codes: bytes, weights: bytes, sizes: bytes, ends: list[int], turns: list[int]) -> Iterator[Past]:
    """What is kept of each prompt, from what is kept of all, one after another; `ends` are those of its codes."""
    width = len(sizes) // max(len(turns), 1)
    for place, (start, end, turn) in enumerate(zip([0, *ends], ends, turns, strict=False)):
        yield Past(codes[start:end], weights[start:end], sizes[place * width : (place + 1) * width], turn)


def _runs(ascending: Codes) -> tuple[Codes, Codes]:
    """The different ones, and where each begins."""
    firsts = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1])[: len(ascending)])
    return ascending[firsts], firsts


def _merged(is_new: NDArray[np.bool_], old: NDArray[Number], new: NDArray[Number]) -> NDArray[Number]:
    """Both in their order, each where it belongs."""
    merged = np.empty(len(is_new), new.dtype)
    merged[is_new] = new
    merged[~is_new] = old
    return merged

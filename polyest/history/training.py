"""Pooling in training: whole batches of prompts that come back, of which only the new completions are paid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

import numpy as np

from polyest.arrays import read_mask
from polyest.errors import ArgumentError
from polyest.history.choice import Choice
from polyest.history.fingerprints import NO_ANSWER, read
from polyest.history.movement import Movement, Watch
from polyest.history.settings import PoolSettings
from polyest.history.snapshot import Snapshot, read_snapshot, write_snapshot
from polyest.online import grouping, scoring
from polyest.online.extras import read_weights
from polyest.problems.budget import BudgetArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from polyest.history.pools import Pools
    from polyest.online.answers import AnswersLike
    from polyest.problems.targets import Target

    Array = NDArray[np.float64]
    Codes = NDArray[np.int64]

__all__ = ["PooledBatch", "TrainingHistory"]


@dataclass(frozen=True)
class PooledBatch:
    """The scores of a batch's completions, each paid as a member of its prompt's pool; computed when first read.

    Attributes:
        shape: of the answers.
        pools: the completions that count, with those of earlier visits.
        choice: the tables.
        places: where the completions that count stand among all, flat.
        no_answer_reward: see `TrainingHistory.score`.
    """

    shape: tuple[int, ...]
    pools: Pools
    choice: Choice
    places: NDArray[np.int64]
    no_answer_reward: float | None

    @cached_property
    def rewards(self) -> Array:
        """w_i·c_N[M_i], M_i the matches among the other N−1 of the pool, in the shape of the answers; NaN if N = 1."""
        return self._scores("rewards")

    @cached_property
    def advantages(self) -> Array:
        """`rewards` less the exact leave-one-out baseline over the pool (theory.md §5 and §9), in that shape too."""
        return self._scores("advantages")

    @cached_property
    def pool_sizes(self) -> NDArray[np.int64]:
        """N of every completion's pool, in the shape of the answers; 0 for those that are not usable."""
        sizes = np.zeros(int(np.prod(self.shape)), np.int64)
        new = self.pools.sizes[:, 0]
        sizes[self.places[self.pools.rows]] = np.repeat(self.pools.pooled, new)
        return sizes.reshape(self.shape)

    @cached_property
    def movement(self) -> Movement:
        """How far the policy moved since the prompts' last visits."""
        return Movement.of(self.pools)

    @property
    def share_seen(self) -> float:
        """The share of the batch's prompts that were here before."""
        return float(self.pools.seen.mean()) if len(self.pools.keys) else 0.0

    def _scores(self, kind: str) -> Array:
        own, result = self.pools.compared, np.full(int(np.prod(self.shape)), np.nan)
        options = grouping.Options(
            kind,
            self.choice.target,
            no_answer_reward=self.no_answer_reward,
            weights=own.weights,
            matches=own.matches,
        )
        job = grouping.ragged(self.choice.lookups, own.answers, own.owner, options)
        result[self.places] = self.pools.paid(np.asarray(scoring.scores(job)))
        return result.reshape(self.shape)


class TrainingHistory:
    """Pools the completions of prompts that come back, batch by batch, and pays the new ones as members of the pool.

    All completions of a prompt in one batch are one visit, however many groups they were. While the policy stands still
    T visits of K are one group of K·T, whose bias is smaller: for aqp as 1/(K·T)². Only the new completions are scored,
    for only they are trained on; the older ones are counted, and scored in the baseline. What is forgotten never
    depends on answers:

    - `visits`: the pool has the completions of the last T visits, this one among them;
    - `forgetting` γ: at every visit each older completion is kept with probability γ, independently;
    - at most 1,024 completions of a prompt are remembered, the latest ones; and where there is no table of a pool's
      size, the pool is that of the largest size below that has one, again of the latest completions.

    Pool few visits, and compare with ``visits=1``: where the policy moves fast, and most where prompts return rarely,
    counts that lag behind it do more harm than the bias that they remove. A warning says so where visits differ much.

    With `drift`, a bound on |ν_s(z) − ν_{s+1}(z)| for all answers z and successive visits, each prompt pools only as
    many visits as make the bound on the bias least (docs/convergence.md, section 5).

    Memory: answers and prompts are kept as 63-bit fingerprints, 8 bytes for each completion that is remembered (16 with
    weights), and about 0.4 kB for a prompt: for 100,000 prompts, 4 visits and 16 answers 76 MB. At most `max_prompts`
    prompts, the least recently visited of which are dropped.

    Args:
        target, method, budget: as in `polyest.load`.
        visits: T, from 1 to 1,024.
        forgetting: γ in (0, 1].
        drift: in [0, 1], or None: pool everything, and promise nothing about a policy that moves.
        max_prompts: at least 1.
        seed: of what is forgotten.

    Raises:
        ArgumentError: an argument is outside its domain.

    >>> history = TrainingHistory("log", "harmonic", visits=2)
    >>> history.score(["p", "q"], [["a", "b"], ["a", "a"]]).rewards.tolist()
    [[-1.0, -1.0], [0.0, 0.0]]
    >>> pooled = history.score(["p"], [["a", "c"]])             # matches among a, b and the other
    >>> pooled.rewards.round(3).tolist(), pooled.pool_sizes.tolist(), pooled.share_seen
    ([[-0.833, -1.833]], [[4, 4]], 1.0)
    """

    def __init__(
        self,
        target: str | Target,
        method: str | None = None,
        *,
        visits: int = 4,
        forgetting: float = 1.0,
        drift: float | None = None,
        max_prompts: int = 1_000_000,
        seed: int = 0,
        **budget: Unpack[BudgetArguments],
    ) -> None:
        settings = PoolSettings(visits, forgetting, drift, max_prompts, seed)
        self._store, self._choice = settings.store(), Choice(target, method, budget, drift)
        self._watch = Watch(drift)

    def score(
        self,
        prompts: AnswersLike,
        answers: AnswersLike,
        *,
        weights: ArrayLike | None = None,
        usable: ArrayLike | None = None,
        no_answer_reward: float | None = None,
    ) -> PooledBatch:
        """Score a batch, and remember it: once for each batch of fresh completions, and never for an evaluation.

        Args:
            prompts: a key for each group, shape (G,), or for each completion, shape (N,): integers, strings, anything
                hashable. Groups may share a prompt.
            answers: shape (G, K), or flat, (N,), for any numbers of completions.
            weights: what each completion's reward is multiplied by (theory.md §9), of the answers' shape.
            usable: False for completions lost whatever they said: they count nowhere, and score NaN.
            no_answer_reward: of a completion without an answer, None, which matches nothing; by default that of 0
                matches, the largest bonus of a diversity objective.

        Returns:
            A `PooledBatch`: ``rewards``, ``advantages``, ``pool_sizes``, ``movement``, ``share_seen``.

        Raises:
            ArgumentError: shapes that do not fit, a prompt that is None, or weights at some of a prompt's visits only.
            TableNotFoundError: there is no table for a prompt's new completions alone. Nothing is remembered then.
        """
        codes = read(answers, "answers")
        shape, keys = codes.shape, _by_completion(read(prompts, "prompts"), codes)
        counted = np.ones(shape, np.bool_) if usable is None else read_mask(usable, shape)
        places = np.flatnonzero(counted)
        w = None if weights is None else read_weights(weights, shape)[places]
        pools = self._choice.chosen(self._store.pools(keys[places], codes.reshape(-1)[places], w))
        self._store.remember(pools)
        self._watch.note(pools)
        return PooledBatch(shape, pools, self._choice, places, no_answer_reward)

    def forget(self, prompts: AnswersLike) -> None:
        """Drop prompts, as far as they are remembered."""
        for key in read(prompts, "prompts").reshape(-1).tolist():
            self._store.prompts.pop(key, None)

    def __len__(self) -> int:
        """How many prompts are remembered."""
        return len(self._store.prompts)

    def state_dict(self) -> Snapshot:
        """Everything that is remembered, as numpy arrays and numbers, for ``torch.save`` or ``np.savez``."""
        return write_snapshot(self._store)

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on from `state_dict` bit by bit, as if it had not been saved.

        Raises:
            ArgumentError: it is no such state, or one of other `visits`, `forgetting` or `seed`.
        """
        self._store.restore(read_snapshot(self._store, state))


def _by_completion(keys: Codes, codes: Codes) -> Codes:
    """The prompt of each completion, flat."""
    is_dense = codes.ndim == 2 and keys.shape == codes.shape[:1]
    if not is_dense and not (codes.ndim == 1 and keys.shape == codes.shape):
        raise ArgumentError(
            f"`answers` must have shape (G, K) beside G `prompts`, or (N,) beside N, got {codes.shape} and "
            f"{keys.shape}; for groups of mixed sizes pass flat answers, and the prompt of each"
        )
    if (keys == NO_ANSWER).any():
        raise ArgumentError("`prompts` must name the prompt of every completion, got None; pass its id or its text")
    return np.repeat(keys, codes.shape[1]) if is_dense else keys

"""The completions of all processes, in the groups of a trainer: runs of K in the order of the processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from torch import distributed

from polyest.adapters.torch.gather import of_first, shared
from polyest.errors import ArgumentError
from polyest.identity import answers_of
from polyest.online.answers import Answers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch.distributed import ProcessGroup

    from polyest.adapters.pooling import Visit

    Array = NDArray[np.float64]

__all__ = ["Batch", "Completions", "Groups", "gathered", "once"]

T = TypeVar("T")


class Completions(NamedTuple):
    """What a process sends of its n completions.

    Attributes:
        rows: the answers as rows of `polyest.identity`, shape (n, 3); (n, 0) where there are none.
        rewards: what another reward function pays, NaN where it does not apply; 0 where there is none, shape (n,).
        keys: of their prompts (`polyest.adapters.pooling`), 0 where nothing is remembered, shape (n,).
    """

    rows: NDArray[np.int64]
    rewards: Array
    keys: NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """The groups to which the other reward function applies: rows of shape (G, K, 3) or (G, K, 0), rewards (G, K).

    Attributes:
        keys: of their prompts, shape (G, K).
        visit: the same completions in the pools of their prompts; None where nothing is pooled.
    """

    rows: NDArray[np.int64]
    rewards: Array
    keys: NDArray[np.int64]
    visit: Visit | None = None

    @cached_property
    def answers(self) -> Answers:
        """As the runtime takes them, shape (G, K); nothing is encoded twice."""
        read, shape = answers_of(self.rows.reshape(-1, 3)), self.rewards.shape
        missing = None if read.missing is None else read.missing.reshape(shape)
        return Answers(read.codes.reshape(shape), missing)


@dataclass(frozen=True)
class Batch:
    """The completions of all processes, in the order of a trainer's own gather; `own` says which are this process's."""

    completions: Completions
    own: slice

    def groups(self, group_size: int) -> tuple[Groups, NDArray[np.bool_]]:
        """Runs of K completions, the groups that the trainer centres (``rewards.view(-1, num_generations)``).

        Returns:
            Those to which the other reward function applies, and which these are, shape (N/K,).

        Raises:
            ArgumentError: parts of groups, or a reward function that applies to some of a group.
        """
        size = len(self.completions.rewards)
        if not size or size % group_size:
            raise ArgumentError(
                f"`completions` must be whole groups of {group_size} over all processes, got {size} in all; pass the "
                "reward function to the trainer, which calls it on every rank"
            )
        rewards = self.completions.rewards.reshape(-1, group_size)
        nothing = np.isnan(rewards).sum(axis=1)
        if (partly := (nothing > 0) & (nothing < group_size)).any():
            raise ArgumentError(
                f"`reward` must pay all completions of a group or none of it, got None for {nothing[partly][0]} of "
                f"{group_size}; return 0, or what a failure is worth"
            )
        rows = self.completions.rows.reshape(*rewards.shape, self.completions.rows.shape[1])
        keys = self.completions.keys.reshape(-1, group_size)
        return Groups(rows[nothing == 0], rewards[nothing == 0], keys[nothing == 0]), nothing == 0


def gathered(read: Callable[[], Completions]) -> Batch:
    """What `read` returns on every process, brought together; what it raises on one is raised on all."""
    everyone = _processes()
    parts = shared(read, everyone)
    ends = list(accumulate((len(part.rewards) for part in parts), initial=0))
    rank = 0 if everyone is None else distributed.get_rank()
    joined = Completions(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return Batch(joined, slice(ends[rank], ends[rank + 1]))


def once(work: Callable[[], T]) -> T:
    """What some work returns on the main process, which alone does it, on every one; its error is raised on all."""
    return of_first(work, _processes())


def _processes() -> ProcessGroup | None:
    """All of them; None for one alone."""
    started = distributed.is_available() and distributed.is_initialized()
    return distributed.group.WORLD if started else None

"""The answers of all processes, in the groups of the trainer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from torch import distributed

from polyest.adapters.identity import labels
from polyest.adapters.torch.gather import shared
from polyest.errors import ArgumentError

Row = tuple[int, int, int]  # of polyest.adapters.identity

__all__ = ["Batch", "gathered", "statistics", "text_of"]


@dataclass(frozen=True)
class Batch:
    """The answers of all processes, in the order of TRL's own gather.

    Attributes:
        answers: hashable, None for no answer, shape (N,).
        own: where this process's are.
    """

    answers: list[Any]
    own: slice

    def groups(self, group_size: int) -> list[list[Any]]:
        """Runs of K answers, the groups that TRL centres (``rewards.view(-1, num_generations)``), shape (N/K, K)."""
        if not self.answers or len(self.answers) % group_size:
            raise ArgumentError(
                f"`completions` must be whole groups of {group_size} over all processes, got {len(self.answers)} in "
                "all; pass the reward function to the trainer, which calls it on every rank"
            )
        return [self.answers[first : first + group_size] for first in range(0, len(self.answers), group_size)]


def gathered(extract: Callable[[], list[Row]]) -> Batch:
    """The rows that `extract` returns on every process, brought together; what it raises on one is raised on all."""
    started = distributed.is_available() and distributed.is_initialized()
    parts = shared(lambda: np.array(extract(), np.int64).reshape(-1, 3), distributed.group.WORLD if started else None)
    ends = list(accumulate(map(len, parts), initial=0))
    rank = distributed.get_rank() if started else 0
    return Batch(labels(np.concatenate(parts)), slice(ends[rank], ends[rank + 1]))


def text_of(completion: Any) -> str:
    """A completion's text: itself, or what the assistant said last in a list of messages.

    >>> text_of([{"role": "assistant", "content": "4?"}, {"role": "tool", "content": "5"}])
    '4?'
    """
    if isinstance(completion, str):
        return completion
    said = [message.get("content") for message in completion if message.get("role") == "assistant"]
    content = said[-1] if said else None
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return content or ""


def statistics(groups: list[list[Any]]) -> dict[str, float]:
    """What is logged about the answers, averaged over the groups."""
    counts = [[*Counter(answer for answer in group if answer is not None).values()] for group in groups]
    completions = sum(map(len, groups))
    return {
        "entropy": float(np.mean([_entropy(count) for count in counts])),
        "distinct": float(np.mean([len(count) for count in counts])),
        "singletons": sum(count.count(1) for count in counts) / completions,
        "no_answer": 1 - sum(map(sum, counts)) / completions,
    }


def _entropy(counts: list[int]) -> float:
    """The harmonic estimate Σ_z n_z/N Σ_{j=n_z}^{N−1} 1/j in nats, of the N answers of a group; 0 where N < 2."""
    n = sum(counts)
    return sum(count / n * sum(1 / j for j in range(count, n)) for count in counts)

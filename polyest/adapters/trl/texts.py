"""What TRL calls a completion, as a text; and what is logged about the answers in texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from polyest.online.answers import Answers

Completion: TypeAlias = "str | Sequence[Mapping[str, object]]"

__all__ = ["Completion", "statistics", "text_of"]


def text_of(completion: Completion) -> str:
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
    return str(content or "")


def statistics(answers: Answers) -> dict[str, float]:
    """What is logged about answers of shape (G, K), averaged over the groups.

    The entropy is the harmonic estimate Σ_z n_z/N Σ_{j=n_z}^{N−1} 1/j in nats, N the answers of a group; 0 for N < 2.
    """
    given = np.ones(answers.codes.shape, np.bool_) if answers.missing is None else ~answers.missing
    others = (answers.codes[:, :, None] == answers.codes[:, None, :]).sum(axis=2) - 1
    sums = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, others.shape[1] + 1))])
    numbers = given.sum(axis=1, keepdims=True)
    spread = np.where(given, sums[np.maximum(numbers - 1, 0)] - sums[others], 0.0)
    return {
        "entropy": float(np.mean(spread.sum(axis=1) / np.maximum(numbers[:, 0], 1))),
        "distinct": float((given / (others + 1)).sum() / len(others)),
        "singletons": float((given & (others == 0)).mean()),
        "no_answer": float(1 - given.mean()),
    }

"""What lm-eval calls for the task beside it: a verdict for every completion."""

from __future__ import annotations

from typing import Any


def each(document: dict[str, Any], results: list[list[str]]) -> dict[str, list[float]]:
    """1 for each answer that is the sum."""
    return {"exact_match": [float(answer == document["answer"]) for answer in results[0]]}


def mean(verdicts: list[list[float]]) -> float:
    """The success rate, over all documents and completions."""
    return sum(map(sum, verdicts)) / sum(map(len, verdicts))

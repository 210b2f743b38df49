"""Results of verifiers before version 1: ``results.jsonl`` with ``example_id, prompt, completion, reward``.

prompt: ``example_id``; completion: the last message; score: ``reward``; a row with an ``error`` is a completion that
was lost. Not known: the step, the policy, and the model's answer (``answer`` is the gold one).
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.rollouts.readers.messages import completion_text, number, string
from polyest.rollouts.readers.row import Row
from polyest.rollouts.readers.source import Source, as_text

NAME = "verifiers"


def sniff(source: Source) -> bool:
    return {"example_id", "completion", "reward"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    for line, record in source.records():
        yield Row(
            line,
            as_text(record.get("example_id")),
            completion_text(record.get("completion")),
            score=number(record.get("reward")),
            failed=string(record.get("error")),
        )

"""human-eval's ``*_results.jsonl``: ``task_id, completion, result, passed``.

prompt: ``task_id``; completion: the program; correct: ``passed``. Not known: an answer (programs have none; `--extract`
may say what makes two the same), the step, the policy.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.rollouts.readers.messages import number, string
from polyest.rollouts.readers.row import Row
from polyest.rollouts.readers.source import Source, as_text

NAME = "human-eval"


def sniff(source: Source) -> bool:
    return {"task_id", "completion"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    for line, record in source.records():
        yield Row(
            line, as_text(record.get("task_id")), string(record.get("completion")), correct=number(record.get("passed"))
        )

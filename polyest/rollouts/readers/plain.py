"""One row per completion, with a column for its prompt: polyest's own form, and whatever is like it.

As JSON lines, parquet, CSV or one JSON array. prompt: ``prompt_id``, or the columns that are named, or in logs of JSON
lines and parquet without one ``prompt``, if nothing else may name it; answer: ``answer``, or the column that is named;
completion: ``completion``; correct: ``correct``; score: ``score`` or ``reward``; step: ``step``; policy: ``policy``.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.rollouts.readers.messages import completion_text, number, string
from polyest.rollouts.readers.row import Row, typed_answer
from polyest.rollouts.readers.source import Source, as_text

NAME = "plain"


def sniff(source: Source) -> bool:
    return "prompt_id" in source.columns


def rows(source: Source) -> Iterator[Row]:
    columns = ("prompt_id", "answer", "completion", "correct", "score", "reward", "step", "policy", "split")
    for line, record in source.table(*columns):
        step, score = number(record.get("step")), number(record.get("score"))
        yield Row(
            line,
            as_text(record.get("prompt_id")),
            completion_text(record.get("completion")),
            typed_answer(record.get("answer")),
            None if step is None else int(step),
            string(record.get("split")) or "",
            number(record.get("correct")),
            number(record.get("reward")) if score is None else score,
            string(record.get("policy")),
        )

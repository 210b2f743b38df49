"""TRL's ``log_completions``: a folder of parquet files with ``step, prompt, completion``, a column for each reward.

prompt: ``prompt``, a text or a conversation; answer: the column ``answer``, which `polyest.adapters.trl` and others log
through ``log_extra``; completion: ``completion``, of a conversation the last message; correct: ``correct``; score:
``reward``, else the only reward column; step: ``step``. Not known: the version of the policy, and which of several
rewards trains with which weight.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.rollouts.readers.messages import completion_text, number, prompt_text
from polyest.rollouts.readers.row import Row, typed_answer
from polyest.rollouts.readers.source import Source

NAME = "trl"


def sniff(source: Source) -> bool:
    return source.is_parquet and {"step", "prompt", "completion", "advantage"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    for line, record in source.rows("step", "prompt", "completion", "answer", "correct", "reward"):
        step = number(record["step"])
        yield Row(
            line,
            prompt_text(record["prompt"]),
            completion_text(record["completion"]),
            typed_answer(record["answer"]),
            None if step is None else int(step),
            correct=number(record["correct"]),
            score=number(record["reward"]),
        )

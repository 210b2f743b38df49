"""open-instruct's ``*_rollouts_*.jsonl``: ``step, prompt_idx, response_tokens, reward``, token ids without texts.

prompt: ``prompt_idx``, which starts again in every step; answer: the token ids, compared as they are; score:
``reward``; step: ``step``. Not known: the text (`--extract` has nothing to read), the model's answer (``ground_truth``
is the gold one), the policy.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.rollouts.readers.messages import number
from polyest.rollouts.readers.row import Row, typed_answer
from polyest.rollouts.readers.source import Source, as_text

NAME = "open-instruct"


def sniff(source: Source) -> bool:
    return {"step", "prompt_idx", "response_tokens"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    for line, record in source.records():
        step = number(record.get("step"))
        yield Row(
            line,
            as_text(record.get("prompt_idx")),
            None,
            typed_answer(as_text(record.get("response_tokens"))),
            step=None if step is None else int(step),
            score=number(record.get("reward")),
        )

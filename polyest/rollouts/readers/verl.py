"""verl's dumps of rollouts and of validation: ``{step}.jsonl`` with ``input, output, gts, score, step``.

prompt: what stands before the last two parts of ``uid`` (``{prompt}_{session}_{output}``), else ``uid``, else the text
``input``; answer: ``pred``, if a reward function gives it (``gts`` is the gold answer and is not read); completion:
``output``; correct: ``acc``; score: ``score``; step: ``step``. Not known: the version of the policy.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.rollouts.readers.messages import number, prompt_text, string
from polyest.rollouts.readers.row import Row, typed_answer
from polyest.rollouts.readers.source import Source, step_in

NAME = "verl"


def sniff(source: Source) -> bool:
    return {"input", "output", "score"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    for line, record in source.records():
        step = number(record.get("step"))
        yield Row(
            line,
            _prompt(record.get("uid"), record.get("input")),
            string(record.get("output")),
            typed_answer(record.get("pred")),
            step_in(source.path) if step is None else int(step),
            correct=number(record.get("acc")),
            score=number(record.get("score")),
        )


def _prompt(uid: object, text: object) -> str:
    if not isinstance(uid, str):
        return prompt_text(text)
    head, *numbers = uid.rsplit("_", 2)
    return head if len(numbers) == 2 and all(part.isdigit() for part in numbers) else uid

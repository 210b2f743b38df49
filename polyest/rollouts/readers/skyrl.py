"""SkyRL's ``dumped_evals/global_step_N_evals/{dataset}.jsonl``: ``input_prompt, output_response, score``.

prompt: the text ``input_prompt`` (uids are not dumped); completion: ``output_response``; score: ``score``, of a list by
tokens the sum; step: the folder's name; split: the file's. Not known: the model's answer, the policy.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.rollouts.readers.messages import items, number, prompt_text, string
from polyest.rollouts.readers.row import Row
from polyest.rollouts.readers.source import Json, Source, step_in

NAME = "skyrl"


def sniff(source: Source) -> bool:
    return {"input_prompt", "output_response"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    step = step_in(source.path)
    for line, record in source.records():
        yield Row(
            line,
            prompt_text(record.get("input_prompt")),
            string(record.get("output_response")),
            step=step,
            split=source.path.name.partition(".")[0],
            score=_sum(record.get("score")),
        )


def _sum(score: Json) -> float | None:
    parts = [number(part) for part in items(score)]
    known = [part for part in parts if part is not None]
    return sum(known) if known else None

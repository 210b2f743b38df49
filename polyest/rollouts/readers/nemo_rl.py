"""NeMo-RL's ``train_data_stepN.jsonl`` and ``val_data_stepN.jsonl``: ``content, rewards, idx``, lists of one each.

prompt: there is no id; a run of neighbouring rows with the same first message is one prompt, so that equal prompts that
follow each other are one group; completion: the last message; score: ``rewards``; step and split (``train``, ``val``):
the file's name. Not known: the model's answer, the policy, how many generations there were.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.rollouts.readers.messages import completion_text, items, number
from polyest.rollouts.readers.row import Row
from polyest.rollouts.readers.source import Source, as_text, step_in

NAME = "nemo-rl"


def sniff(source: Source) -> bool:
    return {"content", "rewards", "idx"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    split, step = source.path.name.partition("_")[0], step_in(source.path)
    before, group = None, 0
    for line, record in source.records():
        content = record.get("content")
        messages = items(content[0] if isinstance(content, list) and len(content) == 1 else content)
        prompt = as_text(messages[:-1])
        group += prompt != before
        before = prompt
        yield Row(
            line,
            f"{group}: {prompt}",
            completion_text(messages[-1:]),
            step=step,
            split=split,
            score=number(record.get("rewards")),
        )

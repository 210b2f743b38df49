"""lm-evaluation-harness with repeats: ``samples_*.jsonl``, one row per document *and filter*, ``resps`` a list.

prompt: ``doc_id``; completion: every text of ``resps``; answer: what the filter made of it, if the filter keeps one for
each; correct: the first metric, if it has one value for each. Rows of other filters than the first repeat the same
completions and are left out. Not known: the step, the policy.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.rollouts.readers.messages import items, number, string
from polyest.rollouts.readers.row import Row, typed_answer
from polyest.rollouts.readers.source import Json, Record, Source, as_text

NAME = "lm-eval"


def sniff(source: Source) -> bool:
    return {"doc_id", "resps", "filtered_resps"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    kept = source.first.get("filter")
    for line, record in source.records():
        if record.get("filter") != kept:
            continue
        texts = _texts(record.get("resps"))
        answers = _each(record.get("filtered_resps"), len(texts))
        verdicts = _each(_metric(record), len(texts))
        for text, answer, verdict in zip(texts, answers, verdicts, strict=True):
            prompt = as_text(record.get("doc_id"))
            yield Row(line, prompt, string(text), typed_answer(answer), correct=number(verdict))


def _texts(resps: Json) -> list[Json]:
    """``[[8 texts]]``, or ``[[text], …]``."""
    lists = [items(part) for part in items(resps)]
    return [text for part in lists for text in part]


def _each(values: Json, count: int) -> list[Json]:
    """One value per completion, or None for each."""
    flat = _texts(values)
    return flat if len(flat) == count > 1 else [None] * count


def _metric(record: Record) -> Json:
    names = items(record.get("metrics"))
    return record.get(str(names[0])) if names else None

"""Output of OpenAI's batch API and of vLLM's ``run_batch``: ``custom_id, response``, its choices the completions.

prompt: ``custom_id``; completion: the message of every choice, or its text; a request that failed is a completion that
was lost. Not known: the model's answer, correctness, the step. Requests of one prompt under several ids are several
prompts: name them alike, or ask for ``n`` choices.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.rollouts.readers.messages import completion_text, items, nested, string
from polyest.rollouts.readers.row import Row
from polyest.rollouts.readers.source import Json, Record, Source, as_text

NAME = "openai-batch"


def sniff(source: Source) -> bool:
    return {"custom_id", "response"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    for line, record in source.records():
        body = nested(record, "response", "body")
        for choice in items(nested(body, "choices")) or [None]:
            failed = None if choice else _failure(record)
            prompt, policy = as_text(record.get("custom_id")), string(nested(body, "model"))
            yield Row(line, prompt, _text(choice), policy=policy, failed=failed)


def _text(choice: Json) -> str | None:
    text = nested(choice, "text")
    return text if isinstance(text, str) else completion_text([nested(choice, "message")] if choice else None)


def _failure(record: Record) -> str:
    error = record.get("error") or nested(record, "response", "body", "error") or "no choices"
    return as_text(nested(error, "code") or error)

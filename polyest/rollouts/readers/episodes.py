"""Episodes of verifiers (version 1) and prime-rl: ``traces.jsonl``, one episode per line with its traces.

prompt: ``group.id``, else the key of the task; completion: the last message that was sampled; score: the rewards times
their weights, summed; step: ``run.work.step``, else what a folder ``step_N`` says; split: the folders below it; policy:
the version at which sampling began. An episode that failed has no trace: a completion that was lost. Not known: the
model's answer (``task.data.answer`` is the gold one).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from polyest.rollouts.readers.messages import completion_text, items, nested, number, string
from polyest.rollouts.readers.row import Row
from polyest.rollouts.readers.source import Json, Record, Source, as_text, step_in

NAME = "episodes"


def sniff(source: Source) -> bool:
    return {"task", "traces"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    split = _split(source.path)
    for line, episode in source.records():
        work = nested(episode, "run", "work")
        step = number(nested(work, "step"))
        for trace in items(episode.get("traces")) or [None]:
            yield Row(
                line,
                _prompt(episode),
                _completion(trace),
                step=step_in(source.path) if step is None else int(step),
                split=split,
                score=_score(trace),
                policy=string(nested(work, "policy", "start")),
                failed=None if trace else _failure(episode),
            )


def _prompt(episode: Record) -> str:
    key = nested(episode, "group", "id")
    return as_text(nested(episode, "task", "key") if key is None else key)


def _completion(trace: Json) -> str | None:
    sampled = [nested(node, "message") for node in items(nested(trace, "nodes")) if nested(node, "sampled")]
    return completion_text(sampled)


def _score(trace: Json) -> float | None:
    rewards = nested(trace, "rewards")
    parts = [
        (number(nested(reward, "score")), number(nested(reward, "weight")))
        for reward in (rewards.values() if isinstance(rewards, dict) else ())
    ]
    known = [score * (1.0 if weight is None else weight) for score, weight in parts if score is not None]
    return sum(known) if known else None


def _failure(episode: Record) -> str:
    kinds = [nested(error, "type") for error in items(episode.get("errors"))]
    return ", ".join(kind for kind in kinds if isinstance(kind, str)) or "no trace"


def _split(path: Path) -> str:
    """``train/all`` of ``step_3/train/all/traces.jsonl``."""
    parts = path.parent.parts
    steps = [i for i, part in enumerate(parts) if part.startswith("step_")]
    return "/".join(parts[steps[-1] + 1 :]) if steps else ""

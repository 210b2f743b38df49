"""One completion of a log, whatever the layout: what every reader makes of its file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from polyest.rollouts.readers.source import Json
from polyest.rollouts.typed import dump, load

if TYPE_CHECKING:
    import pyarrow

__all__ = ["PROMPTS", "Row", "batches", "schema", "typed_answer"]

AT_ONCE = 8192  # rows of a batch
PROMPTS = ("prompt_id", "uuid", "id", "prompt", "problem", "question")  # what a prompt is called, the likeliest first


class Row(NamedTuple):
    """One completion.

    Attributes:
        number: the line or row of the file.
        prompt: the key of its prompt, together with the step and the split.
        completion: its text, or what is compared in its place; None if there is none.
        answer: the model's answer as JSON (`polyest.rollouts.typed`); None if it has none, or the layout keeps none.
        step: of training; None where there are none.
        split: parts of a run that are never pooled, such as ``train`` and ``val``.
        correct: a verdict from 0 to 1, if there is one.
        score: the reward, if there is one.
        policy: the version of the policy, if that is known.
        failed: why there is no completion, where that has nothing to do with what it says (a crash, a time-out).
    """

    number: int
    prompt: str
    completion: str | None = None
    answer: str | None = None
    step: int | None = None
    split: str = ""
    correct: float | None = None
    score: float | None = None
    policy: str | None = None
    failed: str | None = None


def typed_answer(value: Json) -> str | None:
    """The answer that a log keeps, in one form in which "1", 1 and 1.0 stay apart; None for none (null, NaN)."""
    written = dump(load(value))
    return None if written is None else json.dumps(written, sort_keys=True, ensure_ascii=False)


def schema() -> pyarrow.Schema:
    """The columns of the batches that a reader yields; one of your own may leave out all but ``prompt``."""
    import pyarrow as pa

    kinds = {"number": pa.int64(), "step": pa.int64(), "correct": pa.float64(), "score": pa.float64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in Row._fields])


def batches(rows: Iterable[Row]) -> Iterator[pyarrow.RecordBatch]:
    """Rows as Arrow batches, a few thousand at a time."""
    import pyarrow as pa

    stream, columns = iter(rows), schema()
    while chunk := list(islice(stream, AT_ONCE)):
        arrays = [pa.array(column, kind) for column, kind in zip(zip(*chunk, strict=True), columns.types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=columns)

"""One row per prompt, its completions in a list: Hugging Face datasets, scripts around vLLM.

prompt: the first of ``prompt_id, uuid, id, prompt, problem, question`` that is there; completion: the list under
``generations, completions, responses, outputs`` or ``samples``, texts or objects with ``text``; correct: a list of as
many verdicts, under a name that begins with ``correct``; step: ``step``. Not known: the model's answers (``answer`` is
one per row, the gold one), the policy.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyest.errors import ArgumentError, listed
from polyest.rollouts.readers.messages import completion_text, items, nested, number
from polyest.rollouts.readers.row import PROMPTS, Row
from polyest.rollouts.readers.source import Json, Source, as_text

NAME = "lists"

LISTS = ("generations", "completions", "responses", "outputs", "samples")


def sniff(source: Source) -> bool:
    name = _first(LISTS, source)
    if name is None or _first(PROMPTS, source) is None:
        return False
    if source.is_parquet:
        return str(source.schema.field(name).type).startswith(("list", "large_list"))
    return isinstance(source.first.get(name), list)


def rows(source: Source) -> Iterator[Row]:
    key, name = (_named(names, source) for names in (PROMPTS, LISTS))
    verdict = next((column for column in sorted(source.columns) if column.startswith("correct")), "correct")
    for line, record in source.table(key, name, verdict, "step"):
        if record.get(key) is None:
            raise ArgumentError(f"{source.place(line)}: {key!r} must name the prompt, as in the first row; got null")
        texts, step = items(record.get(name)), number(record.get("step"))
        verdicts = items(record.get(verdict))
        for i, text in enumerate(texts):
            yield Row(
                line,
                as_text(record[key]),
                _text(text),
                step=None if step is None else int(step),
                correct=number(verdicts[i]) if len(verdicts) == len(texts) else None,
            )


def _first(names: tuple[str, ...], source: Source) -> str | None:
    return next((name for name in names if name in source.columns), None)


def _named(names: tuple[str, ...], source: Source) -> str:
    found = _first(names, source)
    if found is None:
        raise ArgumentError(
            f"{source.name}: must have one of {', '.join(names)}, as files of the layout lists; got "
            f"{listed(sorted(source.columns))}; leave out --format, and the layout is found out"
        )
    return found


def _text(value: Json) -> str | None:
    text = nested(value, "text")
    return text if isinstance(text, str) else completion_text([value] if isinstance(value, dict) else value)

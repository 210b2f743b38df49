"""The key of each completion's prompt: its id where the data has one, else the prompt itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from polyest.adapters.identity import rows_of_items
from polyest.errors import ArgumentError, shortened
from polyest.history.fingerprints import NO_ANSWER, fingerprints

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ID_COLUMNS", "prompt_keys"]

ID_COLUMNS = ("prompt_id", "id")  # looked for in this order


def prompt_keys(columns: Mapping[str, object], completions: int, id_column: str | None) -> NDArray[np.int64]:
    """One key for each completion, the same in every process.

    Args:
        columns: what TRL passes: ``prompts``, and the columns of the dataset.
        completions: how many.
        id_column: the column of ids; None for the first of `ID_COLUMNS` that is there, or else the prompts.

    Raises:
        ArgumentError: no such column, an id that is None or cannot be hashed, or a prompt that JSON cannot write.
    """
    found = [name for name in ID_COLUMNS if name in columns] if id_column is None else [id_column]
    if found:
        ids = columns.get(found[0])
        if not isinstance(ids, Sequence) or len(ids) != completions:
            raise ArgumentError(
                f"`id_column` must be a column of the dataset, got {shortened(id_column)}, and the columns "
                f"{', '.join(map(str, columns))}; leave it out to tell prompts apart by what they say"
            )
        return _checked(fingerprints(rows_of_items([*ids], found[0])), found[0])
    prompts = columns.get("prompts")
    if not isinstance(prompts, Sequence) or len(prompts) != completions:
        raise ArgumentError(
            f"`prompts` must be given for `visits` to be pooled, one for each completion, got {shortened(prompts)}; "
            "pass the reward function to the trainer, which passes them"
        )
    return fingerprints(rows_of_items([*map(_text, prompts)], "prompts"))


def _checked(keys: NDArray[np.int64], column: str) -> NDArray[np.int64]:
    if (keys == NO_ANSWER).any():
        raise ArgumentError(f"`{column}` must name every prompt, got None; fill it, or name another `id_column`")
    return keys


def _text(prompt: object) -> str:
    if isinstance(prompt, str):
        return prompt
    try:
        return json.dumps(prompt, sort_keys=True)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"`prompts` must be texts or messages, got {shortened(prompt)}; give the dataset a column prompt_id"
        ) from None

"""The key of each completion's prompt: its id where the data has one, else the prompt itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from polyest.adapters.pooling import prompt_keys
from polyest.errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ID_COLUMNS", "keys_of"]

ID_COLUMNS = ("prompt_id", "id")  # looked for in this order


def keys_of(columns: Mapping[str, object], completions: int, id_column: str | None) -> NDArray[np.int64]:
    """One key for each completion, the same in every process.

    Args:
        columns: what TRL passes: ``prompts``, and the columns of the dataset.
        completions: how many.
        id_column: the column of ids; None for the first of `ID_COLUMNS` that is there, or else the prompts.

    Raises:
        ArgumentError: no such column, or an id or prompt that `prompt_keys` refuses.
    """
    found = [name for name in ID_COLUMNS if name in columns] if id_column is None else [id_column]
    name = found[0] if found else "prompts"
    given = columns.get(name)
    if not isinstance(given, Sequence) or len(given) != completions:
        raise ArgumentError(
            f"`id_column` must be a column of the dataset, got {name!r} beside {', '.join(map(str, columns))}; leave "
            "it out to tell prompts apart by what they say, which the trainer passes as `prompts`"
        )
    return prompt_keys(given, name)

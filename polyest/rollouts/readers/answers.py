"""Answers as JSON, so that "1", 1 and 1.0 stay apart."""

from __future__ import annotations

import json

from polyest.rollouts.readers.source import Json
from polyest.rollouts.typed import dump, load

__all__ = ["typed_answer"]


def typed_answer(value: Json) -> str | None:
    """The answer that a log keeps, in one form; None for none (null, NaN)."""
    written = dump(load(value))
    return None if written is None else json.dumps(written, sort_keys=True, ensure_ascii=False)

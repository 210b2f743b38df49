"""What TRL calls a completion, as a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

Completion: TypeAlias = "str | Sequence[Mapping[str, object]]"
LogExtra: TypeAlias = "Callable[[str, list[str | None]], None]"

__all__ = ["Completion", "LogExtra", "text_of"]


def text_of(completion: Completion) -> str:
    """A completion's text: itself, or what the assistant said last in a list of messages.

    >>> text_of([{"role": "assistant", "content": "4?"}, {"role": "tool", "content": "5"}])
    '4?'
    """
    if isinstance(completion, str):
        return completion
    said = [message.get("content") for message in completion if message.get("role") == "assistant"]
    content = said[-1] if said else None
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return str(content or "")

"""Texts of chat messages."""

from __future__ import annotations

from polyest.rollouts.readers.source import Json, as_text

__all__ = ["completion_text", "items", "nested", "number", "prompt_text", "string"]


def completion_text(value: Json) -> str | None:
    """What the model said: the text itself, or the last message of a conversation that is its own."""
    if value is None or isinstance(value, str):
        return value
    said = [message for message in items(value) if nested(message, "role") in (None, "assistant")]
    return _content(said[-1]) if said else None


def prompt_text(value: Json) -> str:
    """A prompt as a key: the text itself, or the whole conversation."""
    return as_text(value)


def _content(message: Json) -> str | None:
    """The content of a message: a text, or parts of which some are texts."""
    content = message.get("content") if isinstance(message, dict) else message
    if content is None or isinstance(content, str):
        return content
    parts = [part if isinstance(part, str) else nested(part, "text") for part in items(content)]
    return "".join(part for part in parts if isinstance(part, str))


def items(value: Json) -> list[Json]:
    """A list as it is, everything else as a list of none or one."""
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]


def nested(value: Json, *keys: str) -> Json:
    """What lies under keys in objects within objects; None where one is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def string(value: Json) -> str | None:
    """A value as text, None as None."""
    return None if value is None else as_text(value)


def number(value: Json) -> float | None:
    """A number, also one that is written as a boolean or stands alone in a list; None for everything else.

    >>> number(True), number([0.5]), number("high"), number([0.0, 0.0, 1.0])
    (1.0, 0.5, None, None)
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool | int | float) and value == value:
        return float(value)
    return None

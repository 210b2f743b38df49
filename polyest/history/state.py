"""The saved form of a `PromptHistory`: plain data, checked when it is read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from polyest.errors import ArgumentError

__all__ = ["Key", "Visits", "plain_answers", "plain_key", "read_state", "write_state"]

Key = str | int
Answer = str | int | None
Visits = list[list[Answer]]
FORMAT_VERSION = 1
SETTINGS = {"target", "group_size", "method", "visits", "forgetting", "drift", "max_prompts", "budget"}


def write_state(settings: Mapping[str, Any], prompts: Mapping[Key, Visits], rng: Any) -> dict[str, Any]:
    """The state as nested dicts and lists of strings, numbers and None; prompts from least to most recently visited."""
    remembered = [[prompt, [list(visit) for visit in visits]] for prompt, visits in prompts.items()]
    return {"format_version": FORMAT_VERSION, "settings": dict(settings), "prompts": remembered, "random": rng}


def read_state(state: Any) -> tuple[dict[str, Any], OrderedDict[Key, Visits], Any]:
    """Settings, prompts and random state; refuses whatever `write_state` did not write.

    Raises:
        ArgumentError: names the part that is wrong.
    """
    if not isinstance(state, Mapping) or set(state) != {"format_version", "settings", "prompts", "random"}:
        raise ArgumentError("`state` must be what PromptHistory.state returned, got other fields; save it again")
    if state["format_version"] != FORMAT_VERSION:
        raise ArgumentError(
            f"`state` must have format_version {FORMAT_VERSION}, got {state['format_version']!r}; a newer "
            "polyest may read it"
        )
    settings = state["settings"]
    if not isinstance(settings, Mapping) or set(settings) != SETTINGS or not isinstance(settings["budget"], Mapping):
        raise ArgumentError(
            f"`state` settings must be {', '.join(sorted(SETTINGS))}; got {settings!r:.80}; save it again"
        )
    return dict(settings), _prompts(state["prompts"], settings), state["random"]


def plain_key(prompt: Any) -> Key:
    """A prompt's key: a string or an int, which JSON keeps apart."""
    if isinstance(prompt, np.integer):
        return int(prompt)
    if isinstance(prompt, bool) or not isinstance(prompt, (str, int)):
        raise ArgumentError(f"`prompt` must be a string or an int, got {prompt!r:.60}; use the prompt's id or its text")
    return prompt


def plain_answers(answers: Any, size: int | None) -> list[Answer]:
    """The answers as plain strings, ints and None; `size` of them unless it is None."""
    values = answers.tolist() if isinstance(answers, np.ndarray) else answers
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ArgumentError(f"`answers` must be a list of answers, got {answers!r:.60}")
    if size is not None and len(values) != size:
        raise ArgumentError(
            f"`answers` must be {size} answers, the group size; got {len(values)}; pool whole groups only"
        )
    plain = [int(z) if isinstance(z, np.integer) else z for z in values]
    for z in plain:
        if isinstance(z, bool) or not (z is None or isinstance(z, (str, int))):
            raise ArgumentError(
                f"`answers` must be strings, ints or None, so that the state can be restored exactly; got {z!r:.60}; "
                "pass a canonical text"
            )
    return plain


def _prompts(entries: Any, settings: Mapping[str, Any]) -> OrderedDict[Key, Visits]:
    prompts: OrderedDict[Key, Visits] = OrderedDict()
    for entry in entries if isinstance(entries, list) else [None]:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[1], list):
            raise ArgumentError(f"`state` prompts must be [prompt, visits] pairs, got {entry!r:.60}; save it again")
        visits = [plain_answers(visit, None) for visit in entry[1]]
        if len(visits) > settings["visits"] or any(len(visit) > settings["group_size"] for visit in visits):
            raise ArgumentError(
                f"`state` prompts must keep to the settings' limits; {entry[0]!r:.60} does not; save it again"
            )
        prompts[plain_key(entry[0])] = visits
    return prompts

"""The saved form of a `PromptHistory`: plain data, checked when it is read."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict, TypeGuard, cast

import numpy as np

from polyest.arrays import read_array
from polyest.errors import ArgumentError, shortened
from polyest.problems.budget import BUDGET_KINDS, BudgetArguments
from polyest.problems.problem import METHODS
from polyest.problems.target_names import custom_parts

__all__ = ["Key", "Saved", "Settings", "Visits", "plain_answers", "plain_key", "read_state", "write_state"]

Key = str | int
Answer = str | int | None
Visits = list[list[Answer]]
FORMAT_VERSION = 2
GENERATOR = "PCG64"
LIMITS = {"state": 1 << 128, "inc": 1 << 128, "has_uint32": 2, "uinteger": 1 << 32}  # of a PCG64's numbers
TARGET = re.compile(r"[a-z]{1,20}(\([\d,./-]*\))?")  # as canonical names are written: no exponents
DECIMAL = re.compile(r"\d{1,100}(\.\d{1,100})?")
LARGEST_BITS = 14_284  # of an int that JSON writes: Python prints 4,300 digits


class Settings(TypedDict):
    """The arguments of `PromptHistory`, but for the seed."""

    target: str
    group_size: int
    method: str | None
    visits: int
    forgetting: float
    drift: float | None
    max_prompts: int
    budget: BudgetArguments


class Saved(NamedTuple):
    """What a state holds: the arguments of `PromptHistory`, digests of tables by size, prompts, and random numbers."""

    settings: Settings
    tables: dict[str, str]
    prompts: OrderedDict[Key, Visits]
    random: dict[str, object]


def write_state(saved: Saved) -> dict[str, object]:
    """The state as nested dicts and lists of strings, numbers and None; prompts from least to most recently visited."""
    remembered = [[prompt, [list(visit) for visit in visits]] for prompt, visits in saved.prompts.items()]
    return {"format_version": FORMAT_VERSION, **saved._asdict(), "prompts": remembered}


def read_state(state: Any) -> Saved:
    """What `write_state` wrote; the values of settings are checked by who is made of them.

    Raises:
        ArgumentError: names the part that is wrong.
    """
    _expect(
        isinstance(state, Mapping) and set(state) == {"format_version", *Saved._fields},
        "must be what PromptHistory.state returned",
        state,
    )
    version = state["format_version"]
    _expect(type(version) is int and version == FORMAT_VERSION, f"format_version must be {FORMAT_VERSION}", version)
    settings = _settings(state["settings"])
    tables = state["tables"]
    is_table = isinstance(tables, Mapping) and all(isinstance(text, str) for text in tables.values())
    _expect(is_table, "tables must be digests by group size", tables)
    return Saved(settings, dict(tables), _prompts(state["prompts"], settings), _random(state["random"]))


def plain_key(prompt: object) -> Key:
    """A prompt's key: a string or an int, which JSON keeps apart."""
    if isinstance(prompt, np.integer):
        return int(prompt)
    if not _is_plain(prompt):
        raise ArgumentError(
            f"`prompt` must be a string or an int of at most {LARGEST_BITS} bits, got {shortened(prompt)}; use the "
            "prompt's id or its text"
        )
    return prompt


def plain_answers(answers: object, size: int | None) -> list[Answer]:
    """The answers as plain strings, ints and None; `size` of them unless it is None."""
    values = read_array(answers, "answers").tolist() if isinstance(answers, np.ndarray) else answers
    if isinstance(values, str) or not isinstance(values, Sequence):
        came = shortened(answers)
        raise ArgumentError(f"`answers` must be a list of answers, got {came}; None stands for no answer")
    if size is not None and len(values) != size:
        raise ArgumentError(
            f"`answers` must be {size} answers, the group size; got {len(values)}; pool whole groups only"
        )
    plain = [int(z) if isinstance(z, np.integer) else z for z in values]
    for z in plain:
        if not (z is None or _is_plain(z)):
            raise ArgumentError(
                f"`answers` must be strings, ints of at most {LARGEST_BITS} bits or None, so that the state can be "
                f"restored exactly; got {shortened(z)}; pass a canonical text"
            )
    return plain


def _is_plain(value: object) -> TypeGuard[Key]:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return False
    return isinstance(value, str) or value.bit_length() <= LARGEST_BITS


def _expect(holds: bool, requirement: str, came: object) -> None:
    if not holds:
        raise ArgumentError(f"`state` {requirement}, got {shortened(came)}; save it again with PromptHistory.state")


def _settings(settings: Any) -> Settings:
    """The settings, of the types that they have; nothing large is made of them."""
    _expect(
        isinstance(settings, Mapping) and set(settings) == set(Settings.__annotations__),
        f"settings must be {', '.join(sorted(Settings.__annotations__))}",
        settings,
    )
    target, method, budget = settings["target"], settings["method"], settings["budget"]
    is_name = isinstance(target, str) and (TARGET.fullmatch(target) or custom_parts(target))
    _expect(bool(is_name), "settings need the canonical name of a target", target)
    is_method = method is None or (isinstance(method, str) and method in METHODS)
    _expect(is_method, "settings need the name of a method, or null", method)
    for name in ("group_size", "visits", "max_prompts"):
        _expect(type(settings[name]) is int, f"settings need a whole number as {name}", settings[name])
    _expect(type(settings["forgetting"]) is float, "settings need a number as forgetting", settings["forgetting"])
    _expect(type(settings["drift"]) in (float, type(None)), "settings need a number as drift", settings["drift"])
    _expect(isinstance(budget, Mapping) and all(map(_is_budget, budget.items())), "settings need a budget", budget)
    return cast("Settings", dict(settings))


def _is_budget(item: tuple[object, object]) -> bool:
    kind, value = item
    if kind == "groups":
        return type(value) is int
    return kind in BUDGET_KINDS and isinstance(value, str) and DECIMAL.fullmatch(value) is not None


def _prompts(entries: Any, settings: Settings) -> OrderedDict[Key, Visits]:
    """The prompts, as `PromptHistory.score` leaves them with these settings."""
    _expect(isinstance(entries, list), "prompts must be a list of [prompt, visits] pairs", entries)
    prompts: OrderedDict[Key, Visits] = OrderedDict()
    for entry in entries:
        is_pair = isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], list)
        _expect(is_pair and all(isinstance(visit, list) for visit in entry[1]), "prompts must be pairs", entry)
        key, visits = plain_key(entry[0]), [plain_answers(visit, None) for visit in entry[1]]
        _expect(key not in prompts, "prompts must be different from each other", key)
        _expect(_keeps_to(settings, [*map(len, visits)]), "prompts must keep to the settings; visits do not", key)
        prompts[key] = visits
    _expect(len(prompts) <= settings["max_prompts"], "prompts must be at most max_prompts", len(prompts))
    return prompts


def _keeps_to(settings: Settings, sizes: Sequence[int]) -> bool:
    """Whether visits have these sizes: the last one is whole, older ones may have been thinned."""
    K = settings["group_size"]
    whole = [size == K for size in sizes]
    is_whole = all(whole) if settings["forgetting"] == 1 else whole[-1:] == [True]
    return 1 <= len(sizes) <= settings["visits"] and is_whole and max(sizes) <= K


def _random(state: Any) -> dict[str, object]:
    """The state of a PCG64."""
    is_named = isinstance(state, Mapping) and set(state) == {"bit_generator", "state", "has_uint32", "uinteger"}
    is_named = is_named and state["bit_generator"] == GENERATOR and isinstance(state["state"], Mapping)
    numbers = {**state, **state["state"]} if is_named else {}
    is_small = all(type(numbers.get(name)) is int and 0 <= numbers[name] < most for name, most in LIMITS.items())
    is_state = is_named and is_small and set(state["state"]) == {"state", "inc"} and numbers["inc"] % 2 == 1
    _expect(is_state, f"random must be the state of numpy's {GENERATOR}", state)
    return {**state, "state": dict(state["state"])}

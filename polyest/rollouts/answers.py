"""The answers of a log, and which of its completions are correct."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, SupportsFloat, cast

from polyest.errors import ArgumentError
from polyest.rollouts.grouping import describe
from polyest.rollouts.typed import load

if TYPE_CHECKING:
    from polyest.rollouts.log import Log

__all__ = [
    "absent_answers",
    "read_answers",
    "read_typed",
    "read_verdict",
]

SENTINELS = {"", "none", "null", "nan", "n/a", "[invalid]"}
VERDICTS = (
    {"true", "t", "yes", "y", "c", "correct", "right", "pass", "passed"},
    {"false", "f", "no", "n", "i", "incorrect", "wrong", "fail", "failed"},
    {"p", "partial"},
)


def read_answers(log: Log, column: str, no_answer: Sequence[str] = ()) -> list[Hashable]:
    """The answer of every row; None, no answer, where it is null or NaN, or one of those that `no_answer` names.

    A name stands for the string that it is, and for the answer that it is as JSON: ``-1`` for "-1" and −1.

    Raises:
        ArgumentError: no such column, or a list or an object that is no typed answer; names the row.
    """
    answers, absent = log.column(column), absent_answers(no_answer)
    for row, answer in enumerate(answers):
        if isinstance(answer, list | dict):
            answers[row] = answer = read_typed(answer, partial(_place, log, row, column))
        if answer is not None and (answer != answer or answer in absent):
            answers[row] = None
    return answers


def absent_answers(names: Sequence[str]) -> set[Hashable]:
    """The answers that these names stand for: the strings, and what they are as JSON."""
    absent: set[Hashable] = set(names)
    for name in names:
        try:
            absent.add(load(json.loads(name)))
        except (ValueError, RecursionError, TypeError):
            continue  # no JSON, or a list: the string alone
    return absent


def read_typed(value: object, place: Callable[[], str]) -> Hashable:
    """The answer that a list or an object of JSON is.

    Raises:
        ArgumentError: it is none; says where.
    """
    try:
        answer = load(value)
        hash(answer)
    except (ArgumentError, RecursionError) as error:
        raise ArgumentError(f"{place()} {error}, got {describe(value)}; write answers in one canonical form") from None
    return answer


def _place(log: Log, row: int, column: str) -> str:
    return f"{log.place(row)}: {column!r}"


def read_verdict(value: object, place: Callable[[], str]) -> float | None:
    """A verdict from 0 to 1; None for none.

    Raises:
        ArgumentError: it has no meaning; says where.
    """
    if value is None or value == "":
        return None
    text = str(value).strip().lower() if isinstance(value, str) else ""
    for verdict, words in zip((1.0, 0.0, 0.5), VERDICTS, strict=True):
        if text in words:
            return verdict
    try:
        number = float(cast("SupportsFloat", text or value))
    except (TypeError, ValueError, OverflowError):
        number = math.inf
    if math.isnan(number):
        return None
    if not 0 <= number <= 1:
        raise ArgumentError(f"{place()} must be true or false, 0 to 1, 'yes' or 'no' …; got {describe(value)}")
    return number

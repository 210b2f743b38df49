"""The answers of a log, and which of its completions are correct."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, SupportsFloat, cast

from polyest.errors import ArgumentError
from polyest.rollouts.grouping import describe
from polyest.rollouts.typed import load

if TYPE_CHECKING:
    from polyest.rollouts.log import Log

__all__ = [
    "absent_answers",
    "likely_sentinels",
    "read_answers",
    "read_typed",
    "read_verdict",
    "share_correct",
    "verdicts",
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
            answers[row] = answer = read_typed(answer, lambda row=row: f"{log.place(row)}: {column!r}")
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


def likely_sentinels(answers: Sequence[Hashable]) -> dict[str, int]:
    """How often strings occur that may have been meant as "no answer".

    >>> likely_sentinels(["4", "", "None", "", None])
    {'': 2, 'None': 1}
    """
    found: dict[str, int] = {}
    for answer in answers:
        if isinstance(answer, str) and len(answer) < 10 and answer.strip().lower() in SENTINELS:
            found[answer] = found.get(answer, 0) + 1
    return found


def share_correct(log: Log, column: str | None, notes: list[str]) -> float | None:
    """The mean verdict of the completions that have one; None if none has, NaN if one has no meaning.

    Verdicts are true and false, numbers from 0 to 1, and words such as "yes" and "I" (incorrect). One without a
    meaning is in nobody's way: `notes` get a line that names it.

    Raises:
        ArgumentError: the column that was asked for is not there.
    """
    name = "correct" if column is None else column
    if column is not None and column not in log.columns:
        log.column(column)
    try:
        known = [verdict for verdict in _verdicts(log, name) if verdict is not None]
    except ArgumentError as error:
        notes.append(f"{error}; correct: unknown; name another column, or none, with --correct-column")
        return math.nan
    return sum(known) / len(known) if known else None


def verdicts(log: Log, column: str | None) -> list[float | None] | None:
    """The verdict of every completion; None where the column has values without a meaning, or is none."""
    try:
        return None if column == "none" else _verdicts(log, column or "correct")
    except ArgumentError:
        return None


def _verdicts(log: Log, name: str) -> list[float | None]:
    values = log.column(name, optional=True)
    return [read_verdict(value, lambda row=row: f"{log.place(row)}: {name!r}") for row, value in enumerate(values)]


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

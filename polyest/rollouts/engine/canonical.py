"""What is done once for each distinct value of a column: one form for answers that are objects, verdicts as numbers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from polyest.errors import ArgumentError
from polyest.rollouts.answers import absent_answers, read_typed, read_verdict
from polyest.rollouts.engine.database import literal
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.slow import text_of
from polyest.rollouts.jsonl import value_of
from polyest.rollouts.readers.row import typed_answer

__all__ = ["Verdicts", "correct_if", "unify_answers", "verdicts"]

MOST = 100_000  # distinct verdicts that are read one by one
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")

COMPARISON = re.compile(r"\s*(>=|<=|==|=|>|<|!=)\s*(\S+)\s*")
OBJECTS = "WHERE starts_with(answer, '{') OR starts_with(answer, '[')"


def unify_answers(rows: Rows, no_answer: Sequence[str]) -> None:
    """One form for equal answers that are objects; null for those that mean none.

    Raises:
        ArgumentError: an answer is a list, or an object that is no typed answer; names the row.
    """
    query = f"SELECT answer, min(rowid) FROM rows {OBJECTS} GROUP BY 1 ORDER BY 2"
    found = [] if rows.own_keys else rows.connection.sql(query).fetchall()  # columns of a parquet file hold no objects
    for text, row in found:

        def place(row: int = row) -> str:
            return f"{rows.place(row)}: {rows.columns.answer!r}"

        form = typed_answer(read_typed(value_of(text, place), place))
        if form != text:
            new = "NULL" if form is None else literal(form)
            rows.connection.execute(f"UPDATE rows SET answer = {new} WHERE answer = {literal(text)}")
    if not rows.own_keys:
        rows.connection.execute("UPDATE rows SET answer = '0.0' WHERE answer = '-0.0'")
    absent = {text_of(name) for name in no_answer} | {typed_answer(answer) for answer in absent_answers(no_answer)}
    names = [literal(name.decode() if isinstance(name, bytes) else name) for name in absent if name is not None]
    if names:
        rows.absent = f"answer IN ({', '.join(names)})"


@dataclass(frozen=True)
class Verdicts:
    """What a column says about correctness.

    Attributes:
        sql: the verdict of a row, from 0 to 1, null where it has none.
        mean: of the completions that have one; None if none has.
    """

    sql: str
    mean: float | None


def verdicts(rows: Rows, condition: str | None = None) -> Verdicts:
    """The verdicts of the rows, each distinct value read once.

    Args:
        condition: what a number has to be for correct, such as ``>=0.5``; without a column of verdicts, the score.

    Raises:
        ArgumentError: a verdict has no meaning; names the row.
    """
    if condition is not None:
        comparison, has_verdicts = correct_if(condition), "correct" in rows.sources and rows.has("correct")
        if not has_verdicts and not rows.has("score"):
            raise ArgumentError(
                f"`--correct-if` compares verdicts or scores, and the log has none; got {condition!r}; leave it "
                "out, or name their column with --correct-column"
            )
        number = "TRY_CAST(trim(correct, '\"') AS DOUBLE)" if has_verdicts else "score"
        sql = f"CASE WHEN {number} IS NOT NULL THEN ({number} {comparison})::INTEGER::DOUBLE END"
        return _averaged(rows, sql)
    found = rows.distinct("correct", MOST + 1)
    known = {text: _verdict(rows, text) for text, _ in sorted(found)}
    cases = " ".join(
        f"WHEN {literal(t)} THEN {'NULL' if v is None else repr(v)}"
        for t, v in known.items()
        if not NUMBER.fullmatch(t)
    )
    sql = f"CASE correct {cases} ELSE TRY_CAST(correct AS DOUBLE) END" if cases else "TRY_CAST(correct AS DOUBLE)"
    if len(found) > MOST:
        return _averaged(rows, sql)
    counted = [(value, count) for text, count in found if (value := known[text]) is not None]
    total = sum(count for _, count in counted)
    return Verdicts(sql, math.fsum(v * n for v, n in counted) / total if total else None)


def _verdict(rows: Rows, text: str) -> float | None:
    def place() -> str:
        [(row,)] = rows.connection.execute("SELECT min(rowid) FROM rows WHERE correct = ?", [text]).fetchall()
        return f"{rows.place(row)}: {rows.columns.correct or 'correct'!r}"

    return read_verdict(json.loads(text), place)


def _averaged(rows: Rows, sql: str) -> Verdicts:
    mean: float | None = rows.connection.sql(f"SELECT avg({sql}) FROM rows").fetchall()[0][0]
    return Verdicts(sql, mean)


def correct_if(condition: str) -> str:
    """A comparison as SQL.

    Raises:
        ArgumentError: it is none.

    >>> correct_if(">=0.5")
    '>= 0.5'
    """
    match = COMPARISON.fullmatch(condition)
    try:
        number = float(match[2]) if match else math.nan
    except ValueError:
        number = math.nan
    if match is None or not math.isfinite(number):
        raise ArgumentError(f"`--correct-if` must compare with a number, such as '>=0.5'; got {condition!r}")
    return f"{match[1].replace('==', '=')} {number!r}"

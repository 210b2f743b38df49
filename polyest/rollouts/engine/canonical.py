"""What is done once for each distinct value of a column: one form for answers that are objects, verdicts as numbers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

from polyest.errors import ArgumentError
from polyest.rollouts.answers import absent_answers, read_typed, read_verdict
from polyest.rollouts.engine.database import literal
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.slow import text_of
from polyest.rollouts.jsonl import value_of
from polyest.rollouts.readers.row import typed_answer

__all__ = ["correct_if", "unify_answers", "verdict_sql"]

COMPARISON = re.compile(r"\s*(>=|<=|==|=|>|<|!=)\s*(\S+)\s*")
OBJECTS = "WHERE answer[1] IN ('{', '[')"


def unify_answers(rows: Rows, no_answer: Sequence[str]) -> None:
    """One form for equal answers that are objects; null for those that mean none.

    Raises:
        ArgumentError: an answer is a list, or an object that is no typed answer; names the row.
    """
    found = rows.connection.sql(f"SELECT answer, min(rowid) FROM rows {OBJECTS} GROUP BY 1 ORDER BY 2").fetchall()
    for text, row in found:
        def place(row: int = row) -> str:
            return f"{rows.place(row)}: {rows.columns.answer!r}"

        form = typed_answer(read_typed(value_of(text, place), place))
        if form != text:
            new = "NULL" if form is None else literal(form)
            rows.connection.execute(f"UPDATE rows SET answer = {new} WHERE answer = {literal(text)}")
    absent = {text_of(name) for name in no_answer} | {typed_answer(answer) for answer in absent_answers(no_answer)}
    names = [literal(name.decode() if isinstance(name, bytes) else name) for name in absent if name is not None]
    if names:
        rows.connection.execute(f"UPDATE rows SET answer = NULL WHERE answer IN ({', '.join(names)})")


def verdict_sql(rows: Rows, condition: str | None = None) -> str:
    """SQL for the verdict of a row, from 0 to 1, null where it has none.

    Args:
        condition: what a number has to be for correct, such as ``>=0.5``; without a column of verdicts, the score.

    Raises:
        ArgumentError: a verdict has no meaning; names the row.
    """
    if condition is not None:
        has_verdicts = rows.connection.sql("SELECT count(correct) FROM rows").fetchall()[0][0]
        number = "TRY_CAST(trim(correct, '\"') AS DOUBLE)" if has_verdicts else "score"
        return f"CASE WHEN {number} IS NULL THEN NULL ELSE ({number} {correct_if(condition)})::INTEGER::DOUBLE END"
    number = "TRY_CAST(correct AS DOUBLE)"
    others = rows.connection.sql(
        f"SELECT correct, min(rowid) FROM rows WHERE correct IS NOT NULL AND correct NOT IN ('true', 'false') "
        f"AND NOT coalesce({number} BETWEEN 0 AND 1, false) GROUP BY 1 ORDER BY 2"
    ).fetchall()
    name = rows.columns.correct or "correct"
    words = {text: read_verdict(json.loads(text), lambda row=row: f"{rows.place(row)}: {name!r}") for text, row in others}
    cases = "".join(f" WHEN {literal(text)} THEN {'NULL' if v is None else v}" for text, v in words.items())
    return f"CASE correct WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0{cases} ELSE {number} END"


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

"""What is logged about answers: their measures, and themselves as a column of TRL's table of completions."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from numbers import Rational
from typing import TYPE_CHECKING

import numpy as np

from polyest.identity import row_of
from polyest.rollouts.measures.answers import answer_measures
from polyest.rollouts.measures.cells import cells_of
from polyest.rollouts.statistics import statistics_of_codes
from polyest.rollouts.typed import dump

if TYPE_CHECKING:
    from polyest.adapters.trl.texts import LogExtra
    from polyest.online.answers import Answers

__all__ = ["answer_text", "log_answers", "measures", "row_and_text"]


def measures(answers: Answers) -> dict[str, float]:
    """Those of `polyest.rollouts.measures` about answers of shape (G, K), averaged over the groups that have them."""
    statistics = statistics_of_codes(answers.codes, answers.missing)
    found = answer_measures(statistics, cells_of(statistics), with_errors=False)
    known = {name: one.values[~np.isnan(one.values)] for name, one in found.items()}
    means = {name: float(values.mean()) for name, values in known.items() if len(values)}
    if "entropy_aqp" in means:
        means["effective_answers"] = math.exp(means["entropy_aqp"])
    return means


def row_and_text(answer: Hashable) -> tuple[tuple[int, int, int], str | None]:
    """What groups compare, and what the log has."""
    row = row_of(answer, "extract")
    return row, answer_text(answer)


def answer_text(answer: Hashable) -> str | None:
    """A string as it is, anything else as JSON that names its type: one column cannot hold both 7 and "7" otherwise.

    Numbers that are equal have one text.

    >>> answer_text("7"), answer_text(7), answer_text(7.0), answer_text((1, "a"))
    ('7', '{"int": "7"}', '{"int": "7"}', '{"tuple": [1, "a"]}')
    """
    if isinstance(answer, str):
        return answer.encode("utf-8", "backslashreplace").decode()  # half a character fits no parquet file
    whole = _whole(answer)
    written = dump(answer if whole is None else whole)
    if isinstance(written, int | float):
        written = {"float" if whole is None else "int": str(written)}
    return None if written is None else json.dumps(written, sort_keys=True, ensure_ascii=False)


def _whole(answer: object) -> int | None:
    """The integer that equals it."""
    if isinstance(answer, Rational):
        return int(answer.numerator) if answer.denominator == 1 else None
    return int(answer) if isinstance(answer, float) and answer.is_integer() else None


def log_answers(log_extra: LogExtra, texts: list[str | None], name: str) -> None:
    """A column of the batch at hand that nothing else has written to: TRL appends, and two would not fit its table."""
    taken = getattr(getattr(log_extra, "__self__", None), "_pending_extra_logs", {})
    for column in ("answer", f"{name}_answer"):
        if not taken.get(column):
            log_extra(column, texts)
            return

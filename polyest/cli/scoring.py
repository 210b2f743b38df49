"""What the rows of a log are paid, as `polyest score` is told: the same for a whole log and for a part of one."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyest.cli.options import chosen_budget
from polyest.errors import ArgumentError
from polyest.problems.budget import RaggedArguments, to_ragged
from polyest.rollouts.engine.scored import Found, Groups, score_parts
from polyest.rollouts.scoring import Scores, score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from polyest.rollouts.batch import Part
    from polyest.rollouts.engine.parts import Dealt
    from polyest.rollouts.engine.rows import Rows
    from polyest.rollouts.engine.sheet import Sheet

    Array = NDArray[np.float64]

__all__ = ["Writers", "budget_of", "check_by", "check_columns", "check_several", "found_in", "is_measured", "labels"]

DEFAULT = "default"


@dataclass(frozen=True)
class Writers:
    """What writes rows with their numbers, and prompts with their values; None where nothing is to be written."""

    rows: Callable[[Sheet, Mapping[str, str]], None] | None = None
    prompts: Callable[[Groups, Mapping[str, str]], None] | None = None


def labels(arguments: argparse.Namespace) -> dict[str, str | None]:
    """The methods that are asked for by what they are called; the default one depends on the sizes of groups."""
    return {method: method for method in arguments.method} if arguments.method else {DEFAULT: None}


def is_measured(arguments: argparse.Namespace) -> bool:
    """Measures take a pass of their own, and are left out where rows are written and no measure is asked for."""
    return bool(arguments.by or arguments.csv) or not (arguments.out or arguments.values)


def found_in(
    arguments: argparse.Namespace, dealt: Dealt, writers: Writers, check: Callable[[Groups], None] = lambda groups: None
) -> Found:
    """Score the rows, and write what is to be written, if the groups stand the check.

    Raises:
        ArgumentError: the column of ``--by`` differs within a group; names a row.
    """
    if "by" in dealt.rows.sources:
        _check_by(dealt, arguments.by)
    groups, sheet = score_parts(dealt, _scorer(arguments), labels(arguments), writers.rows is not None)
    check(groups)
    if writers.rows:
        writers.rows(sheet, _row_names(arguments))
    if writers.prompts:
        writers.prompts(groups, _value_names(arguments))
    return Found(groups)


def _check_by(dealt: Dealt, by: str | None) -> None:
    """The number ``by`` of the records tells its values apart."""
    wrong = [
        records["row"][part.firsts][part.of_row[records["by"] != records["by"][part.firsts][part.of_row]]].min(
            initial=dealt.rows.count
        )
        for part, records in dealt
    ]
    if min(wrong) < dealt.rows.count:
        raise ArgumentError(
            f"`--by` must name a column that is the same for all of a group; {by!r} differs within that of "
            f"{dealt.rows.place(int(min(wrong)))}; add it with --prompt-column"
        )


def check_several(groups: Groups) -> None:
    """Whether there is something to compare.

    Raises:
        ArgumentError: every completion is alone.
    """
    if not groups.several:
        raise ArgumentError(
            "`--prompt-column` must put several completions into a group; got groups of one only; name the column that "
            "they share, or sample each prompt more often"
        )


def check_columns(arguments: argparse.Namespace, rows: Rows) -> None:
    """Whether the new columns have names of their own.

    Raises:
        ArgumentError: one is there already.
    """
    every, taken = [*_row_names(arguments).values()], {"file", "row", "answer", *rows.keys, *rows.names}
    twice = [name for name in every if name in taken or every.count(name) > 1]
    if arguments.out and twice:
        raise ArgumentError(
            f"`--reward-column` and `--advantage-column` must name new columns, each its own; got {', '.join(twice)}; "
            "choose others"
        )
    added = {"completions", "groups", *_value_names(arguments).values()}
    if arguments.values and (both := added.intersection(rows.keys)):
        raise ArgumentError(
            f"`--prompt-column` must not be named as columns of `--values` are; got {', '.join(sorted(both))}"
        )


def check_by(arguments: argparse.Namespace, rows: Rows) -> None:
    """Whether there are steps, where means are taken by them; before anything is written.

    Raises:
        ArgumentError: there are none.
    """
    if arguments.by == "step" and rows.columns.step not in rows.keys:
        known = ", ".join(dict.fromkeys([*rows.keys, "prompt"]))
        remedy = "leave out --pool-steps" if arguments.pool_steps else "name their column with --step-column"
        raise ArgumentError(
            f"`--by` step needs a log with steps; got one with {known}; {remedy}, or take means by one of these"
        )


def _row_names(arguments: argparse.Namespace) -> dict[str, str]:
    """The new columns by the names of `score_parts`."""
    columns = {"reward": arguments.reward_column, "advantage": arguments.advantage_column}
    return {
        f"{kind} {label}": _name(name, label, arguments)
        for label in labels(arguments)
        for kind, name in columns.items()
    }


def _value_names(arguments: argparse.Namespace) -> dict[str, str]:
    return {label: _name("value", label, arguments) for label in labels(arguments)}


def _name(column: str, label: str, arguments: argparse.Namespace) -> str:
    return column if len(labels(arguments)) == 1 else f"{column}_{label}"


def _scorer(arguments: argparse.Namespace) -> Callable[[Part, Array | None, str | None], Scores]:
    def scorer(part: Part, reference: Array | None, method: str | None) -> Scores:
        own = budget_of(arguments, method)
        pay, known = arguments.no_answer_reward, part.counts - 1
        given = part.answers, part, arguments.target, method
        return score(*given, reference=reference, no_answer_reward=pay, matches=known, **own)

    return scorer


def budget_of(arguments: argparse.Namespace, method: str | None) -> RaggedArguments:
    """The budget where it is this method's."""
    is_its = method in (None, "aqp") or "aqp" not in (arguments.method or ["aqp"])
    return to_ragged(chosen_budget(arguments)) if is_its else RaggedArguments()

"""What the verbs that read logs share: their options, the log itself, and the record of its groups."""

from __future__ import annotations

import argparse
import glob
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from polyest.cli.named_function import Own, named_function
from polyest.cli.options import not_empty
from polyest.cli.progress import tell, track
from polyest.errors import ArgumentError, shortened
from polyest.problems.budget import whole_number
from polyest.rollouts import extraction, readers
from polyest.rollouts.batch import warmed_up
from polyest.rollouts.engine.canonical import Verdicts, unify_answers, verdicts
from polyest.rollouts.engine.columns import Columns
from polyest.rollouts.engine.database import MEMORY, bytes_of, opened
from polyest.rollouts.engine.log import read_log
from polyest.rollouts.engine.parts import FEW, Dealt, deal
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.scored import Groups, group
from polyest.rollouts.notes import about_answers, about_groups, about_oddities, likely_sentinels, oddities
from polyest.rollouts.runs import SUFFIXES
from polyest.storage.files import are_same

if TYPE_CHECKING:
    from polyest.rollouts.engine.reading import Batches, Extract
    from polyest.rollouts.engine.record import DealtRecords

__all__ = [
    "Reading",
    "about_log",
    "add_reading_options",
    "check_not_read",
    "check_numbers",
    "chosen_columns",
    "layout_and_extraction",
    "own_function",
    "read_records",
    "read_verdicts",
    "reading",
    "unchanged",
]

NO_COLUMN = "none"


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """What is read, and what its columns mean; for `reading`."""
    add = parser.add_argument
    text = (
        "files, folders, patterns, - for standard input: JSON lines, a JSON array, CSV, parquet, or what trainers and "
        "evaluations write"
    )
    add("rollouts", nargs="+", type=not_empty, metavar="ROLLOUTS", help=text)
    text = f"{', '.join(readers.NAMES)}, or MODULE:FUNCTION, a reader of your own (default: found out for each file)"
    add("--format", metavar="NAME", help=text)
    text = f"find the answer in the completion's text: {', '.join(extraction.SPECIFICATIONS)}"
    add("--extract", metavar="HOW", help=text)
    text = "threads (default: all), and processes for patterns, math-verify and functions (default: 1)"
    add("--jobs", type=int, metavar="N", help=text)
    text = f"of the whole process, as 800MB or 4GB (default: {MEMORY}); what does not fit goes to the disk of TMPDIR"
    add("--memory", default=MEMORY, metavar="SIZE", help=text)
    add("--group-size", type=int, metavar="K", help="cut each prompt's completions, in order, into groups of K")
    text = "an answer that means none, as null does: the string VALUE, or what it is as JSON (-1, false); repeatable"
    add("--no-answer", action="append", default=[], metavar="VALUE", help=text)
    text = "default: prompt_id, or a prompt's text where that is alone; repeat for several that name it together"
    add("--prompt-column", action="append", metavar="NAME", help=text)
    text = "completions of different steps are different groups (default: step, if there)"
    add("--step-column", default="step", metavar="NAME", help=text)
    add("--pool-steps", action="store_true", help="completions of a prompt are one group, whatever their step")
    add("--epoch", metavar="NAME", help="a column: completions of different epochs are different groups, too")
    text = 'default: answer; null means no answer, {"tuple": [1, 2]} a tuple'
    add("--answer-column", default="answer", metavar="NAME", help=text)
    text = "the text in which --extract finds the answer (default: completion)"
    add("--completion-column", default="completion", metavar="NAME", help=text)
    text = "verdicts: true or false, 0 to 1, yes or no, C or I (default: correct, if there; none: no column)"
    add("--correct-column", metavar="NAME", help=text)
    text = "what a verdict has to be for correct, such as '>=0.5'; where there are none, the score"
    add("--correct-if", metavar="COMPARISON", help=text)
    text = "the version of the policy (default: policy, if there): groups from several are reported"
    add("--policy-column", metavar="NAME", help=text)


@dataclass(frozen=True)
class Reading:
    """A log that is open, or a part of one: its rows and its verdicts, None where they have no meaning."""

    arguments: argparse.Namespace
    rows: Rows
    verdicts: Verdicts | None

    @property
    def correct(self) -> float | None:
        """The mean verdict of the completions that have one; None if none has, NaN if one has no meaning."""
        if self.verdicts is None:
            return None if self.arguments.correct_column == NO_COLUMN else math.nan
        return self.verdicts.mean

    def verdict_counts(self) -> dict[float, int]:
        """How often each verdict is given."""
        if self.verdicts is None:
            return {}
        query = f"SELECT {self.verdicts.sql} AS verdict, count(*) FROM rows GROUP BY 1 HAVING verdict IS NOT NULL"
        return dict(self.rows.connection.sql(query).fetchall())

    def deal(self, is_measured: bool) -> Dealt:
        """The rows by their group, with the numbers that scores and measures need."""
        rows = self.rows
        numbers = {"reference": "reference"} if "reference" in rows.sources else {}
        if is_measured:
            numbers |= {"verdict": self.verdicts.sql} if self.verdicts else {}
            numbers |= {"score": "score"} if rows.has("score") else {}
            numbers |= {"by": 'hash("by") >> 12'} if "by" in rows.sources else {}
        return deal(rows, numbers, self.arguments.group_size, by_prompt=is_measured)


def read_verdicts(arguments: argparse.Namespace, rows: Rows, notes: list[str]) -> Verdicts | None:
    """Those of the rows; where they have no meaning, `notes` say so."""
    if arguments.correct_column == NO_COLUMN and arguments.correct_if is None:
        return None
    try:
        return verdicts(rows, arguments.correct_if)
    except ArgumentError as error:
        if arguments.correct_if is not None:
            raise
        notes.append(f"{error}; correct: unknown; name another column, or none, with --correct-column")
        return None


def check_numbers(arguments: argparse.Namespace) -> None:
    """Whether the options' numbers are large enough.

    Raises:
        ArgumentError: one is not.
    """
    for option, number, least in (("--group-size", arguments.group_size, 2), ("--jobs", arguments.jobs, 1)):
        if number is not None:
            whole_number(option, number, least=least)


def chosen_columns(arguments: argparse.Namespace) -> Columns:
    """What the options name."""
    prompts, by = arguments.prompt_column, getattr(arguments, "by", None)
    return Columns(
        prompts=None if prompts is None else tuple(dict.fromkeys(prompts)),
        step=arguments.step_column,
        is_pooled=arguments.pool_steps,
        epoch=arguments.epoch,
        answer=arguments.answer_column,
        completion=arguments.completion_column,
        correct=arguments.correct_column,
        policy=arguments.policy_column,
        reference=getattr(arguments, "reference_column", None),
        by=None if by in ("prompt", "step") else by,
    )


@contextmanager
def reading(arguments: argparse.Namespace, notes: list[str]) -> Iterator[Reading]:
    """The log that the options name; `notes` get what is worth knowing."""
    check_numbers(arguments)
    columns, jobs = chosen_columns(arguments), arguments.jobs or os.cpu_count() or 1
    layout, extract = layout_and_extraction(arguments, tell)
    with opened(bytes_of(arguments.memory), jobs) as database:
        rows = read_log(database, arguments.rollouts, columns, layout, extract, notes.append, track)
        with warmed_up(rows.count > FEW), unchanged(rows):
            unify_answers(rows, arguments.no_answer)
            notes += about_oddities(oddities(rows), rows.files)
            yield Reading(arguments, rows, read_verdicts(arguments, rows, notes))


@contextmanager
def unchanged(rows: Rows) -> Iterator[None]:
    """An error that comes of a file that changes while it is read says so."""
    try:
        yield
    except Exception:
        rows.check_files()
        raise
    rows.check_files()


def check_not_read(option: str, path: Path, names: Sequence[str]) -> None:
    """Whether a file that is to be written is none of those that are read, nor would be read the next time.

    Raises:
        ArgumentError: it is.
    """
    for name in names:
        given = Path(name)
        if given.is_dir():
            if path.resolve().is_relative_to(given.resolve()) and path.suffix.lower() in SUFFIXES:
                raise ArgumentError(
                    f"`{option}` must be no file in a folder of `ROLLOUTS`, {name}, where it would be read as a log; "
                    f"got {path}; name one outside"
                )
        elif any(are_same(path, Path(one)) for one in (name, *glob.glob(name, recursive=True))):  # noqa: PTH207
            raise ArgumentError(f"`{option}` must be another file than `ROLLOUTS`, {name}; got {path}; name another")


@contextmanager
def read_records(arguments: argparse.Namespace, notes: list[str]) -> Iterator[DealtRecords]:
    """The records of a log, with its answers as long as it lasts; `notes` get what is worth knowing."""
    from polyest.rollouts.engine.record import DealtRecords

    with reading(arguments, notes) as log:
        dealt = log.deal(is_measured=True)
        groups = group(dealt)
        notes += about_log(log.rows, groups, arguments.group_size)
        yield DealtRecords(dealt, groups)


def about_log(rows: Rows, groups: Groups, group_size: int | None) -> list[str]:
    """What is worth knowing of the groups and answers of a log."""
    column = None if rows.is_extracted else rows.columns.answer
    first = groups.first_of_one()
    name = "" if first is None else rows.named(first)
    return [*about_groups(groups, group_size, name), *about_answers(column, likely_sentinels(rows), groups)]


def layout_and_extraction(
    arguments: argparse.Namespace, report: Callable[[str], None]
) -> tuple[str | Batches | None, Extract | None]:
    """The layout by name, or the reader of one's own; and what finds answers, if that is asked for.

    Args:
        report: is told, at once, of texts in which that takes too long.
    """

    def late(text: str) -> None:
        taken = f"took longer than {extraction.TIME_LIMIT:g} s for {shortened(text)}"
        report(f"`--extract` {taken}, which counts as without an answer; choose a faster rule")

    layout: object = own_function(arguments.format)
    if isinstance(layout, Own):
        layout = named_function(layout, "--format", "a function from a path to Arrow batches")
    how = own_function(arguments.extract)
    rule = named_function(how, "--extract") if isinstance(how, Own) else how
    if rule is None:
        return cast("str | Batches | None", layout), None
    extract = extraction.extractor(rule, jobs=arguments.jobs or 1, time_limit=extraction.TIME_LIMIT, late=late)
    return cast("str | Batches | None", layout), extract


def own_function(given: str | Own | None) -> str | Own | None:
    """What is to be imported, where a rule or a layout may be named as well."""
    if not isinstance(given, str) or ":" not in given or given.startswith(("regex:", "json:")):
        return given
    return Own(given)

"""`polyest score` by workers that share nothing but the files: what each does, and how it becomes that of one log.

Files are read apart, by the readers of every engine. What has to be known of the whole is asked of a few rows of each
that stand for all (`witnesses`). A partition has whole groups; it is scored as a log of its own, in one call for each
method, and written as a file of parquet; what is known of its groups is put together as that of the whole log.
"""

from __future__ import annotations

import argparse
import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from polyest.cli.job import Cluster, Job, Part, Plan, Report
from polyest.cli.named_function import Own
from polyest.cli.reading import (
    Reading,
    check_numbers,
    chosen_columns,
    layout_and_extraction,
    own_function,
    read_verdicts,
    unchanged,
)
from polyest.cli.scoring import Writers, check_by, check_columns, check_several, found_in, is_measured, labels
from polyest.errors import PolyestError
from polyest.rollouts.engine.as_lines import original
from polyest.rollouts.engine.canonical import Verdicts, unify_answers
from polyest.rollouts.engine.database import Database, bytes_of, new_folder, opened
from polyest.rollouts.engine.log import Named, finish, named_files
from polyest.rollouts.engine.output import Writer, typed_keys, write_prompts, write_rows
from polyest.rollouts.engine.partitions import add_witnesses, blocks, form_of, joined, rows_of, witnesses
from polyest.rollouts.engine.parts import PART_OF_FEW
from polyest.rollouts.engine.reading import Reader
from polyest.rollouts.engine.recognised import ReadAs
from polyest.rollouts.engine.record import DealtRecords
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.scored import Found
from polyest.rollouts.notes import Oddities, about_answers, about_groups, about_oddities, likely_sentinels, oddities
from polyest.storage.files import replacing_folder

if TYPE_CHECKING:
    import pyarrow

__all__ = ["found_in_parts", "read_file", "score_partition"]


def found_in_parts(
    arguments: argparse.Namespace,
    target: str | Own,
    outputs: Sequence[Path | None],
    notes: list[str],
    cluster: Callable[[], AbstractContextManager[Cluster]],
) -> tuple[Found, float | None, ReadAs]:
    """What is known of the groups, the mean verdict, and what files were read as; rows and prompts are written.

    Raises:
        PolyestError: as in the local engine, that of the first file or partition in which something is wrong.
    """
    check_numbers(arguments)
    layout, extract = layout_and_extraction(arguments, notes.append)
    named = named_files(arguments.rollouts, chosen_columns(arguments), layout, extract is not None)
    with ExitStack() as folders:  # which go when no worker is there any more
        folders.callback(shutil.rmtree, scratch := new_folder(), ignore_errors=True)
        out, values = (path and folders.enter_context(replacing_folder(path)) for path in outputs)
        job = Job(_sent(arguments), target, scratch)
        with cluster() as workers:
            reports = workers.read(job, named)
            with _whole(arguments, named, reports, notes) as rows:
                check_by(arguments, rows)
                check_columns(arguments, rows)
                more: list[str] = []
                form = replace(form_of(rows), files=[str(path) for _, path, _ in named.files])
                keys = typed_keys(rows) if out or values else {}
                plan = Plan(form, read_verdicts(arguments, rows, more), keys, out, values)
                parts = _sound(workers.score(job, plan, max(workers.workers, -(-rows.count // PART_OF_FEW))))
                found = joined([part.found for part in parts])
                check_several(found.groups)
                notes += [*_about_rows(rows, parts), *more, *_about_groups(arguments, rows, found, reports, parts)]
                return found, Reading(arguments, rows, _counted(plan.verdicts, parts)).correct, rows.read_as


def _sent(arguments: argparse.Namespace) -> argparse.Namespace:
    """What workers need of the arguments; each works alone."""
    kept = {name: value for name, value in vars(arguments).items() if name not in ("run", "parser", "given_options")}
    own = {"format": own_function(arguments.format), "extract": own_function(arguments.extract)}
    return argparse.Namespace(**kept | own | {"jobs": 1})


def read_file(job: Job, named: Named, file: int, report: Report) -> Iterator[pyarrow.RecordBatch]:
    """In a worker: the rows of the file of this number; the report is complete at the end."""
    try:
        with job.at_work() as database:
            yield from _rows_of_file(database, job.arguments, named, file, report)
    except (PolyestError, OSError) as error:
        report.error = error


def _rows_of_file(
    database: Database, arguments: argparse.Namespace, named: Named, file: int, report: Report
) -> Iterator[pyarrow.RecordBatch]:
    run, path, is_asked_for = named.files[file]
    layout, extract = layout_and_extraction(arguments, report.notes.append)
    rows = Rows(database, named.columns, named.is_run, is_extracted=extract is not None)
    reader = Reader(rows, layout, extract, report.notes.append, report.lost, report.unknown)
    reader.read(run, path, str(path), is_asked_for)
    report.recognised, report.text, report.has_answers = rows.recognised, reader.text, reader.has_answers
    if not rows.count:
        return
    with unchanged(rows):
        unify_answers(rows, arguments.no_answer)
        report.count, report.is_plain, report.names = rows.count, bool(rows.plain_files), rows.names
        report.absent, report.own_keys = rows.absent, rows.own_keys
        report.sentinels, report.witnesses = likely_sentinels(rows), witnesses(rows)
        yield from blocks(rows, file)


@contextmanager
def _whole(arguments: argparse.Namespace, named: Named, reports: Sequence[Report], notes: list[str]) -> Iterator[Rows]:
    """A log that answers what is asked of the whole: it has `witnesses` of every file.

    Raises:
        PolyestError: what is wrong with the first file with which something is, or with all together.
    """
    for report in reports:
        if report.error is not None:
            raise report.error
    layout, extract = layout_and_extraction(arguments, notes.append)
    with opened(bytes_of(arguments.memory), threads=1) as database:
        rows = Rows(database, named.columns, named.is_run, is_extracted=extract is not None)
        reader = Reader(rows, layout, extract, notes.append)
        for (_, path, _), report in zip(named.files, reports, strict=True):
            notes += report.notes
            reader.unknown |= report.unknown
            reader.lost += report.lost
            reader.text = reader.text or report.text
            reader.has_answers |= report.has_answers
            _add(rows, path, report)
        finish(reader, arguments.rollouts[0], named.unread)
        yield rows


def _add(rows: Rows, path: Path, report: Report) -> None:
    if report.unknown:
        return
    rows.add_file(str(path))
    rows.recognised.update(report.recognised)
    if report.is_plain:
        rows.plain_files.append(original(path))
    if report.witnesses is not None:
        add_witnesses(rows, report.witnesses)
        rows.count += report.count
        rows.names, rows.absent, rows.own_keys = report.names, report.absent, report.own_keys


def score_partition(table: pyarrow.Table, job: Job, plan: Plan, number: int) -> Part | Exception:
    """In a worker: a partition, whose rows are written there."""
    try:
        with job.at_work() as database:
            return _part(table, database, job, plan, f"part-{number:05}.parquet")
    except (PolyestError, OSError) as error:
        return error


def _part(table: pyarrow.Table, database: Database, job: Job, plan: Plan, name: str) -> Part:
    rows, places = rows_of(table, plan.form, database)
    log = Reading(job.arguments, rows, plan.verdicts)
    dealt = log.deal(is_measured(job.arguments))
    row_writer = partial(write_rows, Writer(rows, plan.out / name, plan.keys)) if plan.out else None
    prompt_writer = partial(write_prompts, Writer(rows, plan.values / name, plan.keys)) if plan.values else None
    found = found_in(job.arguments, dealt, Writers(row_writer, prompt_writer))
    if is_measured(job.arguments):
        names = {label: label for label in labels(job.arguments)}
        found = replace(found, record=DealtRecords(dealt, found.groups, job.arguments.by, names).held())
    first = found.groups.first_of_one()
    of_one = None if first is None else (int(places[first]), rows.named(first))
    return Part(found.placed(places), Counter(log.verdict_counts()), replace(oddities(rows), shared=0), of_one)


def _sound(parts: Sequence[Part | Exception]) -> list[Part]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
    return [part for part in parts if isinstance(part, Part)]


def _about_rows(rows: Rows, parts: Sequence[Part]) -> Iterator[str]:
    return about_oddities(sum((part.oddities for part in parts), Oddities()), rows.files)


def _about_groups(
    arguments: argparse.Namespace, rows: Rows, found: Found, reports: Sequence[Report], parts: Sequence[Part]
) -> Iterator[str]:
    sentinels: Counter[str] = sum((Counter(report.sentinels) for report in reports), Counter())
    _, name = min((part.of_one for part in parts if part.of_one), default=(0, ""))
    yield from about_groups(found.groups, arguments.group_size, name)
    yield from about_answers(None if rows.is_extracted else rows.columns.answer, sentinels, found.groups)


def _counted(verdicts: Verdicts | None, parts: Sequence[Part]) -> Verdicts | None:
    """With the mean over all partitions."""
    if verdicts is None:
        return None
    counts: Counter[float] = sum((part.verdicts for part in parts), Counter())
    total = math.fsum(value * number for value, number in counts.items())
    return replace(verdicts, mean=total / counts.total() if counts else None)

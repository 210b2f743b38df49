"""`polyest score --engine ray`: files are read apart, rows go to partitions by their group, and each is scored at once.

A pipeline of Ray Data: the readers of every engine make blocks of rows of each file, and an actor has what they say
beside; a shuffle by the hash of the group brings whole groups together; a partition is a small log, which a worker
scores as the local engine does, in one call for each method, and writes as one file of parquet; what is known of its
groups comes back here, where it is put together as that of the whole log.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import pickle
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from polyest.cli.cluster import connected
from polyest.cli.named_function import Own, chosen_target
from polyest.cli.progress import track
from polyest.cli.reading import (
    Reading,
    check_numbers,
    chosen_columns,
    layout_and_extraction,
    own_function,
    read_verdicts,
    unchanged,
)
from polyest.cli.scoring import Writers, check_columns, check_several, found_in, is_measured
from polyest.errors import ArgumentError, PolyestError
from polyest.rollouts.engine.canonical import Verdicts, unify_answers
from polyest.rollouts.engine.database import Database, bytes_of, opened
from polyest.rollouts.engine.log import Named, finish, named_files
from polyest.rollouts.engine.output import Writer, typed_keys, write_prompts, write_rows
from polyest.rollouts.engine.partitions import (
    Form,
    Found,
    add_witnesses,
    blocks,
    form_of,
    joined,
    rows_of,
    witnesses,
)
from polyest.rollouts.engine.parts import PART_OF_FEW
from polyest.rollouts.engine.reading import Reader
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.scored import group
from polyest.rollouts.notes import Oddities, about_answers, about_groups, about_oddities, likely_sentinels, oddities
from polyest.rollouts.readers.source import Source
from polyest.storage.files import replacing_folder, temporary_folder

if TYPE_CHECKING:
    import pyarrow
    from ray.actor import ActorHandle
    from ray.data import Dataset

__all__ = ["found_on_ray"]


@dataclass(frozen=True)
class Job:
    """What every worker has to know.

    Attributes:
        arguments: of the command line; what is to be imported is named by `Own`.
        target: as it was given.
        folder: the current one, to which names of files belong.
        coefficients: where the user's tables are, if that is said.
        scratch: where what has no room in memory goes, on this machine.
    """

    arguments: argparse.Namespace
    target: str | Own
    scratch: Path
    folder: Path = field(default_factory=Path.cwd)
    coefficients: str | None = field(default_factory=partial(os.environ.get, "POLYEST_COEFFS"))

    @contextmanager
    def at_work(self) -> Iterator[Database]:
        """In a worker, a database for its work."""
        if self.coefficients is not None:
            os.environ["POLYEST_COEFFS"] = self.coefficients
        chosen_target(self.target, self.arguments.growth)
        tempfile.tempdir = str(self.scratch) if self.scratch.is_dir() else None
        os.chdir(self.folder)  # from one that is not there any more
        try:
            with opened(bytes_of(self.arguments.memory), threads=1) as database:
                yield database
        finally:
            os.chdir(tempfile.gettempdir())


@dataclass
class Report:
    """What is said about a file besides its rows: see `Rows` and `Reader` for the names."""

    notes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    error: Exception | None = None
    count: int = 0
    is_plain: bool = False
    names: frozenset[str] = frozenset()
    absent: str = ""
    own_keys: dict[str, str] = field(default_factory=dict)
    sentinels: dict[str, int] = field(default_factory=dict)
    witnesses: pyarrow.Table | None = None


class Reports:
    """Those of all files, gathered in a process of their own."""

    def __init__(self) -> None:
        self.found: dict[int, Report] = {}

    def add(self, file: int, report: Report) -> None:
        self.found[file] = report

    def all(self) -> list[Report]:
        """In the order of the files."""
        return [self.found[file] for file in sorted(self.found)]


@dataclass(frozen=True)
class Plan:
    """How partitions are scored, known once all files are read."""

    form: Form
    verdicts: Verdicts | None
    keys: dict[str, str]
    out: Path | None
    values: Path | None


@dataclass(frozen=True, eq=False)
class Part:
    """What is known of a partition."""

    found: Found
    verdicts: Counter[float]
    oddities: Oddities


def found_on_ray(
    arguments: argparse.Namespace, target: str | Own, out: Path | None, values: Path | None, notes: list[str]
) -> tuple[Found, float | None]:
    """What is known of the groups, and the mean verdict; rows and prompts are written into new folders.

    Raises:
        ArgumentError: as in the local engine; no such cluster; a worker that cannot do the work.
    """
    check_numbers(arguments)
    layout, extract = layout_and_extraction(arguments)
    named = named_files(arguments.rollouts, chosen_columns(arguments), layout is None and extract is None)
    with ExitStack() as folders:  # which are gone when no worker is there any more
        scratch = folders.enter_context(temporary_folder(Path(tempfile.gettempdir(), "polyest")))
        out, values = (path and folders.enter_context(replacing_folder(path)) for path in (out, values))
        job = Job(_sent(arguments), target, scratch)
        with connected(arguments.jobs or -1, arguments.address) as (ray, workers), _told(ray):
            _set_up(ray, workers)
            dataset, reports = _read(ray, job, named)
            with _all_rows(arguments, named, reports, notes) as rows:
                check_columns(arguments, rows)
                plan = _plan(arguments, named, rows, out, values, notes)
                parts = _score(dataset, job, plan, max(workers, -(-rows.count // PART_OF_FEW)))
                found = joined([part.found for part in parts])
                check_several(found.groups)
                notes += _about(rows, parts, found, reports, arguments.group_size)
                return found, Reading(arguments, rows, _counted(plan.verdicts, parts)).correct


def _plan(
    arguments: argparse.Namespace, named: Named, rows: Rows, out: Path | None, values: Path | None, notes: list[str]
) -> Plan:
    form = replace(form_of(rows), files=[str(path) for _, path, _ in named.files])
    keys = typed_keys(rows) if out or values else {}
    return Plan(form, read_verdicts(arguments, rows, notes), keys, out, values)


def _sent(arguments: argparse.Namespace) -> argparse.Namespace:
    """What workers need of the arguments; each works alone."""
    kept = {name: value for name, value in vars(arguments).items() if name not in ("run", "parser", "given_options")}
    own = {"format": own_function(arguments.format), "extract": own_function(arguments.extract)}
    return argparse.Namespace(**kept | own | {"jobs": 1})


@contextmanager
def _told(ray: ModuleType) -> Iterator[None]:
    """What goes wrong on the cluster, and not with the log, in one line."""
    try:
        yield
    except ray.exceptions.RayError as error:
        reason = [line for line in str(error).splitlines() if line.strip()][-1].strip()
        raise ArgumentError(
            "`--engine ray` must have workers with the same polyest and extras as here, and room for --memory each; "
            f"got {reason}; install them there, or give fewer --jobs"
        ) from error


def _set_up(ray: ModuleType, workers: int) -> None:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.resource_limits = ray.data.ExecutionResources(cpu=workers)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors are raised, too


def _read(ray: ModuleType, job: Job, named: Named) -> tuple[Dataset, list[Report]]:
    """The rows of all files, and what is said about each."""
    reports = ray.remote(num_cpus=0)(Reports).remote()
    files = ray.data.from_items([*range(len(named.files))], override_num_blocks=len(named.files))
    rows = files.map_batches(
        _read_files, batch_size=1, batch_format="pyarrow", fn_args=(job, named, reports), zero_copy_batch=True
    ).materialize()
    return rows, ray.get(reports.all.remote())


def _read_files(batch: pyarrow.Table, job: Job, named: Named, reports: ActorHandle) -> Iterator[pyarrow.Table]:
    """In a worker: the rows of files of these numbers."""
    import pyarrow as pa
    import ray

    for file in batch["item"].to_pylist():
        report = Report()
        try:
            with job.at_work() as database:
                for block in _rows_of_file(database, job.arguments, named, file, report):
                    yield pa.Table.from_batches([block])
        except (PolyestError, OSError) as error:
            report.error = error
        ray.get(reports.add.remote(file, report))


def _rows_of_file(
    database: Database, arguments: argparse.Namespace, named: Named, file: int, report: Report
) -> Iterator[pyarrow.RecordBatch]:
    run, path, is_asked_for = named.files[file]
    layout, extract = layout_and_extraction(arguments)
    rows = Rows(database, named.columns, named.is_run, is_extracted=extract is not None)
    reader = Reader(rows, layout, extract, report.notes.append, report.lost, report.unknown)
    reader.read(run, path, str(path), is_asked_for)
    if not rows.count:
        return
    with unchanged(rows):
        unify_answers(rows, arguments.no_answer)
        report.count, report.is_plain, report.names = rows.count, bool(rows.plain_files), rows.names
        report.absent, report.own_keys = rows.absent, rows.own_keys
        report.sentinels, report.witnesses = likely_sentinels(rows), witnesses(rows)
        yield from blocks(rows, file)


@contextmanager
def _all_rows(
    arguments: argparse.Namespace, named: Named, reports: Sequence[Report], notes: list[str]
) -> Iterator[Rows]:
    """A log that answers for all of them what is asked of the whole: it has `witnesses` of every file.

    Raises:
        ArgumentError: what is wrong with the first file with which something is, or with all together.
    """
    for report in reports:
        if report.error is not None:
            raise report.error
    layout, extract = layout_and_extraction(arguments)
    with opened(bytes_of(arguments.memory), threads=1) as database:
        rows = Rows(database, named.columns, named.is_run, is_extracted=extract is not None)
        reader = Reader(rows, layout, extract, notes.append)
        for (_, path, _), report in zip(named.files, reports, strict=True):
            notes += report.notes
            reader.unknown += report.unknown
            reader.lost += report.lost
            if report.witnesses is not None:
                _add(rows, path, report)
        finish(reader, arguments.rollouts[0])
        yield rows


def _add(rows: Rows, path: Path, report: Report) -> None:
    rows.add_file(str(path))
    if report.is_plain:
        rows.plain_files.append(Source(path))
    add_witnesses(rows, report.witnesses)
    rows.count += report.count
    rows.names, rows.absent, rows.own_keys = report.names, report.absent, report.own_keys


def _score(dataset: Dataset, job: Job, plan: Plan, partitions: int) -> list[Part]:
    """All partitions.

    Raises:
        PolyestError: what went wrong in the first of those in which something did.
    """
    rows = dataset.map_batches(
        _with_partition, batch_size=None, batch_format="pyarrow", fn_args=(partitions,), zero_copy_batch=True
    )
    scored = rows.groupby("partition", num_partitions=partitions).map_groups(
        _score_partition, batch_format="pyarrow", fn_args=(job, plan)
    )
    came = {row["partition"]: row["part"] for row in track(scored.iter_rows(), "scoring", partitions)}
    parts = [pickle.loads(came[partition]) for partition in sorted(came)]
    for part in parts:
        if isinstance(part, Exception):
            raise part
    return parts


def _with_partition(block: pyarrow.Table, partitions: int) -> pyarrow.Table:
    import pyarrow as pa

    return block.append_column("partition", pa.array(block["hash"].to_numpy() % np.uint64(partitions), pa.int64()))


def _score_partition(table: pyarrow.Table, job: Job, plan: Plan) -> pyarrow.Table:
    """In a worker: a partition, whose rows are written there."""
    import pyarrow as pa

    number = table["partition"][0].as_py()
    part: Part | Exception
    try:
        with job.at_work() as database:
            part = _part(table.drop_columns(["partition"]), database, job, plan, f"part-{number:05}.parquet")
    except (PolyestError, OSError) as error:
        part = error
    return pa.table({"partition": [number], "part": [pickle.dumps(part)]})


def _part(table: pyarrow.Table, database: Database, job: Job, plan: Plan, name: str) -> Part:
    rows, places = rows_of(table, plan.form, database)
    log = Reading(job.arguments, rows, plan.verdicts)
    dealt = log.deal(is_measured(job.arguments))
    groups = group(dealt)
    row_writer = plan.out and partial(write_rows, Writer(rows, plan.out / name, plan.keys))
    prompt_writer = plan.values and partial(write_prompts, Writer(rows, plan.values / name, plan.keys))
    found = found_in(job.arguments, dealt, groups, Writers(row_writer, prompt_writer))
    return Part(found.placed(places), Counter(log.verdict_counts()), replace(oddities(rows), shared=0))


def _about(
    rows: Rows, parts: Sequence[Part], found: Found, reports: Sequence[Report], group_size: int | None
) -> list[str]:
    """What is worth knowing of the log."""
    sentinels: Counter[str] = sum((Counter(report.sentinels) for report in reports), Counter())
    odd = sum((part.oddities for part in parts), Oddities())
    answers = about_answers(rows.columns.answer, sentinels, found.groups)
    return [*about_oddities(odd, rows.files), *about_groups(found.groups, group_size), *answers]


def _counted(verdicts: Verdicts | None, parts: Sequence[Part]) -> Verdicts | None:
    """With the mean over all partitions."""
    if verdicts is None:
        return None
    counts: Counter[float] = sum((part.verdicts for part in parts), Counter())
    total = counts.total()
    return replace(
        verdicts, mean=math.fsum(value * number for value, number in counts.items()) / total if total else None
    )

"""`polyest score`: rewards, advantages and per-prompt values for a log of rollouts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from polyest import rollouts
from polyest.cli.named_function import Own, add_growth_option, chosen_target, own
from polyest.cli.options import (
    add_budget_options,
    add_json_option,
    chosen_budget,
    column_name,
    file_path,
    print_json,
    writable_file,
    writable_folder,
)
from polyest.cli.parallel import add_engine_options, check_address
from polyest.cli.reading import about_log, add_reading_options, check_not_read, reading
from polyest.cli.scoring import (
    Writers,
    budget_of,
    check_by,
    check_columns,
    check_several,
    found_in,
    is_measured,
    labels,
)
from polyest.cli.summary import Returning, Summary, lines, summary_of
from polyest.errors import ArgumentError
from polyest.estimator import load
from polyest.problems.budget import from_ragged
from polyest.problems.problem import METHODS, make_problem
from polyest.rollouts.engine.full import full_writer
from polyest.rollouts.engine.log import STANDARD_INPUT
from polyest.rollouts.engine.output import Writer, write_prompts, write_rows
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.scored import Found, Groups, differences
from polyest.rollouts.statistics import UNITS
from polyest.storage.files import are_same

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from polyest.cli.measured import MeasuredLog
    from polyest.rollouts.engine.recognised import ReadAs
    from polyest.rollouts.measures import Records
    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]
    Told: TypeAlias = "tuple[Summary, Returning, MeasuredLog | None]"

__all__ = ["add_parser", "run"]

ENGINES = {"duckdb": "in this process", "ray": "on a cluster, with folders of parquet for --out and --values"}
PART = "part.parquet"


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = "Rewards, advantages and values for a log of rollouts, one row per completion."
    parser = verbs.add_parser("score", help="score a log of rollouts", description=description)
    parser.set_defaults(run=run, parser=parser)
    add = parser.add_argument
    add_reading_options(parser)
    text = "log (the default, for entropies), 'power(0.5)', 'js(0.1)', MODULE:FUNCTION"
    add("--target", default="log", metavar="TARGET", help=text)
    add_growth_option(parser)
    add("--method", action="append", metavar="METHOD", help=f"{', '.join(METHODS)}; repeat for several (default: aqp)")
    add_budget_options(parser)
    add("--no-answer-reward", type=float, metavar="X", help="reward of no answer (default: that of no match)")
    text = "write rewards and advantages here, with file, row (from 1, blank lines not counted) and keys of each row"
    add("--out", type=file_path, metavar="FILE", help=text)
    add("--full", action="store_true", help="write every row there, as it was, with rewards and advantages added")
    add("--values", type=file_path, metavar="FILE", help="write one row per prompt here, with its value")
    add("--reference-column", metavar="NAME", help="a reference's probability q of the answer; r(q) is subtracted")
    for name, text in (("reward", "reward; reward_METHOD with several methods"), ("advantage", "advantage, likewise")):
        add(f"--{name}-column", type=column_name, default=name, metavar="NAME", help=f"default: {text}")
    add_engine_options(parser, ENGINES)
    text = "a column, such as step, or prompt, or run: means over the prompts of each of its values, with errors"
    add("--by", metavar="NAME", help=text)
    add("--unit", choices=tuple(UNITS), default="nats", help="of entropies (default: nats)")
    text = "write the means here, one row for each value of --by; all measures"
    add("--csv", type=file_path, metavar="FILE", help=text)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    check_address(arguments)
    out, values = _outputs(arguments)
    table = _csv_file(arguments)
    given = own(arguments.target) or arguments.target
    arguments.target = chosen_target(given, arguments.growth).name
    notes: list[str] = []
    told = _told_by_ray if arguments.engine == "ray" else _told_here
    summary, returning, measures = told(arguments, given, (out, values), notes)
    if table and measures:
        measures.write(table)
    print("".join(f"polyest: {' '.join(note.splitlines())}\n" for note in notes), end="", file=sys.stderr)
    if arguments.json:
        known = None if summary["correct"] != summary["correct"] else summary["correct"]
        print_json(summary | {"correct": known} | (measures.as_json() if measures else {}))
    else:
        first = lines(summary, str(returning), measures.over if measures else "")
        for line in chain(first, measures.lines() if measures else ()):
            print(line)
    return 0


def _outputs(arguments: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Where rows and values go; neither onto what is read, nor onto the other."""
    files: dict[str, Path] = {}
    if arguments.engine == "ray":
        _check_for_ray(arguments)
    if arguments.full and arguments.out is None:
        raise ArgumentError("`--full` says what `--out` writes, and needs it; got no `--out`; name a file")
    for option, path in (("--out", arguments.out), ("--values", arguments.values)):
        if path is None:
            continue
        target = _place(arguments.engine, path, option)
        check_not_read(option, target / PART if arguments.engine == "ray" else target, arguments.rollouts)
        for other, taken in files.items():
            if are_same(target, taken):
                raise ArgumentError(
                    f"`{option}` must be another file than `{other}`, {taken}; got {path}; name another"
                )
        files[option] = target
    return files.get("--out"), files.get("--values")


def _check_for_ray(arguments: argparse.Namespace) -> None:
    """Whether the rows are where every worker finds them, and are not to be kept as they are."""
    if arguments.full:
        raise ArgumentError("`--full` needs `--engine duckdb`; leave it out: file and row of each row say where it is")
    if STANDARD_INPUT in arguments.rollouts:
        raise ArgumentError("`ROLLOUTS` must be files that workers can open; got -; write standard input to a file")


def _place(engine: str, path: Path, option: str) -> Path:
    return writable_folder(path, option) if engine == "ray" else writable_file(path, rollouts.SUFFIXES, option)


def _csv_file(arguments: argparse.Namespace) -> Path | None:
    """Where the measures go, which is none of the files that are read; checked before the work."""
    if arguments.csv is None:
        return None
    path = writable_file(arguments.csv, (".csv",), "--csv")
    check_not_read("--csv", path, arguments.rollouts)
    return path


def _told_by_ray(
    arguments: argparse.Namespace, given: str | Own, places: tuple[Path | None, Path | None], notes: list[str]
) -> Told:
    """The same by workers of a cluster."""
    from polyest.cli.score_in_parts import found_in_parts
    from polyest.cli.score_on_ray import on_ray

    cluster = partial(on_ray, arguments.jobs, arguments.address)
    found, correct, read_as = found_in_parts(arguments, given, places, notes, cluster)
    record = found.record

    def records(names: Mapping[str, str]) -> list[GroupStatistics]:
        assert record is not None
        return [replace(record, values={names[label]: numbers for label, numbers in record.values.items()})]

    return _told(arguments, found, correct, read_as, records if record else None)


def _told_here(
    arguments: argparse.Namespace, given: str | Own, places: tuple[Path | None, Path | None], notes: list[str]
) -> Told:
    """What is said about the log; rows and prompts are written."""
    with reading(arguments, notes) as log:
        check_by(arguments, log.rows)
        dealt = log.deal(is_measured(arguments))
        found = found_in(arguments, dealt, _writers(arguments, log.rows, *places), check_several)
        notes += about_log(log.rows, found.groups, arguments.group_size)
        said = arguments, found, log.correct, log.rows.read_as
        if not is_measured(arguments):
            return _told(*said, None)
        from polyest.rollouts.engine.record import DealtRecords

        return _told(*said, partial(DealtRecords, dealt, found.groups, arguments.by))


def _writers(arguments: argparse.Namespace, rows: Rows, out: Path | None, values: Path | None) -> Writers:
    check_columns(arguments, rows)
    row_writer = full_writer(rows, out) if out and arguments.full else None
    if out and not arguments.full:
        row_writer = partial(write_rows, Writer(rows, out))
    return Writers(row_writer, partial(write_prompts, Writer(rows, values)) if values else None)


def _told(
    arguments: argparse.Namespace,
    found: Found,
    correct: float | None,
    read_as: ReadAs,
    records: Callable[[Mapping[str, str]], Records] | None,
) -> Told:
    """What is said about the groups; the default method is called what it is for groups of these sizes.

    Args:
        records: what measures need of the log, with the methods' values under these names.
    """
    methods = labels(arguments)
    names = {label: label if method else _default(arguments, found.groups) for label, method in methods.items()}
    pays = {label: _gaps(arguments, method) for label, method in methods.items()}
    gaps = {label: differences(found.groups, pay, arguments.no_answer_reward is None) for label, pay in pays.items()}
    summary = summary_of(arguments.target, read_as, found.groups, correct, names, gaps)
    returning = Returning([name for name in ("run", arguments.epoch, "step") if name])
    if records is None:
        return summary, returning, None
    from polyest.cli.measured import measured

    by = "step" if arguments.by == arguments.step_column else arguments.by
    each = [lambda record, _: returning.add(record.keys)]
    return summary, returning, measured(records(names), by, arguments.unit, each)


def _default(arguments: argparse.Namespace, groups: Groups) -> str:
    sizes = [size for size in sorted(groups.sizes) if size > 1]
    problems = [make_problem(arguments.target, size, **chosen_budget(arguments)) for size in sizes]
    return "+".join(sorted({problem.method for problem in problems}))


def _gaps(arguments: argparse.Namespace, method: str | None) -> Callable[[int], Array]:
    """What a method pays for 0 to K − 1 matches minus what plug_in does."""
    budget = from_ragged(budget_of(arguments, method))

    def gaps(group_size: int) -> Array:
        own = load(arguments.target, group_size, method, **budget).coefficients
        return own - load(arguments.target, group_size, "plug_in").coefficients

    return gaps

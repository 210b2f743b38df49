"""`polyest score`: rewards, advantages and per-prompt values for a log of rollouts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from polyest import rollouts
from polyest.cli import measured
from polyest.cli.named_function import add_growth_option, chosen_target
from polyest.cli.options import (
    add_budget_options,
    add_json_option,
    chosen_budget,
    column_name,
    print_json,
    writable_file,
)
from polyest.cli.reading import Reading, add_reading_options, check_not_read, reading
from polyest.cli.summary import Summary, lines, summary_of
from polyest.errors import ArgumentError
from polyest.estimator import load
from polyest.problems.budget import RaggedArguments, from_ragged, to_ragged
from polyest.problems.problem import METHODS, make_problem
from polyest.rollouts.batch import Part
from polyest.rollouts.engine.full import full_writer
from polyest.rollouts.engine.output import Writer, write_prompts, write_rows
from polyest.rollouts.engine.record import statistics
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.scored import Groups, Scored, differences, group, score_parts
from polyest.rollouts.notes import about_answers, about_groups
from polyest.rollouts.scoring import Scores, score
from polyest.storage.files import are_same

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["add_parser", "run"]


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = "Rewards, advantages and values for a log of rollouts, one row per completion."
    parser = verbs.add_parser("score", help="score a log of rollouts", description=description)
    parser.set_defaults(run=run, parser=parser)
    add = parser.add_argument
    add_reading_options(parser)
    add("--target", required=True, metavar="TARGET", help="log, 'power(0.5)', 'js(0.1)', MODULE:FUNCTION")
    add_growth_option(parser)
    add("--method", action="append", metavar="METHOD", help=f"{', '.join(METHODS)}; repeat for several (default: aqp)")
    add_budget_options(parser)
    add("--no-answer-reward", type=float, metavar="X", help="reward of no answer (default: that of no match)")
    text = "write rewards and advantages here, with file, row (from 1, blank lines not counted) and keys of each row"
    add("--out", type=Path, metavar="FILE", help=text)
    add("--full", action="store_true", help="write every row there, as it was, with rewards and advantages added")
    add("--values", type=Path, metavar="FILE", help="write one row per prompt here, with its value")
    add("--reference-column", metavar="NAME", help="a reference's probability q of the answer; r(q) is subtracted")
    for name, text in (("reward", "reward; reward_METHOD with several methods"), ("advantage", "advantage, likewise")):
        add(f"--{name}-column", type=column_name, default=name, metavar="NAME", help=f"default: {text}")
    measured.add_options(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    out, values = _outputs(arguments)
    table = measured.csv_file(arguments)
    arguments.target = chosen_target(arguments.target, arguments.growth).name
    notes: list[str] = []
    with reading(arguments, notes) as log:
        summary, found = _scored(arguments, log, out, values)
    if table and found:
        measured.write_csv(table, found)
    print("".join(f"polyest: {' '.join(note.splitlines())}\n" for note in notes), end="", file=sys.stderr)
    if arguments.json:
        correct = summary["correct"]
        print_json(summary | {"correct": None if correct != correct else correct} | (found.as_json() if found else {}))
    else:
        print("\n".join([*lines(summary), *(measured.lines(found) if found else ())]))
    return 0


def _outputs(arguments: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Where rows and values go; neither onto what is read, nor onto the other."""
    files: dict[str, Path] = {}
    if arguments.full and arguments.out is None:
        raise ArgumentError("`--full` says what `--out` writes, and needs it; got no `--out`; name a file")
    for option, path in (("--out", arguments.out), ("--values", arguments.values)):
        if path is None:
            continue
        target = writable_file(path, rollouts.SUFFIXES, option)
        check_not_read(option, target, arguments.rollouts)
        for other, taken in files.items():
            if are_same(target, taken):
                raise ArgumentError(
                    f"`{option}` must be another file than `{other}`, {taken}; got {path}; name another"
                )
        files[option] = target
    return files.get("--out"), files.get("--values")


def _scored(
    arguments: argparse.Namespace, log: Reading, out: Path | None, values: Path | None
) -> tuple[Summary, measured.MeasuredLog | None]:
    """Score the rows, write what is to be written, and say what there is.

    Measures take a pass of their own, and are left out where rows are written and no measure is asked for.
    """
    is_measured = bool(arguments.by or arguments.csv) or not (out or values)
    rows, dealt = log.rows, log.deal(is_measured)
    groups = group(dealt)
    if not (groups.sizes > 1).any():
        raise ArgumentError(
            "`--prompt-column` must put several completions into a group; got groups of one only; name the column that "
            "they share, or sample each prompt more often"
        )
    methods = _methods(arguments, groups)
    names = _column_names(arguments, rows, list(methods))
    row_writer = _row_writer(rows, out, arguments.full) if out else None
    prompt_writer = Writer(rows, values, _id_columns(rows, methods)) if values else None
    record = statistics(dealt, arguments.by) if is_measured else None
    log.notes += [*about_groups(groups, arguments.group_size), *about_answers(rows, groups)]
    scored = score_parts(dealt, _scorer(arguments), methods, out is not None)
    if row_writer:
        row_writer(scored, names)
    if prompt_writer:
        write_prompts(prompt_writer, groups, {_name("value", m, methods): scored.values[m] for m in methods})
    pays = {label: _gaps(arguments, method) for label, method in methods.items()}
    gaps = {label: differences(groups, pay, arguments.no_answer_reward is None) for label, pay in pays.items()}
    summary = summary_of(arguments.target, groups, log.correct, scored, gaps)
    by = "step" if arguments.by == arguments.step_column else arguments.by
    return summary, measured.measured(record, scored.values, by, arguments.unit) if record else None


def _row_writer(rows: Rows, out: Path, is_full: bool) -> Callable[[Scored, Mapping[str, str]], None]:
    return full_writer(rows, out) if is_full else partial(write_rows, Writer(rows, out, rows.keys))


def _methods(arguments: argparse.Namespace, groups: Groups) -> dict[str, str | None]:
    """The methods asked for, by name; the default one is named after what it is for groups of these sizes."""
    if arguments.method:
        return {method: method for method in arguments.method}
    sizes = [size for size in groups.count_by_size() if size > 1]
    problems = [make_problem(arguments.target, size, **chosen_budget(arguments)) for size in sizes]
    return {"+".join(sorted({problem.method for problem in problems})): None}


def _name(column: str, method: str, methods: Collection[str]) -> str:
    return column if len(methods) == 1 else f"{column}_{method}"


def _column_names(arguments: argparse.Namespace, rows: Rows, methods: Sequence[str]) -> dict[str, str]:
    """The names of the new columns, by those of `score_parts`; none may be there already."""
    columns = {"reward": arguments.reward_column, "advantage": arguments.advantage_column}
    names = {f"{kind} {m}": _name(name, m, methods) for m in methods for kind, name in columns.items()}
    every, taken = [*names.values()], {"file", "row", "answer", *rows.keys, *rows.names}
    twice = [name for name in every if name in taken or every.count(name) > 1]
    if arguments.out and twice:
        raise ArgumentError(
            f"`--reward-column` and `--advantage-column` must name new columns, each its own; got {', '.join(twice)}; "
            "choose others"
        )
    return names


def _id_columns(rows: Rows, methods: Collection[str]) -> dict[str, str]:
    """What names a prompt in the rows of `--values`: the columns that do in the log."""
    added = {"completions", "groups", *(_name("value", method, methods) for method in methods)}
    if taken := added.intersection(rows.keys):
        raise ArgumentError(
            f"`--prompt-column` must not be named as columns of `--values` are; got {', '.join(sorted(taken))}"
        )
    return rows.keys


def _budget(arguments: argparse.Namespace, method: str | None) -> RaggedArguments:
    is_its = method in (None, "aqp") or "aqp" not in (arguments.method or ["aqp"])
    return to_ragged(chosen_budget(arguments)) if is_its else RaggedArguments()


def _scorer(arguments: argparse.Namespace) -> Callable[[Part, Array | None, str | None], Scores]:
    def scorer(part: Part, reference: Array | None, method: str | None) -> Scores:
        own = _budget(arguments, method)
        pay = arguments.no_answer_reward
        return score(part.answers, part, arguments.target, method, reference=reference, no_answer_reward=pay, **own)

    return scorer


def _gaps(arguments: argparse.Namespace, method: str | None) -> Callable[[int], Array]:
    """What a method pays for 0 to K − 1 matches minus what plug_in does."""
    budget = from_ragged(_budget(arguments, method))

    def gaps(group_size: int) -> Array:
        own = load(arguments.target, group_size, method, **budget).coefficients
        return own - load(arguments.target, group_size, "plug_in").coefficients

    return gaps

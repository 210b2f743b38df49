"""`polyest score`: rewards, advantages and per-prompt values for a log of rollouts."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from polyest import rollouts
from polyest.cli.named_function import add_growth_option, chosen_target, named_function
from polyest.cli.options import (
    add_budget_options,
    add_json_option,
    chosen_budget,
    column_name,
    print_json,
    writable_file,
)
from polyest.cli.progress import track
from polyest.cli.summary import Summary, lines, summary_of
from polyest.errors import ArgumentError
from polyest.estimator import load
from polyest.problems.budget import RaggedArguments, from_ragged, to_ragged
from polyest.problems.problem import METHODS, make_problem, whole_number
from polyest.rollouts import extraction, readers
from polyest.rollouts.batch import Part
from polyest.rollouts.engine.canonical import unify_answers, verdict_sql
from polyest.rollouts.engine.columns import Columns
from polyest.rollouts.engine.database import MEMORY, bytes_of, opened
from polyest.rollouts.engine.full import full_writer
from polyest.rollouts.engine.log import read_log
from polyest.rollouts.engine.output import Writer, write_prompts, write_rows
from polyest.rollouts.engine.parts import deal
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.scored import Groups, Scored, differences, group, score_parts
from polyest.rollouts.notes import about_answers, about_groups
from polyest.rollouts.scoring import Scores, score
from polyest.storage.files import are_same

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from polyest.rollouts.engine.database import Database
    from polyest.rollouts.engine.reading import Batches, Extract

    Array = NDArray[np.float64]

__all__ = ["add_parser", "run"]

NO_COLUMN = "none"


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = "Rewards, advantages and values for a log of rollouts, one row per completion."
    parser = verbs.add_parser("score", help="score a log of rollouts", description=description)
    parser.set_defaults(run=run, parser=parser)
    add = parser.add_argument
    text = "files, folders, patterns, - for standard input: JSON lines, parquet, or what trainers and evaluations write"
    add("rollouts", nargs="+", metavar="ROLLOUTS", help=text)
    text = f"{', '.join(readers.NAMES)}, or MODULE:FUNCTION, a reader of your own (default: found out for each file)"
    add("--format", metavar="NAME", help=text)
    text = f"find the answer in the completion's text: {', '.join(extraction.SPECIFICATIONS)}"
    add("--extract", metavar="HOW", help=text)
    text = "threads (default: all), and processes for patterns, math-verify and functions (default: 1)"
    add("--jobs", type=int, metavar="N", help=text)
    text = f"of the whole process, as 800MB or 4GB (default: {MEMORY}); what does not fit goes to the disk of TMPDIR"
    add("--memory", default=MEMORY, metavar="SIZE", help=text)
    add("--target", required=True, metavar="TARGET", help="log, 'power(0.5)', 'js(0.1)', MODULE:FUNCTION")
    add_growth_option(parser)
    add("--method", action="append", metavar="METHOD", help=f"{', '.join(METHODS)}; repeat for several (default: aqp)")
    add_budget_options(parser)
    add("--group-size", type=int, metavar="K", help="cut each prompt's completions, in order, into groups of K")
    text = "an answer that means none, as null does: the string VALUE, or what it is as JSON (-1, false); repeatable"
    add("--no-answer", action="append", default=[], metavar="VALUE", help=text)
    add("--no-answer-reward", type=float, metavar="X", help="reward of no answer (default: that of no match)")
    add("--out", type=Path, metavar="FILE", help="write rewards and advantages here, with file, row and keys of each row")
    text = "write every row there, as it was, with rewards and advantages added"
    add("--full", action="store_true", help=text)
    add("--values", type=Path, metavar="FILE", help="write one row per prompt here, with its value")
    text = "default: prompt_id; repeat for a prompt that several columns name together"
    add("--prompt-column", action="append", metavar="NAME", help=text)
    text = "completions of different steps are different groups (default: step, if there)"
    add("--step-column", default="step", metavar="NAME", help=text)
    add("--pool-steps", action="store_true", help="completions of a prompt are one group, whatever their step")
    text = 'default: answer; null means no answer, {"tuple": [1, 2]} a tuple'
    add("--answer-column", default="answer", metavar="NAME", help=text)
    text = "verdicts: true or false, 0 to 1, yes or no (default: correct, if there; none: no column)"
    text = "a column, such as step: means over the prompts of each of its values, with errors (see also --json)"
    add("--by", metavar="NAME", help=text)
    add("--correct-column", metavar="NAME", help=text)
    add("--reference-column", metavar="NAME", help="a reference's probability q of the answer; r(q) is subtracted")
    for name, text in (("reward", "reward; reward_METHOD with several methods"), ("advantage", "advantage, likewise")):
        add(f"--{name}-column", type=column_name, default=name, metavar="NAME", help=f"default: {text}")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    out, values = _outputs(arguments)
    if arguments.group_size is not None:
        whole_number("--group-size", arguments.group_size, least=2)
    jobs = len(os.sched_getaffinity(0)) if arguments.jobs is None else whole_number("--jobs", arguments.jobs, least=1)
    arguments.target = chosen_target(arguments.target, arguments.growth).name
    notes: list[str] = []
    with opened(bytes_of(arguments.memory), jobs) as database:
        rows = _read(arguments, database, notes)
        summary = _summary(arguments, rows, out, values, notes)
    print("".join(f"polyest: {' '.join(note.splitlines())}\n" for note in notes), end="", file=sys.stderr)
    if arguments.json:
        correct = summary["correct"]
        print_json(summary | {"correct": None if correct != correct else correct})
    else:
        print("\n".join(lines(summary)))
    return 0


def _outputs(arguments: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Where rows and values go; neither onto what is read, nor onto the other."""
    files: dict[str, Path] = {}
    for option, path in (("--out", arguments.out), ("--values", arguments.values)):
        if path is None:
            continue
        target = writable_file(path, rollouts.SUFFIXES, option)
        for other, taken in (*(("ROLLOUTS", Path(name)) for name in arguments.rollouts), *files.items()):
            if are_same(target, taken):
                raise ArgumentError(
                    f"`{option}` must be another file than `{other}`, {taken}; got {path}; name another"
                )
        files[option] = target
    return files.get("--out"), files.get("--values")


def _read(arguments: argparse.Namespace, database: Database, notes: list[str]) -> Rows:
    prompts = arguments.prompt_column
    columns = Columns(
        None if prompts is None else tuple(dict.fromkeys(prompts)),
        arguments.step_column,
        arguments.pool_steps,
        answer=arguments.answer_column,
        correct=arguments.correct_column,
        reference=arguments.reference_column,
    )
    own = arguments.format is not None and ":" in arguments.format
    layout = _reader(arguments.format) if own else arguments.format
    extract = None if arguments.extract is None else _extraction(arguments.extract, arguments.jobs or 1)
    rows = read_log(database, arguments.rollouts, columns, layout, extract, notes.append, track)
    unify_answers(rows, arguments.no_answer)
    return rows


def _reader(text: str) -> Batches:
    return cast("Batches", named_function(text, "--format", "a function from a path to Arrow batches"))


def _extraction(how: str, jobs: int) -> Extract:
    """By the rule's name, or the function that MODULE:FUNCTION names."""
    is_rule = how in extraction.RULES or how.startswith(("regex:", "json:")) or ":" not in how
    return extraction.extractor(how if is_rule else named_function(how, "--extract"), jobs=jobs)


def _summary(
    arguments: argparse.Namespace, rows: Rows, out: Path | None, values: Path | None, notes: list[str]
) -> Summary:
    """Score the rows, write what is to be written, and say what there is."""
    numbers = {"reference": "reference"} if arguments.reference_column else {}
    dealt = deal(rows, numbers, arguments.group_size)
    groups = group(dealt)
    if not (groups.sizes > 1).any():
        raise ArgumentError("`--prompt-column` must put several completions into a group; got groups of one only")
    methods = _methods(arguments, groups)
    names = _column_names(arguments, rows, list(methods))
    row_writer = _row_writer(rows, out, arguments.full) if out else None
    prompt_writer = Writer(rows, values, _id_columns(rows, methods)) if values else None
    notes += [*about_groups(groups, arguments.group_size), *about_answers(rows, groups)]
    correct = _correct(rows, arguments.correct_column, notes)
    scored = score_parts(dealt, _scorer(arguments), methods, out is not None)
    if row_writer:
        row_writer(scored, names)
    if prompt_writer:
        write_prompts(prompt_writer, groups, {_name("value", label, methods): scored.values[label] for label in methods})
    load = partial(_coefficients, arguments, methods)
    found = {label: differences(groups, partial(load, label), arguments.no_answer_reward is None) for label in methods}
    return summary_of(arguments.target, groups, correct, scored, found)


def _row_writer(rows: Rows, out: Path, is_full: bool) -> Callable[[Scored, Mapping[str, str]], None]:
    return full_writer(rows, out) if is_full else partial(write_rows, Writer(rows, out, rows.keys))


def _correct(rows: Rows, column: str | None, notes: list[str]) -> float | None:
    """The mean verdict of the completions that have one; None if none has, NaN if one has no meaning."""
    if column == NO_COLUMN:
        return None
    try:
        sql = verdict_sql(rows)
    except ArgumentError as error:
        notes.append(f"{error}; correct: unknown; name another column, or none, with --correct-column")
        return float("nan")
    mean: float | None = rows.connection.sql(f"SELECT avg({sql}) FROM rows").fetchall()[0][0]
    return mean


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
    every, taken = [*names.values()], {"file", "row", *rows.keys, *rows.names}
    twice = [name for name in every if name in taken or every.count(name) > 1]
    if arguments.out and twice:
        raise ArgumentError(
            f"`--reward-column` and `--advantage-column` must name new columns, each its own; got {', '.join(twice)}; "
            "choose others"
        )
    return names


def _id_columns(rows: Rows, methods: Collection[str]) -> dict[str, str]:
    """What a prompt is called in the rows of `--values`: by the columns that name it together, if they are several."""
    added = {"completions", "groups", *(_name("value", method, methods) for method in methods)}
    taken = added.intersection(rows.keys) if len(rows.keys) > 1 else ()
    if taken:
        raise ArgumentError(
            f"`--prompt-column` must not be named as columns of `--values` are; got {', '.join(sorted(taken))}"
        )
    return rows.keys if len(rows.keys) > 1 else {"prompt_id": next(iter(rows.keys.values()))}


def _budget(arguments: argparse.Namespace, method: str | None) -> RaggedArguments:
    is_its = method in (None, "aqp") or "aqp" not in (arguments.method or ["aqp"])
    return to_ragged(chosen_budget(arguments)) if is_its else RaggedArguments()


def _scorer(arguments: argparse.Namespace) -> Callable[[Part, Array | None, str | None], Scores]:
    def scorer(part: Part, reference: Array | None, method: str | None) -> Scores:
        own = _budget(arguments, method)
        pay = arguments.no_answer_reward
        return score(part.answers, part, arguments.target, method, reference=reference, no_answer_reward=pay, **own)

    return scorer


def _coefficients(
    arguments: argparse.Namespace, methods: dict[str, str | None], label: str, group_size: int
) -> tuple[Array, Array]:
    """What a method and plug_in pay for 0 to K − 1 matches."""
    method = methods[label]
    own = from_ragged(_budget(arguments, method))
    return tuple(load(arguments.target, group_size, name, **b).coefficients for name, b in ((method, own), ("plug_in", {})))

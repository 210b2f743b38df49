"""`polyest score`: rewards, advantages and per-prompt values for a log of rollouts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from polyest import rollouts
from polyest.cli import measured
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
from polyest.cli.summary import lines, summary_of
from polyest.errors import ArgumentError
from polyest.problems.budget import RaggedArguments, to_ragged
from polyest.problems.problem import METHODS, make_problem, whole_number
from polyest.rollouts import extraction, readers
from polyest.rollouts.answers import read_answers, share_correct, verdicts
from polyest.rollouts.grouping import Groups, group_rows, read_prompts
from polyest.rollouts.notes import about_answers, about_groups
from polyest.rollouts.runs import Completions, is_plain_file, read_runs
from polyest.rollouts.scoring import Scores, by_prompt, mean_values, score
from polyest.rollouts.statistics import GroupStatistics, group_statistics
from polyest.storage.files import are_same

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["add_parser", "add_reading_options", "read_statistics", "run"]

NO_COLUMN = "none"


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
    add("--out", type=Path, metavar="FILE", help="write the rows here, with rewards and advantages added")
    add("--values", type=Path, metavar="FILE", help="write one row per prompt here, with its value")
    add("--reference-column", metavar="NAME", help="a reference's probability q of the answer; r(q) is subtracted")
    for name, text in (("reward", "reward; reward_METHOD with several methods"), ("advantage", "advantage, likewise")):
        add(f"--{name}-column", type=column_name, default=name, metavar="NAME", help=f"default: {text}")
    measured.add_options(parser)
    add_json_option(parser)


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """What is read, and what its columns mean; for `read_statistics`."""
    add = parser.add_argument
    text = "files, folders or patterns: JSON lines, parquet, or what trainers and evaluation tools write"
    add("rollouts", nargs="+", metavar="ROLLOUTS", help=text)
    add("--format", metavar="NAME", help=f"{', '.join(readers.NAMES)} (default: found out for each file)")
    text = f"find the answer in the completion's text: {', '.join(extraction.SPECIFICATIONS)}"
    add("--extract", metavar="HOW", help=text)
    add("--jobs", type=int, default=1, metavar="N", help="processes for patterns, math-verify and functions")
    add("--group-size", type=int, metavar="K", help="cut each prompt's completions, in order, into groups of K")
    text = "an answer that means none, as null does: the string VALUE, or what it is as JSON (-1, false); repeatable"
    add("--no-answer", action="append", default=[], metavar="VALUE", help=text)
    text = "default: prompt_id; repeat for a prompt that several columns name together"
    add("--prompt-column", action="append", metavar="NAME", help=text)
    text = "completions of different steps are different groups (default: step, if there)"
    add("--step-column", default="step", metavar="NAME", help=text)
    add("--pool-steps", action="store_true", help="completions of a prompt are one group, whatever their step")
    text = 'default: answer; null means no answer, {"tuple": [1, 2]} a tuple'
    add("--answer-column", default="answer", metavar="NAME", help=text)
    text = "verdicts: true or false, 0 to 1, yes or no (default: correct, if there; none: no column)"
    add("--correct-column", metavar="NAME", help=text)


def read_statistics(arguments: argparse.Namespace, notes: list[str]) -> GroupStatistics:
    """The record of a log with its answers; `notes` get what is worth knowing."""
    log = _read(arguments, notes)
    answers = read_answers(log, arguments.answer_column, arguments.no_answer)
    columns = _prompt_columns(arguments, log)
    groups = group_rows(read_prompts(log, columns), arguments.group_size)
    notes += [*about_groups(groups, arguments.group_size), *about_answers(groups, answers, arguments.answer_column)]
    _correct(log, arguments.correct_column, notes)
    return _statistics(arguments, log, answers, groups, columns)


def run(arguments: argparse.Namespace) -> int:
    out, values_file = _outputs(arguments)
    table = measured.csv_file(arguments)
    if arguments.group_size is not None:
        whole_number("--group-size", arguments.group_size, least=2)
    arguments.target = chosen_target(arguments.target, arguments.growth).name
    notes: list[str] = []
    log = _read(arguments, notes)
    answers = read_answers(log, arguments.answer_column, arguments.no_answer)
    columns = _prompt_columns(arguments, log)
    groups = group_rows(read_prompts(log, columns), arguments.group_size)
    _check_groups(groups)
    statistics = _statistics(arguments, log, answers, groups, columns)
    methods = _methods(arguments, groups)
    names = _column_names(arguments, log, list(methods))
    write_rows = rollouts.writer(log, out) if out else None
    write_values = (
        rollouts.writer(by_prompt(groups, _id_columns(columns, methods)), values_file) if values_file else None
    )
    notes += [*about_groups(groups, arguments.group_size), *about_answers(groups, answers, arguments.answer_column)]
    correct = _correct(log, arguments.correct_column, notes)
    scorer = _scorer(arguments, log, answers, groups)
    scores = {label: scorer(method) for label, method in methods.items()}
    plug_in = scores.get("plug_in") or scorer("plug_in")
    if write_rows:
        write_rows({name: column for label in scores for name, column in _added(names[label], scores[label])})
    if write_values:
        write_values({_name("value", label, scores): mean_values(groups, scored) for label, scored in scores.items()})
    summary = summary_of(arguments.target, groups, correct, scores, plug_in)
    values = {name: scored.values for name, scored in (scores | {"plug_in": plug_in}).items()}
    by = "step" if arguments.by == arguments.step_column else arguments.by
    found = measured.measured(statistics, values, by, arguments.unit)
    if table:
        measured.write_csv(table, found)
    print("".join(f"polyest: {' '.join(note.splitlines())}\n" for note in notes), end="", file=sys.stderr)
    if arguments.json:
        print_json(summary | {"correct": None if correct != correct else correct} | found.as_json())
    else:
        print("\n".join([*lines(summary), *measured.lines(found)]))
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


def _read(arguments: argparse.Namespace, notes: list[str]) -> rollouts.Log:
    named = arguments.rollouts
    asked = arguments.format or arguments.extract
    if len(named) == 1 and not asked and (arguments.prompt_column or is_plain_file(named[0])):
        return rollouts.read(Path(named[0]), track)
    how = None if arguments.extract is None else _extraction(arguments.extract)
    return read_runs(named, arguments.format, how, jobs=arguments.jobs, report=notes.append, progress=track)


def _extraction(how: str) -> str | Callable[[str], Hashable]:
    """The rule's name, or the function that MODULE:FUNCTION names."""
    is_rule = how in extraction.RULES or how.startswith(("regex:", "json:")) or ":" not in how
    return how if is_rule else named_function(how, "--extract")


def _prompt_columns(arguments: argparse.Namespace, log: rollouts.Log) -> list[str]:
    """What names a prompt: never completions of several steps together, unless that is asked for."""
    default = [*log.keys] if isinstance(log, Completions) else ["prompt_id"]
    columns = [*dict.fromkeys(arguments.prompt_column or default)]
    step = arguments.step_column
    if arguments.pool_steps:
        return [name for name in columns if name != step]
    return columns if step in columns or step not in log.columns else [*columns, step]


def _correct(log: rollouts.Log, column: str | None, notes: list[str]) -> float | None:
    return None if column == NO_COLUMN else share_correct(log, column, notes)


def _check_groups(groups: Groups) -> None:
    if groups.sizes.count(1) == len(groups.sizes):
        raise ArgumentError("`--prompt-column` must put several completions into a group; got groups of one only")


def _methods(arguments: argparse.Namespace, groups: Groups) -> dict[str, str | None]:
    """The methods asked for, by name; the default one is named after what it is for groups of these sizes."""
    if arguments.method:
        return {method: method for method in arguments.method}
    sizes = {size for size in groups.sizes if size > 1}
    problems = [make_problem(arguments.target, size, **chosen_budget(arguments)) for size in sizes]
    return {"+".join(sorted({problem.method for problem in problems})): None}


def _name(column: str, method: str, methods: Collection[str]) -> str:
    return column if len(methods) == 1 else f"{column}_{method}"


def _column_names(arguments: argparse.Namespace, log: rollouts.Log, methods: Sequence[str]) -> dict[str, list[str]]:
    """The names of the new columns of each method, for rewards and advantages; none may be there already."""
    columns = arguments.reward_column, arguments.advantage_column
    names = {method: [_name(column, method, methods) for column in columns] for method in methods}
    every = [name for pair in names.values() for name in pair]
    taken = [name for name in every if name in log.columns or every.count(name) > 1]
    if arguments.out and taken:
        raise ArgumentError(
            f"`--reward-column` and `--advantage-column` must name new columns, each its own; got {', '.join(taken)}; "
            "choose others"
        )
    return names


def _id_columns(columns: Sequence[str], methods: Collection[str]) -> Sequence[str]:
    """What names a prompt in the rows of `--values`: the columns that do in the log."""
    names = [*dict.fromkeys(columns)]
    added = {"completions", "groups", *(_name("value", method, methods) for method in methods)}
    if taken := added.intersection(names):
        raise ArgumentError(
            f"`--prompt-column` must not be named as columns of `--values` are; got {', '.join(sorted(taken))}"
        )
    return names


def _added(names: Sequence[str], scored: Scores) -> Iterator[tuple[str, Array]]:
    return zip(names, (scored.rewards, scored.advantages), strict=True)


def _scorer(
    arguments: argparse.Namespace, log: rollouts.Log, answers: Sequence[Hashable], groups: Groups
) -> Callable[[str | None], Scores]:
    no_answer_reward, column = arguments.no_answer_reward, arguments.reference_column
    reference = cast("ArrayLike", log.column(column)) if column else None
    budget = to_ragged(chosen_budget(arguments))

    def scorer(method: str | None) -> Scores:
        own = budget if method in (None, "aqp") or "aqp" not in (arguments.method or ["aqp"]) else RaggedArguments()
        return score(
            answers, groups, arguments.target, method, reference=reference, no_answer_reward=no_answer_reward, **own
        )

    return scorer


def _statistics(
    arguments: argparse.Namespace, log: rollouts.Log, answers: Sequence[Hashable], groups: Groups, columns: list[str]
) -> GroupStatistics:
    """The record of the groups, with the keys and the column of --by."""
    prompts = [groups.prompts[i] for i in groups.prompt_of.tolist()]
    rows = [prompt if len(columns) > 1 and isinstance(prompt, tuple) else (prompt,) for prompt in prompts]
    keys: dict[str, Sequence[Hashable]] = dict(zip(columns, zip(*rows, strict=True), strict=True))
    by = getattr(arguments, "by", "prompt")
    if by not in (None, "prompt", *keys):
        keys[by] = _of_groups(log, groups, by)
    if arguments.step_column in keys and "step" not in keys:
        keys = {"step" if name == arguments.step_column else name: column for name, column in keys.items()}
    correct = verdicts(log, arguments.correct_column)
    scores = [value if isinstance(value, float) else None for value in log.column("score", optional=True)]
    keep = "step" in keys or "by" not in arguments
    return group_statistics(groups, answers, keys, correct=correct, scores=scores, keep_answers=keep)


def _of_groups(log: rollouts.Log, groups: Groups, name: str) -> list[Hashable]:
    """The values of a column, of the groups."""
    column: list[Hashable] = [*log.column(name)]
    of_group: dict[int, Hashable] = {}
    for row, group in enumerate(groups.of_row.tolist()):
        if of_group.setdefault(group, column[row]) != column[row]:
            raise ArgumentError(
                f"`--by` must name a column that is the same for all of a group; {name!r} differs within that "
                f"of {log.place(row)}; add it with --prompt-column"
            )
    return [of_group[group] for group in range(len(groups.sizes))]

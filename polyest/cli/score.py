"""`polyest score`: rewards, advantages and per-prompt values for a log of rollouts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Hashable, Sequence
from pathlib import Path
from typing import Any

from polyest import rollouts
from polyest.cli.options import add_budget_options, add_json_option, budgets, print_json, writable_file
from polyest.cli.own import add_growth_option, chosen_target
from polyest.cli.progress import track
from polyest.errors import ArgumentError
from polyest.problem import METHODS, make_problem, whole_number
from polyest.rollouts.grouping import Groups, group_rows, read_answers, read_prompts, share_correct
from polyest.rollouts.scoring import Scores, by_prompt, score

__all__ = ["add_parser", "run"]


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = "Rewards, advantages and values for a log of rollouts, one row per completion."
    parser = verbs.add_parser("score", help="score a log of rollouts", description=description)
    parser.set_defaults(run=run, parser=parser)
    add = parser.add_argument
    add("rollouts", type=Path, metavar="ROLLOUTS", help="JSON lines or parquet")
    add("--target", required=True, metavar="TARGET", help="log, 'power(0.5)', 'js(0.1)', MODULE:FUNCTION")
    add_growth_option(parser)
    add("--method", action="append", metavar="METHOD", help=f"{', '.join(METHODS)}; repeat for several (default: aqp)")
    add_budget_options(parser)
    add("--group-size", type=int, metavar="K", help="cut each prompt's completions, in order, into groups of K")
    add("--no-answer-reward", type=float, metavar="X", help="reward of a null answer (default: that of no match)")
    add("--out", type=Path, metavar="FILE", help="write the rows here, with rewards and advantages added")
    add("--values", type=Path, metavar="FILE", help="write one row per prompt here, with its value")
    add("--prompt-column", default="prompt_id", metavar="NAME", help="default: prompt_id")
    add("--answer-column", default="answer", metavar="NAME", help="default: answer; null means no answer")
    add("--correct-column", metavar="NAME", help="true or false (default: correct, if there)")
    add("--reference-column", metavar="NAME", help="a reference's probability q of the answer; r(q) is subtracted")
    add("--reward-column", default="reward", metavar="NAME", help="default: reward; reward_METHOD with several methods")
    add("--advantage-column", default="advantage", metavar="NAME", help="default: advantage, likewise")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    for path in filter(None, (arguments.out, arguments.values)):
        writable_file(path, rollouts.SUFFIXES)
    if arguments.group_size is not None:
        whole_number("--group-size", arguments.group_size, least=2)
    arguments.target = chosen_target(arguments.target, arguments.growth).name
    log = rollouts.read(arguments.rollouts, track)
    answers = read_answers(log, arguments.answer_column)
    groups = group_rows(read_prompts(log, arguments.prompt_column), arguments.group_size)
    _check_groups(groups)
    methods = _methods(arguments, groups)
    names = _column_names(arguments, log, list(methods))
    scorer = _scorer(arguments, log, answers, groups)
    scores = {label: scorer(method) for label, method in methods.items()}
    summary = _summary(log, groups, scores, scores.get("plug_in") or scorer("plug_in"), arguments)
    if arguments.out:
        columns: dict[str, Any] = {}
        for label, scored in scores.items():
            columns |= dict(zip(names[label], (scored.rewards, scored.advantages), strict=True))
        rollouts.write(log, arguments.out.resolve(), columns)
    if arguments.values:
        prompts, values = by_prompt(groups, {_name("value", label, scores): s for label, s in scores.items()})
        rollouts.write(prompts, arguments.values.resolve(), values)
    if arguments.json:
        print_json(summary)
    else:
        print("\n".join(_lines(summary)))
    return 0


def _check_groups(groups: Groups) -> None:
    alone = groups.sizes.count(1)
    if alone == len(groups.sizes):
        raise ArgumentError("`--prompt-column` must put several completions into a group; got groups of one only")
    if alone:
        print(f"polyest: {alone} groups have one completion and cannot be scored: null", file=sys.stderr)


def _methods(arguments: argparse.Namespace, groups: Groups) -> dict[str, str | None]:
    """The methods asked for, by name; the default one is named after what it is for groups of these sizes."""
    if arguments.method:
        return {method: method for method in arguments.method}
    sizes = {size for size in groups.sizes if size > 1}
    problems = [make_problem(arguments.target, size, **budgets(arguments)) for size in sizes]
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


def _scorer(
    arguments: argparse.Namespace, log: rollouts.Log, answers: Sequence[Hashable], groups: Groups
) -> Callable[[str | None], Scores]:
    options: dict[str, Any] = {"no_answer_reward": arguments.no_answer_reward}
    if arguments.reference_column:
        options["reference"] = log.column(arguments.reference_column)
    budget = budgets(arguments)
    budget["averaged_groups"] = budget.pop("groups")

    def scorer(method: str | None) -> Scores:
        own = budget if method in (None, "aqp") or "aqp" not in (arguments.method or ["aqp"]) else {}
        return score(answers, groups, arguments.target, method, **options, **own)

    return scorer


def _summary(
    log: rollouts.Log, groups: Groups, scores: dict[str, Scores], plug_in: Scores, arguments: argparse.Namespace
) -> dict[str, Any]:
    return {
        "target": arguments.target,
        "completions": len(log),
        "prompts": len(set(groups.prompts)),
        "groups": [{"size": size, "count": count} for size, count in groups.count_by_size().items()],
        "correct": share_correct(log, arguments.correct_column),
        "methods": [
            {
                "method": method,
                "mean_value": scored.mean_value,
                "difference_to_plug_in": scored.mean_value - plug_in.mean_value,
            }
            for method, scored in scores.items()
        ],
    }


def _lines(summary: dict[str, Any]) -> list[str]:
    sizes = ", ".join(f"{row['count']} of {row['size']}" for row in summary["groups"])
    count = sum(row["count"] for row in summary["groups"])
    lines = [f"{summary['completions']} completions of {summary['prompts']} prompts in {count} groups: {sizes}"]
    if summary["correct"] is not None:
        lines.append(f"correct: {summary['correct']:.4f}")
    lines.append(f"{'method':<10}  mean value of {summary['target']:<8}  difference to plug_in")
    for row in summary["methods"]:
        lines.append(f"{row['method']:<10}  {row['mean_value']:<22.6f}  {row['difference_to_plug_in']:+.6f}")
    return lines

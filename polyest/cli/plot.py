"""`polyest plot`: bias and noise over p, all methods; or bias against noise along the frontier."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from polyest.cli.named_function import add_growth_option, chosen_target
from polyest.cli.options import add_budget_options, chosen_budget, file_path, writable_file
from polyest.errors import MissingDependencyError
from polyest.storage.files import replacing
from polyest.storage.store import solve_command

if TYPE_CHECKING:
    from polyest.offline.trace import Frontier

__all__ = ["add_parser", "run"]

SUFFIXES = (".png", ".pdf", ".svg")


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = "Draw bias and noise over the probability of an answer, for all methods."
    parser = verbs.add_parser("plot", help="draw bias and noise over p", description=description)
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("target", metavar="TARGET", help="log, 'power(0.5)', 'js(0.1)', MODULE:FUNCTION")
    add_growth_option(parser)
    parser.add_argument("-k", "--group-size", type=int, required=True, metavar="K", help="the group size")
    add_budget_options(parser)
    parser.add_argument("--frontier", action="store_true", help="bias against noise, minimax to Bayes table")
    parser.add_argument("--out", type=file_path, required=True, metavar="FILE", help=f"ending in {', '.join(SUFFIXES)}")


def run(arguments: argparse.Namespace) -> int:
    path = writable_file(arguments.out, SUFFIXES)
    try:
        from polyest.plot.figures import bias_and_noise, estimators, frontier_figure, lacking, save
    except ModuleNotFoundError as error:
        raise MissingDependencyError.for_extra(error.name or "matplotlib", "plot", "polyest plot") from None
    arguments.target = chosen_target(arguments.target, arguments.growth).name
    question = arguments.target, arguments.group_size
    chosen, absent = estimators(*question, **chosen_budget(arguments)), lacking(*question, **chosen_budget(arguments))
    for problem in absent:
        if problem.method == "aqp":
            print(
                f"no table for {problem}, which is not drawn; solve it with: {solve_command(problem)}", file=sys.stderr
            )
    if arguments.frontier:
        figure = frontier_figure(_frontier(arguments), chosen, absent)
    else:
        figure = bias_and_noise(chosen, absent)
    with replacing(path) as temporary:
        save(figure, temporary, path.suffix[1:].lower())
    print(arguments.out)
    return 0


def _frontier(arguments: argparse.Namespace) -> Frontier:
    try:
        from polyest.offline.trace import trace
    except ModuleNotFoundError as error:
        raise MissingDependencyError.for_extra(error.name or "cvxpy", "offline", "polyest plot --frontier") from None
    return trace(arguments.target, arguments.group_size)

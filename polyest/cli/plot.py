"""`polyest plot`: bias and noise over p, all methods."""

from __future__ import annotations

import argparse
from pathlib import Path

from polyest.cli.options import add_budget_options, budgets, writable_file
from polyest.errors import MissingDependencyError
from polyest.files import replacing

__all__ = ["add_parser", "run"]

SUFFIXES = (".png", ".pdf", ".svg")


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = "Draw bias and noise over the probability of an answer, for all methods."
    parser = verbs.add_parser("plot", help="draw bias and noise over p", description=description)
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("target", metavar="TARGET", help="log, 'power(0.5)', 'js(0.1)', …")
    parser.add_argument("-k", "--group-size", type=int, required=True, metavar="K", help="the group size")
    add_budget_options(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=f"ending in {', '.join(SUFFIXES)}")


def run(arguments: argparse.Namespace) -> int:
    path = writable_file(arguments.out, SUFFIXES)
    try:
        from polyest.plots import bias_and_noise, estimators
    except ModuleNotFoundError as error:
        raise MissingDependencyError.for_extra(error.name or "matplotlib", "plot", "polyest plot") from None
    figure = bias_and_noise(estimators(arguments.target, arguments.group_size, **budgets(arguments)))
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=160)
    print(arguments.out)
    return 0

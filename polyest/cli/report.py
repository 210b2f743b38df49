"""`polyest report`: a page on a log of rollouts, or on several runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from polyest.cli.options import writable_file
from polyest.cli.reading import add_reading_options, check_not_read, read_statistics
from polyest.rollouts.measures import UNITS

__all__ = ["add_parser", "run"]


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = "One HTML file on a log of rollouts: curves over steps, pass@k, prompts and their answers, warnings."
    parser = verbs.add_parser("report", help="write a page on a log of rollouts", description=description)
    parser.set_defaults(run=run, parser=parser)
    add_reading_options(parser)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FILE", help="the page, which ends in .html and needs no network")
    add("--unit", choices=tuple(UNITS), default="nats", help="of entropies (default: nats)")
    add("--title", metavar="TEXT", help="of the page (default: what is read)")


def run(arguments: argparse.Namespace) -> int:
    from polyest.report import write_report

    out = writable_file(arguments.out, (".html", ".htm"))
    check_not_read("--out", out, arguments.rollouts)
    notes: list[str] = []
    with read_statistics(arguments, notes) as statistics:
        print("".join(f"polyest: {' '.join(note.splitlines())}\n" for note in notes), end="", file=sys.stderr)
        write_report(statistics, out, arguments.title or ", ".join(arguments.rollouts), arguments.unit)
    print(out)
    return 0

"""`polyest report`: a page on a log of rollouts, or on several runs, which follows a run in progress if asked to."""

from __future__ import annotations

import argparse
import glob
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from polyest.cli.options import file_path, writable_file
from polyest.cli.reading import add_reading_options, check_not_read, read_records
from polyest.cli.signals import Stopped
from polyest.errors import ArgumentError
from polyest.problems.budget import whole_number
from polyest.rollouts.engine.log import STANDARD_INPUT
from polyest.rollouts.engine.recognised import in_words
from polyest.rollouts.runs import SUFFIXES, Unread, few, files_of
from polyest.rollouts.statistics import UNITS

if TYPE_CHECKING:
    from polyest.report import Report

__all__ = ["add_parser", "run"]

EVERY = 30  # seconds


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = "One HTML file on a log of rollouts: curves over steps, pass@k, prompts and their answers, warnings."
    parser = verbs.add_parser("report", help="write a page on a log of rollouts", description=description)
    parser.set_defaults(run=run, parser=parser)
    add_reading_options(parser)
    add = parser.add_argument
    text = "the page, which ends in .html and needs no network"
    add("--out", type=file_path, required=True, metavar="FILE", help=text)
    add("--unit", choices=tuple(UNITS), default="nats", help="of entropies (default: nats)")
    add("--follow", action="store_true", help="write the page anew whenever the log has grown, until Ctrl-C")
    text = f"how often --follow looks, and the page is loaded anew (default: {EVERY})"
    add("--every", type=int, metavar="SECONDS", help=text)
    add("--title", metavar="TEXT", help="of the page (default: what is read)")


def run(arguments: argparse.Namespace) -> int:
    from polyest.report import write_report

    out = writable_file(arguments.out, (".html", ".htm"))
    check_not_read("--out", out, arguments.rollouts)
    every = _every(arguments)
    if every is not None:
        _follow(arguments, out, every)
    write_report(_report(arguments), out)
    print(out)
    return 0


def _every(arguments: argparse.Namespace) -> int | None:
    """How often a run in progress is looked at; None if it is not followed.

    Raises:
        ArgumentError: no such number; standard input, which is read once.
    """
    if not arguments.follow:
        if arguments.every is not None:
            raise ArgumentError("`--every` says how often `--follow` looks, and needs it; leave it out, or follow")
        return None
    if STANDARD_INPUT in arguments.rollouts:
        raise ArgumentError("`--follow` needs files or folders, which can be read again; got -; name them")
    return EVERY if arguments.every is None else whole_number("--every", arguments.every, least=1)


def _report(arguments: argparse.Namespace) -> Report:
    """What is there now; what is worth knowing goes to standard error."""
    from polyest.report import report_of

    notes: list[str] = []
    with read_records(arguments, notes) as records:
        print("".join(f"polyest: {' '.join(note.splitlines())}\n" for note in notes), end="", file=sys.stderr)
        title, read_as = arguments.title or ", ".join(arguments.rollouts), in_words(records.dealt.rows.read_as)
        return report_of(records, title, arguments.unit, read_as)


def _follow(arguments: argparse.Namespace, out: Path, every: int) -> NoReturn:
    """Write the page again and again; the last one is no longer loaded anew.

    Until there is a file it waits; later errors, as of a file that is being written, are told, and the page stays.
    """
    from polyest.report import write_report

    report: Report | None = None
    unread: Unread = {}
    seen: dict[Path, tuple[int, int]] = {}
    try:
        if not _files(arguments.rollouts, unread):
            there = ", ".join(arguments.rollouts)
            closed = f", and no permission to read {few([*map(str, unread)])}" if unread else ""
            told = f"no rollouts in {there} yet{closed}; waiting for {', '.join(sorted(SUFFIXES))}"
            print(f"polyest: {told}; looking every {every} s", file=sys.stderr, flush=True)
        while True:
            now = _files(arguments.rollouts)
            if now != seen:
                report, seen = _again(arguments, out, every, report), now
            time.sleep(every)
    except Stopped:
        if report is not None:
            write_report(report, out)
        raise


def _again(arguments: argparse.Namespace, out: Path, every: int, before: Report | None) -> Report:
    """The page of what is there now; that of before where it cannot be made, which is told."""
    from polyest.report import write_report

    try:
        report = _report(arguments)
        write_report(report, out, reload=every)
    except ArgumentError as error:
        if before is None:
            raise
        print(f"polyest: {' '.join(str(error).split())}; looking again in {every} s", file=sys.stderr, flush=True)
        return before
    print(out, flush=True)
    return report


def _files(named: Sequence[str], unread: Unread | None = None) -> dict[Path, tuple[int, int]]:
    """Size and time of every file that has something in it; patterns may match none yet."""
    there = [name for name in named if not glob.has_magic(name) or glob.glob(name, recursive=True)]  # noqa: PTH207
    found = {}
    for _, path, _ in files_of(there, unread):
        with suppress(FileNotFoundError):  # gone meanwhile
            status = path.stat()
            if status.st_size:
                found[path] = status.st_size, status.st_mtime_ns
    return found

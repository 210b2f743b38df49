"""`polyest list`: the tables there are."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TypedDict

from polyest.cli.options import add_json_option, print_json
from polyest.cli.progress import tell
from polyest.closed_forms import CLOSED_FORM
from polyest.numbers.rationals import decimal_text
from polyest.problems.budget import Budget
from polyest.problems.problem import Problem
from polyest.storage import store
from polyest.storage.listing import tables, targets

__all__ = ["add_parser", "ranges", "run"]


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("list", help="list the tables there are", description="List the tables there are.")
    parser.set_defaults(run=run, parser=parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    for note in _about_own_folder():
        tell(note)
    rows = [_row(key, list(problems)) for key, problems in groupby(tables(), key=_key)]
    if arguments.json:
        print_json(rows)
        return 0
    lines = [("target", "method", "budget", "group sizes", "folder"), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(f"computed when asked for, at any size: {', '.join(CLOSED_FORM)}; targets: {', '.join(targets())}")
    return 0


def _about_own_folder() -> Iterator[str]:
    """What cannot be read of it; it need not be there, unless it was named."""
    name = "POLYEST_COEFFS" if os.environ.get("POLYEST_COEFFS") else "your own folder of tables"
    for error in store.candidates(store.user_folder())[1]:
        if not isinstance(error, FileNotFoundError):
            yield f"{name} must hold folders that can be read; {error.filename}: {error.strerror}; mend that"
        elif "POLYEST_COEFFS" in name:
            yield f"{name} must name a folder; there is no {error.filename}; name another; polyest solve makes it"


class Row(TypedDict):
    """A line of the list, as JSON."""

    target: str
    method: str
    budget: dict[str, str] | None
    group_sizes: list[int]
    folder: str


Key = tuple[str, str, Budget | None, bool]


def _key(problem: Problem) -> Key:
    path = store.find(problem)
    own = path is not None and path.is_relative_to(store.user_folder())
    return problem.target, problem.method, problem.budget, own


def _row(key: Key, problems: Sequence[Problem]) -> Row:
    target, method, budget, own = key
    return {
        "target": target,
        "method": method,
        "budget": {budget.kind: decimal_text(budget.value)} if budget else None,
        "group_sizes": sorted(problem.group_size for problem in problems),
        "folder": str(store.user_folder() if own else store.shipped_folder()),
    }


def _cells(row: Row) -> tuple[str, ...]:
    budget = "".join(f"{kind}={value}" for kind, value in (row["budget"] or {}).items())
    return row["target"], row["method"], budget, ranges(row["group_sizes"]), row["folder"]


def ranges(sizes: Sequence[int]) -> str:
    """Sorted whole numbers the way `-k` takes them.

    >>> ranges([2, 3, 4, 8, 16, 17])
    '2:4,8,16:17'
    """
    parts: list[list[int]] = []
    for size in sizes:
        if parts and parts[-1][-1] == size - 1:
            parts[-1] = [parts[-1][0], size]
        else:
            parts.append([size])
    return ",".join(":".join(map(str, part)) for part in parts)

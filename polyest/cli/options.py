"""Options that several verbs share, and how they are read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from polyest.errors import ArgumentError, nearest

__all__ = [
    "MOST_SIZES",
    "Parser",
    "add_budget_options",
    "add_json_option",
    "budgets",
    "group_sizes",
    "print_json",
    "reject_unknown",
    "writable_file",
]

MOST_SIZES = 10_000


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **(options | {"allow_abbrev": False}))

    def error(self, message: str) -> NoReturn:
        usage = f"; it is: {self.usage_line()}" if "arguments are required" in message else ""
        self.exit(2, f"{self.prog}: {message}{usage}; see: {self.prog} --help\n")

    def usage_line(self) -> str:
        """How the command is written, on one line."""
        return " ".join(self.format_usage().split()[1:])

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is no choice, and offer the nearest one."""
        if action.choices is not None and value not in action.choices:
            known = list(map(str, action.choices))
            hint = nearest(str(value), known)
            raise argparse.ArgumentError(action, f"invalid choice: {value!r} (choose from {', '.join(known)}){hint}")


def reject_unknown(parser: Parser, rest: Sequence[str]) -> None:
    """End with one line that offers what was meant, if anything on the command line was not understood."""
    if rest:
        options = [name for name in parser._option_string_actions if name.startswith("--")]
        name = rest[0].partition("=")[0]
        places = [a.metavar for a in parser._actions if not a.option_strings and isinstance(a.metavar, str)]
        hint = nearest(name, options)
        if name.lstrip("-").upper() in places:
            hint = f"; {name.lstrip('-').upper()} is given without a name: {parser.usage_line()}"
        parser.error(f"unrecognized argument {rest[0]!r}{hint}")


def group_sizes(text: str) -> list[int]:
    """Group sizes written 16, 2:64 (inclusive) or 8,16,32, without repetition.

    >>> group_sizes("2:4,8,3")
    [2, 3, 4, 8]
    """
    sizes: dict[int, None] = {}
    for part in text.split(","):
        first, colon, last = part.partition(":")
        try:
            ends = int(first), int(last) if colon else int(first)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be like 16, 2:64 or 8,16,32; got {text!r}") from None
        if ends[0] < 2 or ends[1] < ends[0] or ends[1] - ends[0] > MOST_SIZES:
            raise argparse.ArgumentTypeError(f"needs group sizes from 2 upwards, first:last; got {part!r}")
        sizes.update(dict.fromkeys(range(ends[0], ends[1] + 1)))
    return list(sizes)


def add_budget_options(parser: argparse.ArgumentParser) -> None:
    """The three ways to name a point on the aqp frontier."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--noise-budget", metavar="RHO", help="at most RHO times the noise of plug_in (default: 1.5)")
    group.add_argument("--bias-budget", metavar="KAPPA", help="KAPPA times the least possible worst-case bias")
    group.add_argument("--groups", metavar="M", type=int, help="least error when updates average M groups")


def budgets(arguments: argparse.Namespace) -> dict[str, Any]:
    """The budget options as keyword arguments of `polyest.load`."""
    return {kind: getattr(arguments, kind) for kind in ("noise_budget", "bias_budget", "groups")}


def add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, of a form that stays")


def print_json(content: Any) -> None:
    print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def writable_file(path: Path, suffixes: Sequence[str]) -> Path:
    """`path` if a file of one of these kinds could be written there; checked before the work begins.

    Raises:
        ArgumentError: another ending, no such folder, or something that is no file in its place.
    """
    target = path.resolve()
    if target.suffix.lower() not in suffixes:
        raise ArgumentError(f"`--out` must end in {', '.join(suffixes)}; got {str(path)!r}")
    if not target.parent.is_dir():
        raise ArgumentError(f"`--out` must be in a folder that exists; there is no {target.parent}; create it first")
    if target.exists() and not target.is_file():
        raise ArgumentError(f"`--out` must be a file, and {path} is something else; name another")
    return target

"""Options that several verbs share, and how they are read."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from polyest.errors import ArgumentError, nearest
from polyest.problems.budget import BUDGET_KINDS, BudgetArguments
from polyest.rollouts import jsonl
from polyest.storage.files import check_writable, sweep

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = [
    "MOST_SIZES",
    "Lazy",
    "MissingArguments",
    "Parser",
    "add_budget_options",
    "add_json_option",
    "chosen_budget",
    "column_name",
    "file_path",
    "group_sizes",
    "not_empty",
    "print_json",
    "reject_unknown",
    "writable_file",
    "writable_folder",
]

MOST_SIZES = 10_000


class Once(argparse._StoreAction):
    """An option that takes one value, and refuses a second one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        given = vars(namespace).setdefault("given_options", set())
        if option_string is not None and self.dest in given:
            raise argparse.ArgumentError(self, "takes one value, and is given twice; leave one out")
        given.add(self.dest)
        super().__call__(parser, namespace, values, option_string)


class MissingArguments(Exception):
    """Some that a verb needs; perhaps because their names are misspelt."""

    def __init__(self, parser: Parser, message: str) -> None:
        super().__init__(f"{message}; it is: {parser.needed_line()}")
        self.parser = parser


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line; an option is given once, unless it collects what it is given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)
        for name in (None, "store"):
            self.register("action", name, Once)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> object:
        """A value is never "--": argparse would take it for the end of the options, and give an empty list."""
        if action.option_strings and arg_strings == ["--"]:
            raise argparse.ArgumentError(action, "takes a value, and -- is none")
        return super()._get_values(action, arg_strings)

    def error(self, message: str) -> NoReturn:
        if "arguments are required" in message:
            raise MissingArguments(self, message)
        self.exit(2, f"{self.prog}: {message}; see: {self.prog} --help\n")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Help that cannot be written is an error."""
        (file or sys.stderr).write(message)

    def unknown(self, given: Sequence[str]) -> list[str]:
        """What looks like an option on a command line, and is none of this verb."""
        return [
            text for text in given if text[:2] == "--" and text.partition("=")[0] not in self._option_string_actions
        ]

    def usage_line(self) -> str:
        """How the command is written, on one line."""
        return " ".join(self.format_usage().split()[1:])

    def needed_line(self) -> str:
        """The same with what has to be given."""
        formatter = self._get_formatter()
        formatter.add_usage(None, [a for a in self._actions if a.required or a.nargs == argparse.PARSER], [])
        return " ".join(formatter.format_help().split()[1:])

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Refuse a value that is no choice, and offer the nearest one."""
        if action.choices is not None and value not in action.choices:
            known = list(map(str, action.choices))
            hint = nearest(str(value), known)
            raise argparse.ArgumentError(action, f"invalid choice: {value!r} (choose from {', '.join(known)}){hint}")


def reject_unknown(parser: Parser, rest: Sequence[str], having: Callable[[str], Sequence[str]]) -> None:
    """End with one line that offers what was meant, if anything on the command line was not understood.

    Args:
        parser: of the verb that was given.
        rest: what it does not know.
        having: the verbs that have an option.
    """
    if rest:
        options = [name for name in parser._option_string_actions if name.startswith("--")]
        name = rest[0].partition("=")[0]
        places = [a.metavar for a in parser._actions if not a.option_strings and isinstance(a.metavar, str)]
        hint = nearest(name, options)
        if name.lstrip("-").upper() in places:
            hint = f"; {name.lstrip('-').upper()} is given without a name: {parser.usage_line()}"
        elif verbs := having(name):
            hint = f"; it is an option of {', '.join(verbs)}"
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


def column_name(text: str) -> str:
    """The name of a new column: text that any file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"must be text in UTF-8; got {text!r}") from None
    return not_empty(text)


def not_empty(text: str) -> str:
    """A name as typed: an empty one of a file would be that of the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty; got '', as from a variable that is not set; name it")
    return text


def file_path(text: str) -> Path:
    return Path(not_empty(text))


def add_budget_options(parser: argparse.ArgumentParser, graded: bool = False) -> None:
    """The ways to name a point on the frontier of aqp, and that of graded where tables are solved or shown."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--noise-budget", metavar="RHO", help="at most RHO times the noise of plug_in (default: 1.5)")
    group.add_argument("--bias-budget", metavar="KAPPA", help="KAPPA times the least possible worst-case bias")
    group.add_argument("--groups", metavar="M", type=int, help="least error when updates average M groups")
    if graded:
        text = "of graded: BETA per range of rewards (default: 0.05)"
        group.add_argument("--worst-case-bias", metavar="BETA", help=text)


def chosen_budget(arguments: argparse.Namespace) -> BudgetArguments:
    """The budget option as keyword arguments of `polyest.load`."""
    return cast("BudgetArguments", {kind: getattr(arguments, kind) for kind in BUDGET_KINDS if kind in arguments})


def add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, of a form that stays")


class Lazy(list[object]):
    """A list, not empty, for `print_json`: its items are made one by one, whenever it is gone through."""

    def __init__(self, items: Callable[[], Iterator[object]]) -> None:
        super().__init__([None])
        self.items = items

    def __iter__(self) -> Iterator[object]:
        return self.items()


def print_json(content: object) -> None:
    sys.stdout.writelines(json.JSONEncoder(indent=1, ensure_ascii=False, allow_nan=False).iterencode(content))
    print()


def writable_folder(path: Path, option: str) -> Path:
    """Where a new folder of files will be made, links followed; checked before the work begins.

    Raises:
        ArgumentError: it is there already, or may not be made.
    """
    target = path.resolve()
    if target.suffix.lower() in jsonl.SUFFIXES:
        raise ArgumentError(f"`{option}` must name a folder, for parquet; got {str(path)!r}; leave the ending out")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ArgumentError(f"`{option}` must be a folder that is new or empty; {path} is not; name another")
    if not target.parent.is_dir():
        raise ArgumentError(f"`{option}` must be in a folder that exists; there is no {target.parent}; create it first")
    sweep(target.parent, below=False)
    check_writable(target / "part", option)
    return target


def writable_file(path: Path, suffixes: Sequence[str], option: str = "--out") -> Path:
    """Where a file of one of these kinds will be written, links followed; checked before the work begins.

    Raises:
        ArgumentError: another ending, no such folder, what may not be written, or what is no file in its place.
    """
    try:
        target = path.resolve()
        if target.is_symlink():  # to itself, which Python 3.13 leaves as it is and earlier ones refuse
            raise OSError(os.strerror(errno.ELOOP))
        has_folder = target.parent.is_dir()
    except (OSError, RuntimeError) as error:
        raise ArgumentError(f"`{option}` must be a file; {path}: {error}; name another") from None
    if target.suffix.lower() not in suffixes:
        raise ArgumentError(f"`{option}` must end in {', '.join(suffixes)}; got {str(path)!r}")
    if not has_folder:
        raise ArgumentError(f"`{option}` must be in a folder that exists; there is no {target.parent}; create it first")
    sweep(target.parent, below=False)
    check_writable(target, option)
    return target

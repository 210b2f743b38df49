"""The command line: one file per verb, each with `add_parser` and a `run` that returns the exit code.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 a check failed, 2 wrong usage or
bad input, 70 a mistake of polyest's own, 130 interrupted, 141 nobody reads on, 143 terminated.

Verbs: `listing`, `show`, `solve`, `verify`, `score` with its `summary` and what is `measured`, `report`, `plot`. A log
is scored as `scoring` says, in this process, or in parts (`score_in_parts`, each a `job`) on Ray (`score_on_ray`). What
verbs share: `options`, `named_function`, `reading`, `streams`; work on many items in `parallel`, on a `cluster`, with
`progress`, ended by `signals`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from polyest import __version__
from polyest.cli.options import MissingArguments, Parser, reject_unknown
from polyest.cli.signals import Stopped, raising
from polyest.cli.streams import in_words, ready, warnings_as_lines
from polyest.command import INTERNAL_ERROR
from polyest.errors import PolyestError

__all__ = ["main"]

VERBS = {name: name for name in ("list", "show", "solve", "verify", "score", "report", "plot")} | {"list": "listing"}
CODES = (
    "Exit codes: 0 done, 1 a check failed, 2 wrong usage or bad input, 70 a mistake of polyest's own, 130 interrupted, "
    "141 nobody reads on, 143 terminated."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` is without the program's name."""
    came: list[Stopped] = []
    code, message = 0, ""
    try:
        with raising() as came:
            code, message = _outcome(argv)
    except KeyboardInterrupt:
        came = came or [Stopped(signal.SIGINT)]
    except BaseException:
        if not came:
            raise
    if came:
        code, message = came[-1].code, str(came[-1])
    if message:
        with suppress(OSError):  # nobody to be told
            print(f"polyest: {' '.join(message.split())}", file=sys.stderr)
    return code


def _outcome(argv: Sequence[str] | None) -> tuple[int, str]:
    """The exit code, and what is to be said about it; only signals and argparse raise."""
    try:
        with ready(), warnings_as_lines():
            code = _run(argv)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141, ""
    except PolyestError as error:
        return 2, str(error)
    except OSError as error:
        return 2, in_words(error)
    except Exception as error:  # noqa: BLE001  (Python's own exit code, 1, would say that a check failed)
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}, line {where.lineno}"
        return INTERNAL_ERROR, f"internal error in {place}: {type(error).__name__}: {error}; please report it"
    return code, ""


def build_parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The parser of one verb, so that what others need is not loaded; of all if it is none."""
    parser = Parser(
        prog="polyest", description="Solve, prove, show and apply tables of count-based rewards.", epilog=CODES
    )
    parser.add_argument("-V", "--version", action="version", version=f"polyest {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    for name in [verb] if verb in VERBS else VERBS:
        import_module(f"polyest.cli.{VERBS[name]}").add_parser(verbs)
    about = verbs.add_parser("help", help="say what a verb does", description="Say what a verb does.")
    about.add_argument("about", nargs="?", metavar="VERB", choices=tuple(verbs.choices), help="all of them by default")
    about.set_defaults(run=lambda arguments: _help(verbs.choices.get(arguments.about, parser)), parser=about)
    words = ", ".join(verbs.choices)
    parser.set_defaults(run=lambda _: parser.error(f"the following arguments are required: VERB, one of {words}"))
    parser.set_defaults(parser=parser)
    return parser


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _run(argv: Sequence[str] | None) -> int:
    given = sys.argv[1:] if argv is None else argv
    parser = build_parser(next(iter(given), None))
    try:
        arguments, rest = parser.parse_known_args(given)
        reject_unknown(arguments.parser, rest, _having)
        code: int = arguments.run(arguments)
    except MissingArguments as error:
        reject_unknown(error.parser, error.parser.unknown(given), _having)
        error.parser.exit(2, f"{error.parser.prog}: {error}; see: {error.parser.prog} --help\n")
    return code


def _having(option: str) -> list[str]:
    """The verbs that have an option."""
    found = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    return [verb.prog for verb in next(found).choices.values() if option in verb._option_string_actions]

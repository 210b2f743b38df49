"""The command line: one file per verb, each with `add_parser` and a `run` that returns the exit code.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 a check failed, 2 wrong usage or
bad input, 130 interrupted, 141 nobody reads on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from polyest import __version__
from polyest.cli import listing, plot, score, show, solve, verify
from polyest.cli.options import Parser, reject_unknown
from polyest.errors import PolyestError

__all__ = ["main"]

VERBS = (listing, show, solve, verify, score, plot)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` is without the program's name."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ≥ still gets its line
    try:
        code = _run(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (PolyestError, OSError) as error:
        return _complain(str(error), 2)
    return code


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    parser = Parser("polyest", description="Solve, prove, show and apply tables of count-based rewards.")
    parser.add_argument("--version", action="version", version=f"polyest {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)
    for verb in VERBS:
        verb.add_parser(verbs)
    return parser


def _run(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    reject_unknown(arguments.parser, rest)
    code: int = arguments.run(arguments)
    return code


def _complain(message: str, code: int) -> int:
    print(f"polyest: {' '.join(message.split())}", file=sys.stderr)
    return code

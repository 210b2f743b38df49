"""Standard output and error, which may be closed or full, and warnings, as lines of the program's own."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import islice
from typing import TextIO, TypeVar, cast

from polyest.cli.progress import tell
from polyest.command import provide_stderr
from polyest.errors import ArgumentError

__all__ = ["in_words", "ready", "warnings_as_lines"]

T = TypeVar("T")
NAME = "standard output"
TOGETHER = 4096  # pieces that are written at once


class Output:
    """A standard output whose errors bear its name."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(vars(self).get("stream"), name)  # which is not there before `__init__`

    def write(self, text: str) -> int:
        return self._tried(lambda: self.stream.write(text))

    def writelines(self, lines: Iterable[str]) -> None:
        rest = iter(lines)
        while block := [*islice(rest, TOGETHER)]:
            self.write("".join(block))

    def flush(self) -> None:
        self._tried(self.stream.flush)

    def _tried(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except OSError as error:
            error.filename = NAME
            raise


@contextmanager
def ready() -> Iterator[None]:
    """Streams that can be written to, and to which all is written at the end; `in_words` says what was refused.

    Raises:
        ArgumentError: standard output is closed. The next file that is opened would take its place.
    """
    provide_stderr()
    if sys.stdout is None:
        raise ArgumentError(
            "standard output must be open, as results go there; it is closed (>&-); send it to a file, or to /dev/null"
        )
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ≥ still gets its line
    with redirect_stdout(cast("TextIO", Output(sys.stdout))):
        try:
            yield
        except SystemExit:  # behind help
            sys.stdout.flush()
            raise
        sys.stdout.flush()


def in_words(error: OSError) -> str:
    """What is wrong with a file or with standard output."""
    if error.filename != NAME:
        return str(error)
    return f"{NAME} must take the results; got {error.strerror}; send it elsewhere, or make room"


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Warnings are shown in one line each, without a line of source."""
    before, warnings.showwarning = warnings.showwarning, lambda message, *_: tell(str(message))
    try:
        yield
    finally:
        warnings.showwarning = before

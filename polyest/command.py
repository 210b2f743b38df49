"""Starts the command `polyest`, so that an interrupt is answered by one line also while everything else is loaded."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["INTERNAL_ERROR", "guard", "main", "provide_stderr", "stop"]

INTERNAL_ERROR = 70  # as in sysexits.h: a mistake of the program; 1 means that a check failed


def main() -> int:
    """Run the command line and return its exit code; not ended by a signal from then on."""
    provide_stderr()
    guard()
    atexit.register(_leave, ended := [])  # as the first, so that it runs after all other clean-up
    gc.disable()
    if sys.argv[1:2] in (["score"], ["report"]):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's, for matrices: none here, and 50 ms of a processor
    try:
        from polyest.cli import main as command
    except Exception as error:  # noqa: BLE001  (a broken installation may raise anything)
        print(f"polyest: cannot be loaded: {type(error).__name__}: {error}; install it again", file=sys.stderr)
        return INTERNAL_ERROR
    gc.freeze()  # what is loaded stays: looking through it for garbage, also at the end, takes 50 ms
    gc.enable()
    code = command()
    ended.append(code)
    return code


def provide_stderr() -> None:
    """What is said on a standard error that is closed goes nowhere: not to standard output, nor into another file."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (to the end)


def guard() -> None:
    """Until `polyest.cli` takes over, Ctrl-C and SIGTERM end this process with one line, unless they are ignored."""
    for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is default:
            signal.signal(number, stop)


def stop(number: int, _: object) -> None:
    """The end, without clean-up: there is nothing yet."""
    os.write(2, b"polyest: interrupted\n" if number == signal.SIGINT else b"polyest: terminated\n")
    os._exit(128 + number)


def _leave(ended: list[int]) -> None:
    """End here: the interpreter's own end takes 0.1 s, and may abort in a module whose import a signal broke off."""
    if ended:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(OSError):
                stream.flush()
        os._exit(ended[0])

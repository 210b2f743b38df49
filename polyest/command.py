"""Starts the command `polyest`, so that an interrupt is answered by one line also while everything else is loaded."""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["INTERNAL_ERROR", "guard", "main", "stop"]

INTERNAL_ERROR = 70  # as in sysexits.h: a mistake of the program; 1 means that a check failed


def main() -> int:
    """Run the command line and return its exit code; not ended by a signal from then on."""
    guard()
    try:
        from polyest.cli import main as command
    except Exception as error:  # noqa: BLE001  (a broken installation may raise anything)
        print(f"polyest: cannot be loaded: {type(error).__name__}: {error}; install it again", file=sys.stderr)
        return INTERNAL_ERROR
    return command()


def guard() -> None:
    """Until `polyest.cli` takes over, Ctrl-C ends this process with one line; one started with `nohup … &` has none."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)


def stop(*_: object) -> None:
    """The end, without clean-up: there is nothing yet."""
    os.write(2, b"polyest: interrupted\n")
    os._exit(130)

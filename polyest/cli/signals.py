"""Ctrl-C and SIGTERM end the command line by an exception, so that files and processes are cleaned up behind it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from polyest import command

__all__ = ["Stopped", "held_back", "raising"]

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Stopped(KeyboardInterrupt):
    """A signal that ends the process; its exit code is 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(WORDS[signal.Signals(number)])
        self.number, self.code = number, 128 + number


@contextmanager
def raising() -> Iterator[list[Stopped]]:
    """Signals raise `Stopped`; those that came are listed, because an import or a callback may have swallowed one.

    A signal that is ignored, as Ctrl-C is in the background of a shell (`nohup … &`), stays so. At the end of the
    program both are ignored: there is nothing to be ended any more.
    """
    came: list[Stopped] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def stop(number: int, _: FrameType | None) -> None:
        came.append(Stopped(number))
        raise came[-1]

    def again(swallowed: sys.UnraisableHookArgs) -> None:
        """Where nothing can be raised, as in a finaliser, the signal is sent once more."""
        if isinstance(swallowed.exc_value, Stopped):
            threading.Timer(0.05, _strike, [swallowed.exc_value.number]).start()
        else:
            report(swallowed)

    before = {number: signal.getsignal(number) for number in WORDS}
    is_program, report = before[signal.SIGINT] is command.stop, sys.unraisablehook
    try:
        sys.unraisablehook = again
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, stop)
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if is_program else handler)
        sys.unraisablehook = report


@contextmanager
def held_back() -> Iterator[None]:
    """Signals wait; processes that are started meanwhile never see Ctrl-C, which is this one's to handle."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # joblib starts it in any case, and starting it lets interrupts through again
    late: list[int] = []
    handler = signal.signal(signal.SIGTERM, lambda number, _: late.append(number))  # a mask would be inherited
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number in late:
            signal.raise_signal(number)


def _strike(number: int) -> None:
    """Signal the main thread, which wakes it from whatever it waits for, except on Windows."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)

"""From the text of a completion to its answer, for trainers that hand over texts."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import threading
import warnings
import weakref
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from polyest.adapters.math.keys import math_verify_key, packages
from polyest.errors import ArgumentError, nearest, shortened

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

__all__ = ["Extractor"]

Extract: TypeAlias = Callable[[str], Hashable]
Work: TypeAlias = Callable[[str], tuple[bool, object]]  # whether it worked, and the answer or what went wrong

START_LIMIT = 60.0  # seconds that a forked process has for its first word


class Extractor:
    """Calls a function from text to answer, in a process of its own that a time limit can end.

    Only another process can be stopped whatever it does: signals reach the main thread alone, and a thread stuck in C
    code (``9**9**9``) stops all threads. The process is forked at the first call, serves all threads in turn, and is
    forked again after it had to be killed. A call costs about 0.1 ms.

    It is forked, as torch's DataLoader forks its workers, because only so does every `extract` get there: closures,
    functions of a script without a ``__main__`` guard, of a notebook, of a file that verl loaded by its path. A trainer
    has threads, and a lock that one of them holds during the fork stays locked in the child: an `extract` that waits
    for it runs into the time limit. Python 3.12 and later warn of this (DeprecationWarning, shown where a user asks for
    it), and so does JAX where it is loaded. `extract` should be plain Python and must not use CUDA; otherwise pass
    ``time_limit=None``.

    Args:
        extract: text → hashable answer, or None for no answer; or ``"boxed"``, ``"hash4"``, ``"last-number"``, as in
            `polyest score`, or ``"math-verify"`` for `math_verify_key`.
        time_limit: seconds for one completion, after which it counts as without an answer, with a warning; None calls
            the function directly, and waits for ever.
        finish: what is made of an answer under the same limit, and returned in its place; by default the answer.
        late: is told of a completion that took longer, in place of the warning.

    Raises:
        ArgumentError: an argument is outside its domain; when called: the function raises, its answer is unhashable or
            cannot be pickled, `finish` refuses it, or its process dies.

    >>> Extractor(str.strip, time_limit=None)(" 42 ")
    '42'
    """

    def __init__(
        self,
        extract: Extract | str,
        time_limit: float | None = 5.0,
        finish: Callable[[Hashable], object] | None = None,
        late: Callable[[str], None] | None = None,
    ) -> None:
        self._extract = _function(extract)
        self._finish = finish
        self._late = late
        self._time_limit = _check_limit(time_limit)
        self._lock = threading.Lock()
        self._worker: _Worker | None = None

    def __reduce__(self) -> tuple[type[Extractor], tuple[object, ...]]:
        """Without its process, which a copy starts anew."""
        return Extractor, (self._extract, self._time_limit, self._finish, self._late)

    def __call__(self, text: str) -> Any:
        """The answer in a completion's text, or what `finish` makes of it."""
        if not isinstance(text, str):
            raise ArgumentError(f"`text` must be a completion's text, got {type(text).__name__}; decode it first")
        done, answer = _try(self._extract, self._finish, text) if self._time_limit is None else self._ask(text)
        if not done:
            raise ArgumentError(
                f"`extract` must return a hashable answer, or None, for every text; got {answer} from "
                f"{shortened(text)}; return None for what it cannot read, and a string or a tuple for an answer"
            )
        return answer

    def _ask(self, text: str) -> tuple[bool, object]:
        with self._lock:
            if self._worker is None or self._worker.owner != os.getpid():
                self._worker = _Worker(partial(_try, self._extract, self._finish))
            reply = self._worker.ask(text, self._time_limit)
            if reply is None or reply == DIED:
                self._worker.stop()
                self._worker = None
        if reply is None:
            (self._late or self._warn)(text)
            return _try(_nothing, self._finish, text)
        return reply

    def _warn(self, text: str) -> None:
        warnings.warn(
            f"`extract` took longer than {self._time_limit:g} s for {shortened(text)}, which counts as without an "
            "answer; make it faster or raise `time_limit`",
            stacklevel=4,
        )


DIED = (False, "the end of its process")


class _Worker:
    """A forked process that answers one text after the other."""

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("fork")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(work, self._connection, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.owner = os.getpid()
        self.stop = weakref.finalize(self, _stop, self.owner, self._process, self._connection)
        if not self._connection.poll(START_LIMIT):
            self.stop()
            raise ArgumentError(
                f"`time_limit` needs a process of its own, got none that started within {START_LIMIT:g} s; pass "
                "time_limit=None and limit the time inside `extract`"
            )
        self._connection.recv()

    def ask(self, text: str, time_limit: float | None) -> tuple[bool, object] | None:
        """Whether it worked, and the answer or what went wrong; None if time is over."""
        try:
            self._connection.send(text)
            reply: tuple[bool, object] | None = self._connection.recv() if self._connection.poll(time_limit) else None
        except (EOFError, OSError):
            return DIED
        except Exception as error:  # noqa: BLE001  (unpickling runs the answer's own code)
            return False, f"an answer that cannot be unpickled ({error!r})"
        return reply


def _serve(work: Work, parents: Connection, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the parent's to handle
    parents.close()
    connection.send("ready")
    while True:
        try:
            text = connection.recv()
        except EOFError:
            return
        reply = work(text)
        try:
            connection.send(reply)
        except Exception as error:  # noqa: BLE001  (pickling runs the answer's own code)
            connection.send((False, f"an answer that cannot be pickled ({error!r})"))


def _stop(owner: int, process: ForkProcess, connection: Connection) -> None:
    connection.close()
    if owner == os.getpid():
        process.kill()
        process.join()


def _try(extract: Extract, finish: Callable[[Hashable], object] | None, text: str) -> tuple[bool, object]:
    """Whether it worked, and the answer or what went wrong."""
    try:
        answer = extract(text)
        hash(answer)
        return True, answer if finish is None else finish(answer)
    except ArgumentError as error:
        return False, f"what is refused ({error})"
    except Exception as error:  # noqa: BLE001  (the user's function; the caller raises it again)
        return False, shortened(error, 200)


def _nothing(text: str) -> None:
    """No answer."""


def _function(extract: object) -> Extract:
    if callable(extract):
        return extract
    if extract == "math-verify":
        packages()
        return math_verify_key
    from polyest.rollouts.extraction.rules import RULES

    if isinstance(extract, str) and extract in RULES:
        return RULES[extract]
    known = (*RULES, "math-verify")
    hint = nearest(extract, known) if isinstance(extract, str) else ""
    raise ArgumentError(f"`extract` must be a function of a text, or one of {', '.join(known)}; got {extract!r}{hint}")


def _check_limit(time_limit: object) -> float | None:
    if time_limit is None:
        return None
    if isinstance(time_limit, bool) or not isinstance(time_limit, int | float) or not 0 < time_limit < math.inf:
        raise ArgumentError(
            f"`time_limit` must be a positive number of seconds, or None for no limit, got {time_limit!r}; 5 is usual"
        )
    if "fork" not in multiprocessing.get_all_start_methods():
        raise ArgumentError(
            f"`time_limit` must be None on this platform, which cannot fork processes, got {time_limit!r}; limit the "
            "time inside `extract`"
        )
    return float(time_limit)

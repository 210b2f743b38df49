"""The same work on many items, in this process or in several."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar

from polyest.errors import ArgumentError, MissingDependencyError

__all__ = ["parallel_map"]

T = TypeVar("T")
R = TypeVar("R")


def parallel_map(function: Callable[[T], R], items: Sequence[T], jobs: int) -> Iterator[R]:
    """The results as they come, in any order; `jobs` processes, −1 for one per core.

    Raises:
        ArgumentError: no such number of processes.
        MissingDependencyError: more than one process, and joblib is not installed.
    """
    if jobs == 0 or jobs < -1:
        raise ArgumentError(f"`--jobs` must be at least 1, or -1 for one per core; got {jobs}")
    if jobs == 1 or len(items) < 2:
        return map(function, items)
    try:
        from joblib import Parallel, delayed
    except ModuleNotFoundError:
        raise MissingDependencyError.for_extra("joblib", "offline", "`--jobs`") from None
    workers = Parallel(jobs, return_as="generator_unordered", backend="loky", initializer=_leave_interrupts_to_parent)
    return _closing_quietly(workers(map(delayed(function), items)))


def _closing_quietly(results: Generator[R, None, None]) -> Iterator[R]:
    """The results; joblib does not comment on tasks that an interrupt leaves undone."""
    try:
        yield from results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.close()


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

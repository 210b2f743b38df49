"""The same work on many items, in this process or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    except ImportError:
        raise MissingDependencyError.for_extra("joblib", "offline", "`--jobs`") from None
    results: Iterator[R] = Parallel(n_jobs=jobs, return_as="generator_unordered")(map(delayed(function), items))
    return results

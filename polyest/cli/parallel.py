"""The same work on many items: in this process, in several, or on a Ray cluster."""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import TypeVar

from polyest.cli.options import not_empty
from polyest.cli.signals import held_back
from polyest.errors import ArgumentError, MissingDependencyError

__all__ = ["ENGINES", "add_engine_options", "check_address", "nothing_from_here", "parallel_map"]

ENGINES = {"local": "processes here", "ray": "a Ray cluster"}
MANAGER, PATIENCE = "ExecutorManagerThread", 1.0  # of loky, which takes less than these seconds to be ended

T = TypeVar("T")
R = TypeVar("R")


def add_engine_options(parser: argparse.ArgumentParser, engines: Mapping[str, str]) -> None:
    """Where the work is done: engines and what they are, the first by default."""
    told, default = "; ".join(f"{name}: {text}" for name, text in engines.items()), next(iter(engines))
    parser.add_argument("--engine", choices=tuple(engines), default=default, help=f"{told} (default: {default})")
    text = "the Ray cluster (default: that of $RAY_ADDRESS, else one started here)"
    parser.add_argument("--address", type=not_empty, metavar="HOST:PORT", help=text)


def check_address(arguments: argparse.Namespace) -> None:
    """Whether an address comes with Ray.

    Raises:
        ArgumentError: it does not.
    """
    if arguments.address is not None and arguments.engine != "ray":
        raise ArgumentError(
            f"`--address` must come with `--engine ray`; got {arguments.address!r} without; add `--engine ray`"
        )


def parallel_map(
    function: Callable[[T], R], items: Sequence[T], jobs: int, engine: str = "local", address: str | None = None
) -> AbstractContextManager[Iterator[R]]:
    """The results as they come, in any order; leaving the context drops the work that is left, at once.

    Few items are under way at any time, and each is a task of its own: an interruption loses those under way.

    Args:
        jobs: at most so many processes; −1 for one per core, or for one in all where joblib is not installed.
        engine: "local", or "ray" for a Ray cluster.
        address: the Ray cluster; None for the one named by `$RAY_ADDRESS`, else one started here for the occasion.

    Raises:
        ArgumentError: no such number of processes, or no such cluster.
        MissingDependencyError: joblib or Ray is asked for and not installed.
    """
    if jobs == 0 or jobs < -1:
        raise ArgumentError(f"`--jobs` must be at least 1, or -1 for one per core; got {jobs}")
    if engine == "ray":
        from polyest.cli.cluster import map_on_ray

        return map_on_ray(function, items, jobs, address)
    return _map_locally(function, items, jobs)


@contextmanager
def _map_locally(function: Callable[[T], R], items: Sequence[T], jobs: int) -> Iterator[Iterator[R]]:
    processes = _processes(jobs, len(items))
    if processes == 1:
        yield map(function, items)
        return
    from joblib import Parallel, delayed

    workers = Parallel(processes, backend="loky", return_as="generator_unordered", batch_size=1)
    with ExitStack() as stack:
        ended = stack.enter_context(_failing_unheard_at_the_end())
        stack.enter_context(nothing_from_here())
        with held_back():
            _start_a_silent_tracker()
            results = workers(map(delayed(function), items))
            stack.callback(_abandon, results)
            stack.callback(ended.set)
        yield results


def _processes(jobs: int, items: int) -> int:
    if jobs == 1 or items < 2:
        return 1
    try:
        from joblib import effective_n_jobs
    except ModuleNotFoundError:
        if jobs == -1:
            return 1
        raise MissingDependencyError.for_extra("joblib", "offline", "`--jobs`") from None
    return min(int(effective_n_jobs(jobs)), items)


@contextmanager
def _failing_unheard_at_the_end() -> Iterator[threading.Event]:
    """What loky's own thread fails with is told, unless the event is set by then: its queues are taken away from it."""
    ended, report = threading.Event(), threading.excepthook

    def told(failure: threading.ExceptHookArgs) -> None:
        is_lokys = failure.thread is not None and failure.thread.name == MANAGER
        if not (is_lokys and ended.wait(PATIENCE)):
            report(failure)

    threading.excepthook = told
    try:
        yield ended
    finally:
        threading.excepthook = report


def _start_a_silent_tracker() -> None:
    """Loky's process that removes what was left behind; without this it also says so, after an interruption."""
    from joblib.externals.loky.backend import resource_tracker

    with _environment("PYTHONWARNINGS", "ignore:resource_tracker"):
        resource_tracker.ensure_running()


class _AbandonedError(Exception):
    pass


def _abandon(results: Generator[R, None, None]) -> None:
    """End the tasks that are left, if any; `close` would do so too, and warn that their results were not used."""
    with suppress(_AbandonedError):
        results.throw(_AbandonedError)


def nothing_from_here() -> AbstractContextManager[None]:
    """Python processes that are started meanwhile, by `-m` or `-c`, import nothing from the current folder."""
    return _environment("PYTHONSAFEPATH", "1")


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """The variable has this value meanwhile."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before

"""A Ray cluster: connected to, and the same work on many items on it, through joblib's Ray backend."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from itertools import chain
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TypeVar

from polyest.cli.parallel import nothing_from_here
from polyest.errors import ArgumentError, MissingDependencyError

__all__ = ["connected", "map_on_ray"]

T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def map_on_ray(function: Callable[[T], R], items: Sequence[T], jobs: int, address: str | None) -> Iterator[Iterator[R]]:
    """As `parallel_map`: a wave of items, one per worker, is sent when the one before has come back."""
    if not items:
        yield iter(())
        return
    with connected(jobs, address) as (_, number):
        from joblib import Parallel, delayed
        from ray.util.joblib import register_ray

        register_ray()
        size = min(number, max(2, len(items)))  # joblib's one worker would be this process
        waves = (items[start : start + size] for start in range(0, len(items), size))
        with Parallel(size, backend="ray", batch_size=1) as workers:
            yield chain.from_iterable(workers(map(delayed(function), wave)) for wave in waves)


@contextmanager
def connected(jobs: int, address: str | None) -> Iterator[tuple[ModuleType, int]]:
    """Ray and the number of its workers, at most `jobs` (−1: all), which import nothing from the current folder.

    Args:
        address: None for the one named by `$RAY_ADDRESS`, else a cluster that is started here and ended.

    Raises:
        ArgumentError: no such cluster.
        MissingDependencyError: Ray is not installed.
    """
    ray = _ray()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        workers = _connect(ray, jobs, address)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray has put its own there
        with nothing_from_here():
            yield ray, workers
    finally:
        ray.shutdown()


def _ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError:
        raise MissingDependencyError.for_extra("ray", "ray", "`--engine ray`") from None
    module: ModuleType = ray
    return module


def _connect(ray: ModuleType, jobs: int, address: str | None) -> int:
    """Connect to the cluster, or start one here; the number of workers."""
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    options: dict[str, object] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        options |= {"include_dashboard": False, "num_cpus": None if jobs == -1 else jobs}
    try:
        _knock(address)
        with TemporaryDirectory() as empty, chdir(empty):  # Ray would import from the current folder
            ray.init(address, **options)
    except Exception as error:  # noqa: BLE001  (Ray has a bare one where its processes take too long)
        raise _not_there(address, error) from None
    workers = int(ray.cluster_resources()["CPU"])
    return workers if jobs == -1 else min(jobs, workers)


def _not_there(address: str, error: Exception) -> ArgumentError:
    if address != "local":
        return ArgumentError(f"`--address` must be that of a running Ray cluster; got {address!r}: {error}")
    return ArgumentError(
        f"`--engine ray` must be able to start Ray here; got {type(error).__name__}: {error} Try again when the "
        "machine is less busy, or name a cluster with --address"
    )


def _knock(address: str) -> None:
    """Ray itself takes minutes to find that nobody is there."""
    host, separator, port = address.rpartition(":")
    if separator:
        socket.create_connection((host, int(port)), timeout=10).close()

"""Workers of tests on several processes, in the environment that torchrun gives; imports are done once for all jobs.

There are two interpreters, with other hashes of strings; the second is all ranks but the first, of which each job is a
fork, as imports take longer than the jobs.

RANK=0 python tests/support/ranks.py FOLDER pooling_worker,2 pooling_worker,1 pooling_worker,3
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import multiprocessing
import os
import signal
import sys
import time
from functools import cache
from importlib import import_module
from multiprocessing.connection import wait
from pathlib import Path
from subprocess import STDOUT, Popen
from types import ModuleType
from typing import Any

__all__ = ["outcomes"]

Job = tuple[ModuleType, int]


def outcomes(jobs: list[Job], folder: Path) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """What each process wrote, by worker and number of processes; jobs are done in turn, and string hashes differ."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
    environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, __file__, str(folder), *(f"{worker.__name__},{world}" for worker, world in jobs)]
    (folder / "distributions").write_text(json.dumps(importlib.metadata.packages_distributions()))  # takes long
    with (folder / "said").open("w") as said:
        two = [Popen(command, env=environment | {"RANK": str(i)}, stdout=said, stderr=STDOUT) for i in range(2)]
        end = time.monotonic() + 500
        while {process.poll() for process in two} in ({None}, {None, 0}) and time.monotonic() < end:
            time.sleep(0.05)
        for process in two:
            process.terminate()  # which waits for the other, if that has failed
    assert [process.wait() for process in two] == [0, 0], (folder / "said").read_text()
    found: dict[str, dict[int, list[dict[str, Any]]]] = {worker.__name__: {} for worker, _ in jobs}
    for worker, world in jobs:
        files = [written(folder, worker.__name__, world, rank) for rank in range(world)]
        found[worker.__name__][world] = [json.loads(file.read_text()) for file in files]
    return found


def written(folder: Path, worker: str, world: int, rank: int) -> Path:
    return folder / f"{worker}-{world}.{rank}"


def one_job(folder: Path, worker: str, world: int, rank: int) -> None:
    """In a process of its own: as if torchrun had started `world` of them, or, for one, nobody."""
    from torch import distributed

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    del os.environ["RANK"]
    if world > 1:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        os.environ |= {"WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world)}
        meeting = f"file://{folder / f'{worker}-{world}'}"
        distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world)
    outcome = import_module(worker).run(folder, rank, world)
    written(folder, worker, world, rank).write_text(json.dumps(outcome))
    if world > 1:
        distributed.barrier()
        distributed.destroy_process_group()


def main(folder: Path, jobs: list[tuple[str, int]]) -> None:
    gc.disable()
    distributions = json.loads((folder / "distributions").read_text())
    importlib.metadata.packages_distributions = lambda: distributions
    importlib.metadata.metadata = cache(importlib.metadata.metadata)  # see conftest.py
    for worker, _ in jobs:
        import_module(worker)
    gc.freeze()
    gc.enable()
    for worker, world in jobs:
        ranks = range(1) if os.environ["RANK"] == "0" else range(1, world)
        until_done([(folder, worker, world, rank) for rank in ranks])


def until_done(jobs: list[tuple[Path, str, int, int]]) -> None:
    """Each in a fork; the first that fails ends all."""
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=one_job, args=job, daemon=True) for job in jobs]
    for process in processes:
        process.start()
    running = {process.sentinel: process for process in processes}
    while running:
        for sentinel in wait([*running]):
            process = running.pop(sentinel)
            process.join()
            if process.exitcode:
                sys.exit(process.exitcode)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a job that waits for a failed one ends, too
    main(Path(sys.argv[1]), [(name, int(world)) for name, world in (job.split(",") for job in sys.argv[2:])])

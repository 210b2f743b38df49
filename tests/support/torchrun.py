"""Workers of tests on several processes, as torchrun starts them; what these import is imported once for all jobs.

It starts two interpreters, with other hashes of strings; the second is all ranks but the first, of which each job is a
fork, as imports take longer than the jobs.

torchrun --nproc_per_node 2 tests/support/torchrun.py FOLDER pooling_worker,2 pooling_worker,1 pooling_worker,3
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from importlib import import_module
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["outcomes"]

Job = tuple[ModuleType, int]


def outcomes(jobs: list[Job], folder: Path) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """What each process wrote, by worker and number of processes; jobs are done in turn, and string hashes differ."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
    environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", __file__]
    named = [f"{worker.__name__},{world}" for worker, world in jobs]
    run = subprocess.run([*command, str(folder), *named], env=environment, capture_output=True, text=True, timeout=500)
    assert run.returncode == 0, run.stderr
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
    if world == 1:
        for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
            del os.environ[name]
    else:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        os.environ |= {"WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world)}
        meeting = f"file://{folder / f'{worker}-{world}'}"  # torchrun's own store is for one group
        distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world)
    outcome = import_module(worker).run(folder, rank, world)
    written(folder, worker, world, rank).write_text(json.dumps(outcome))
    if world > 1:
        distributed.barrier()
        distributed.destroy_process_group()


def main(folder: Path, jobs: list[tuple[str, int]]) -> None:
    gc.disable()
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

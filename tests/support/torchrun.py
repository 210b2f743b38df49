"""Workers of tests on several processes, as torchrun starts them; what these import is imported once for all jobs.

torchrun --nproc_per_node 3 tests/support/torchrun.py FOLDER pooling_worker,2 pooling_worker,1 pooling_worker,3
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
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["outcomes"]

Job = tuple[ModuleType, int]


def outcomes(jobs: list[Job], folder: Path) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """What each process wrote, by worker and number of processes; jobs are done in turn, and string hashes differ."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
    environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    processes = str(max(world for _, world in jobs))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", processes, __file__]
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


def one_job(folder: Path, worker: str, world: int) -> None:
    """In a process of its own: as if torchrun had started `world` of them, or, for one, nobody."""
    from torch import distributed

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    rank = int(os.environ["RANK"])
    if world == 1:
        for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
            del os.environ[name]
    else:
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
        if int(os.environ["RANK"]) < world:
            fork = multiprocessing.get_context("fork")
            process = fork.Process(target=one_job, args=(folder, worker, world), daemon=True)
            process.start()
            process.join()
            if process.exitcode:
                sys.exit(process.exitcode)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a job that waits for a failed one ends, too
    main(Path(sys.argv[1]), [(name, int(world)) for name, world in (job.split(",") for job in sys.argv[2:])])

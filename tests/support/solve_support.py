"""`polyest solve` as a process of its own, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from polyest.storage import store
from polyest.storage.table import digest

# `python -c SLOW_DISK`: the command line on a disk on which every write takes a while, announced on standard error
SLOW_DISK = """
import os, sys, time
def slowly(descriptor):
    print("writing", file=sys.stderr, flush=True)
    time.sleep({seconds})
os.fsync = slowly
from polyest.command import main
sys.exit(main())
"""


def start(folder: Path, *options: object, program: str = "", python: str = sys.executable) -> subprocess.Popen[str]:
    """A run over the tables of `log`, aqp at the default; it leads a process group."""
    head = [python, "-c", program] if program else [python, "-m", "polyest"]
    command = [*head, "solve", "--target", "log", "--out", str(folder), *map(str, options)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment()
    )


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def kill(process: subprocess.Popen[str]) -> None:
    """`kill -9` for the process and all that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def digests(folder: Path) -> dict[int, str]:
    """By group size; whatever bears a table's name has to be a whole table."""
    tables = [store.read(path) for path in store.paths(folder)]
    return {table.group_size: digest(table) for table in tables}


def shipped(group_sizes: range) -> dict[int, str]:
    """The digests of the shipped tables, which runs without interruption have made."""
    folder = store.shipped_folder() / "log" / "aqp" / "noise_budget-1.5"
    return {K: digest(store.read(folder / f"k{K}.json")) for K in group_sizes}


def temporaries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path not in set(store.paths(folder))]

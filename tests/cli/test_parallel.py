"""`polyest solve` gives the same tables in one process and in two; on Ray: test_cluster.py."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from solve_support import digests, shipped, start, temporaries

from polyest.cli import parallel
from polyest.cli.parallel import parallel_map

SIZES = range(2, 6)
ALL = ("-k", f"{SIZES[0]}:{SIZES[-1]}")


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_processes_do_not_change_the_tables(jobs: int, tmp_path: Path) -> None:
    process = start(tmp_path, *ALL, "--jobs", jobs)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert sorted(line.split()[1] for line in out.splitlines()) == sorted(f"K={K}" for K in SIZES)
    assert digests(tmp_path) == shipped(SIZES)
    assert temporaries(tmp_path) == []


@pytest.mark.slow
def test_a_huge_list_is_not_queued_at_once() -> None:
    sent = []

    class Items(list[float]):
        def __iter__(self) -> Iterator[float]:
            for item in super().__iter__():
                sent.append(item)
                yield item

    with parallel_map(time.sleep, Items([0.2] * 100), 2) as results:
        next(results)
        assert len(sent) < 50  # 4 and as many as have come back meanwhile


@pytest.mark.parametrize(("when", "heard"), [("before the end", ["lost"]), ("at the end", [])])
def test_what_lokys_thread_fails_with_at_the_end_is_nobodys_business(
    when: str, heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("lost")

    told = list[str]()
    monkeypatch.setattr(threading, "excepthook", lambda failure: told.append(str(failure.exc_value)))
    monkeypatch.setattr(parallel, "PATIENCE", 0.01)
    with parallel_map(abs, range(4), jobs=2) as results:
        thread = threading.Thread(target=fail, name=parallel.MANAGER)
        if when == "before the end":
            thread.start()
            thread.join()
        else:
            monkeypatch.setattr(parallel, "PATIENCE", 60.0)
            thread.start()
        assert sorted(results) == [0, 1, 2, 3]
    thread.join()
    assert told == heard


@pytest.mark.slow
def test_what_an_end_leaves_to_lokys_tracker_is_unheard() -> None:
    """A semaphore that is removed, and an end before the tracker is told, as an interruption may have it."""
    program = (
        "import _multiprocessing, os\n"
        "from joblib.externals.loky import get_reusable_executor\n"
        "from joblib.externals.loky.backend.synchronize import Lock\n"
        "from polyest.cli.parallel import parallel_map\n"
        "with parallel_map(abs, range(4), jobs=2) as results: print(sorted(results), flush=True)\n"
        "lock = Lock()\n"
        "_multiprocessing.sem_unlink(lock._semlock.name)\n"
        "get_reusable_executor().shutdown()\n"
        "os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 1, 2, 3]\n", "")


def test_without_joblib_one_process_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joblib", None)
    with parallel_map(abs, [-1, -2], -1) as results:
        assert list(results) == [1, 2]

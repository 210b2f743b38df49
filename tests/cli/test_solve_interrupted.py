"""`polyest solve` loses at most the tables under way, whenever it is killed, and two runs do not disturb each other."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from solve_support import SLOW_DISK, digests, kill, shipped, start, temporaries

from polyest.cli.parallel import parallel_map
from polyest.storage.files import replacing, sweep

SIZES = range(2, 21)
ALL = ("-k", f"{SIZES[0]}:{SIZES[-1]}")
SHIPPED = shipped(SIZES)


@pytest.mark.slow
def test_kills_at_random_moments_cost_no_table(tmp_path: Path) -> None:
    """Most while Python, the workers and the solver start, every third from the first table on.

    What is finished early is begun anew.
    """
    moments = random.Random(3)
    for i in range(8):
        before = digests(tmp_path)
        if before == SHIPPED:
            shutil.rmtree(tmp_path)
            before = {}
        process = start(tmp_path, *ALL, "--jobs", moments.choice([1, 2]))
        if i % 3 == 0:
            assert process.stdout is not None
            process.stdout.readline()
        time.sleep(moments.uniform(0, 1.2))
        kill(process)
        after = digests(tmp_path)
        assert len(after) > len(before) or i % 3
        assert before.items() <= after.items() <= SHIPPED.items()
    err = start(tmp_path, *ALL).communicate()[1]
    assert digests(tmp_path) == SHIPPED
    assert temporaries(tmp_path) == []
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_kill_in_the_middle_of_writing_leaves_no_table_and_the_next_run_sweeps_up(tmp_path: Path) -> None:
    process = start(tmp_path, "-k", 3, "--method", "minimax", program=SLOW_DISK.format(seconds=1000))
    assert process.stderr is not None
    assert process.stderr.readline() == "writing\n"
    kill(process)
    assert len(temporaries(tmp_path)) == 1
    assert digests(tmp_path) == {}
    process = start(tmp_path, "-k", 2)
    process.communicate()
    assert process.returncode == 0
    assert temporaries(tmp_path) == []
    assert digests(tmp_path) == shipped(range(2, 3))


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_writing_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, "-k", "3,4", "--method", "minimax", "--jobs", 2, program=SLOW_DISK.format(seconds=1000))
    assert process.stderr is not None
    assert process.stderr.readline() == "writing\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate()[1].splitlines() == ["polyest: interrupted"]
    assert process.returncode == 130
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.5, 0.9, 1.4])
def test_ctrl_c_before_the_first_table(delay: float, tmp_path: Path) -> None:
    """While the worker processes start, too, nobody but polyest says anything."""
    process = start(tmp_path, *ALL, "--jobs", 2, program="print('up', flush=True)\n" + SLOW_DISK.format(seconds=0))
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    err = process.communicate()[1]
    assert [line for line in err.splitlines() if line != "writing"] == ["polyest: interrupted"]
    assert process.returncode == 130


@pytest.mark.slow
def test_two_runs_into_one_folder_do_not_disturb_each_other(tmp_path: Path) -> None:
    """On a slow disk they write most tables at the same time, and a third comes and goes meanwhile."""
    runs = [start(tmp_path, "-k", "2:5", "--jobs", 1, program=SLOW_DISK.format(seconds=0.4)) for _ in range(2)]
    assert runs[0].stderr is not None
    assert runs[0].stderr.readline() == "writing\n"
    runs.append(start(tmp_path, "-k", "2,3", "--force", "--jobs", 1))
    ends = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], ends
    assert digests(tmp_path) == shipped(range(2, 6))
    assert temporaries(tmp_path) == []


def test_what_a_killed_writer_left_is_swept_and_what_a_live_one_writes_is_kept(tmp_path: Path) -> None:
    program = "import os, sys\nfrom pathlib import Path\nfrom polyest.storage.files import replacing\n"
    program += "with replacing(Path(sys.argv[1])): print(os.getpid(), flush=True), os._exit(0)"
    folder = tmp_path / "below"
    folder.mkdir()
    command = [sys.executable, "-c", program, str(folder / "table")]
    number = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    (dead,) = folder.iterdir()
    alive = dead.with_name(dead.name.replace(f"-{number}-", f"-{os.getppid()}-"))
    alive.touch()
    sweep(tmp_path)
    assert list(folder.iterdir()) == [alive]


def test_a_number_of_a_process_that_is_used_again_does_not_protect_what_was_left(tmp_path: Path) -> None:
    """In a container every run may be process 1."""
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "table"):
        sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_work_that_is_left_undone_is_dropped_quietly() -> None:
    """An interrupt while a result is being used; a warning of joblib's would be an error here."""

    def interrupted() -> None:
        with parallel_map(time.sleep, [0.01] + 20 * [5], 2) as results:
            next(results)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

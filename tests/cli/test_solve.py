"""`polyest solve`: files, lines, and what ends it early."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from solve_support import start
from verify_support import Run

import polyest
from polyest.storage import store


@pytest.mark.slow
def test_solve_writes_prints_and_resumes(run: Run, tmp_path: Path) -> None:
    arguments = ("solve", "--target", "log", "-k", "2:4", "--bias-budget", "2", "--out", tmp_path, "--jobs", 1)
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    files = list(store.paths(tmp_path))
    assert [line.split()[1] for line in out.splitlines()] == ["K=2", "K=3", "K=4"]
    assert [line.split()[-1] for line in out.splitlines()] == [str(path) for path in files]
    before = [(path.stat().st_mtime_ns, path.stat().st_ino) for path in files]
    code, out, err = run(*arguments)
    assert (code, out) == (0, "")
    assert "3 already in" in err
    assert before == [(path.stat().st_mtime_ns, path.stat().st_ino) for path in files]
    files[1].write_text("broken")
    assert [line.split()[1] for line in run(*arguments)[1].splitlines()] == ["K=3"]
    assert len(run(*arguments, "--force")[1].splitlines()) == 3


@pytest.mark.slow
def test_solve_goes_into_the_users_folder(run: Run, user_folder: Path) -> None:
    assert run("solve", "--target", "log", "-k", "3", "--bias-budget", "2")[0] == 0
    assert polyest.load("log", 3, bias_budget=2).table == store.read(next(store.paths(user_folder)))


@pytest.mark.slow
def test_a_table_that_float64_cannot_hold_fails_and_the_others_are_solved(run: Run, tmp_path: Path) -> None:
    minimax = ("solve", "--target", "log", "--method", "minimax")
    code, out, err = run(*minimax, "-k", "4,64", "--out", tmp_path, "--jobs", 1)
    assert code == 2
    assert len(out.splitlines()) == 1
    assert err.count("\n") == 1
    assert "log K=64 minimax" in err
    assert [path.name for path in store.paths(tmp_path)] == ["k4.json"]


def test_solve_into_a_place_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, out, err = run("solve", "--target", "log", "-k", "2", "--out", tmp_path / "file")
    assert (code, out) == (2, "")
    assert str(tmp_path / "file") in err
    assert err.count("\n") == 1


def interrupt(process: subprocess.Popen[str]) -> str:
    """Ctrl-C, pressed again if it is lost: Python drops one that lands in a callback of the garbage collector."""
    for _ in range(10):
        os.killpg(process.pid, signal.SIGINT)
        try:
            return process.communicate(timeout=20)[1]
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    return process.communicate()[1]


@pytest.mark.slow
@pytest.mark.parametrize(("jobs", "path"), [(1, None), (2, "/nowhere")], ids=["1", "2-bare"])
def test_ctrl_c_ends_quietly_and_keeps_what_was_done(
    jobs: int, path: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there are no tools to find processes by, such as `pgrep`, which slim containers lack.

    With them, two processes are interrupted in test_solve_interrupted.py.
    """
    if path:
        monkeypatch.setenv("PATH", path)
    process = start(tmp_path, "-k", "2:128", "--jobs", jobs)
    assert process.stdout is not None
    assert "log K=" in process.stdout.readline()
    err = interrupt(process)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "polyest: interrupted"
    assert "Traceback" not in err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert all(store.read(path).certificate is not None for path in files)

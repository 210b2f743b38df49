"""Ctrl-C and SIGTERM end the command line with one line and the right exit code, and leave no process and no file."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from places import ROOT
from processes import are_gone
from solve_support import SLOW_DISK, environment, start

from polyest import cli
from polyest.errors import SolveError

ALL = ("-k", "2:30", "--jobs", 2)
ENDS = {signal.SIGINT: (130, "polyest: interrupted"), signal.SIGTERM: (143, "polyest: terminated")}
MAIN = "print('up', flush=True)\nimport sys, polyest.command\nsys.exit(polyest.command.main())"
COMMAND = [sys.executable, "-c", MAIN]
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def group(leader: int) -> list[int]:
    """The processes of a process group that are still alive."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = entry.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == leader and state != "Z":
            found.append(int(entry.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", ENDS)
def test_a_signal_at_any_moment_is_one_line_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """While Python imports, workers start, tables are solved: one in each quarter of that; the seed is fixed, the
    machine is not."""
    moments = random.Random(7)
    for quarter in range(4):
        command = [*COMMAND, "solve", "--target", "log", "--out", str(tmp_path), *map(str, ALL), "--force"]
        process = subprocess.Popen(command, **PIPES, start_new_session=True, env=environment())
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.03 + 2.5 * (quarter + moments.random()) / 4)
        process.send_signal(number)
        err = process.communicate()[1]
        if process.returncode == -number:  # before anything of polyest was there
            assert err == ""
        else:
            lines = [line for line in err.splitlines() if not line.startswith("solve: ")]
            assert (process.returncode, lines) == (ENDS[number][0], [ENDS[number][1]])
        assert are_gone(partial(group, process.pid))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".json"]


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_before_the_command_is_loaded_is_one_line(number: signal.Signals) -> None:
    program = f"import os, polyest.command as c; c.guard(); os.kill(os.getpid(), {int(number)}); print('lives')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (ENDS[number][0], "", ENDS[number][1] + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("code", [0, 1, 2, 130])
def test_nothing_can_abort_the_interpreters_own_end(code: int) -> None:
    """As extension modules do whose import was broken off (matplotlib's: exit by SIGABRT); other clean-up is done."""
    program = (
        "import atexit, os, sys, polyest.cli, polyest.command\n"
        "class Broken:\n"
        "    def __del__(self, abort=os.abort): abort()\n"
        "sys.broken = Broken()\n"
        "def ended():\n"
        "    atexit.register(print, 'cleaned')\n"
        f"    return {code}\n"
        "polyest.cli.main = ended\n"
        "sys.exit(polyest.command.main())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "cleaned\n", "")


@pytest.mark.slow
@pytest.mark.parametrize("number", ENDS)
def test_a_signal_in_the_middle_of_writing_leaves_no_file(number: signal.Signals, tmp_path: Path) -> None:
    process = start(tmp_path, "-k", "3,4", "--method", "minimax", "--jobs", 2, program=SLOW_DISK.format(seconds=1000))
    assert process.stderr is not None
    assert process.stderr.readline() == "writing\n"
    process.send_signal(number)
    assert process.communicate()[1].splitlines() == [ENDS[number][1]]
    assert process.returncode == ENDS[number][0]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert are_gone(partial(group, process.pid))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("heavy", "jobs"),
    [("numpy", 1), ("argparse", 1), ("polyest.cli.solve", 1), ("gmpy2", 1), ("scipy.optimize", 1), ("joblib", 2)],
)
def test_an_interrupt_during_any_import_is_one_line(heavy: str, jobs: int, tmp_path: Path) -> None:
    hook = (
        "import os, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {heavy!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "for name in [name for name in sys.modules if name == 'argparse']: del sys.modules[name]\n"
        "import polyest.command\n"
        "sys.exit(polyest.command.main())\n"
    )
    options = ["solve", "--target", "log", "-k", "2,3", "--jobs", str(jobs), "--out", str(tmp_path)]
    result = subprocess.run([sys.executable, "-c", hook, *options], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "polyest: interrupted\n")


@pytest.mark.slow
def test_a_swallowed_interrupt_comes_again() -> None:
    """In a finaliser Python can but report it."""
    program = (
        "import os, signal, sys, time\nfrom polyest import cli\n"
        "class Late:\n    def __del__(self): os.kill(os.getpid(), signal.SIGINT); time.sleep(0.01)\n"
        "def run(argv):\n    late = Late()\n    del late\n    time.sleep(60)\n"
        "cli._run = run\nsys.exit(cli.main())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stderr) == (130, "polyest: interrupted\n")


@pytest.mark.slow
def test_an_ignored_interrupt_stays_ignored(tmp_path: Path) -> None:
    """As in the background of a shell, or under nohup."""
    command = [*COMMAND, "solve", "--target", "log", "-k", "2", "--out", str(tmp_path)]
    process = subprocess.Popen(command, **PIPES, preexec_fn=ignore_interrupts)
    assert process.stdout is not None
    process.stdout.readline()
    for _ in range(20):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    process.communicate()
    assert process.returncode == 0


def ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("error", [RuntimeError("two\nlines"), KeyError("x"), RecursionError(), MemoryError()])
def test_a_mistake_of_ours_does_not_look_like_a_failed_check(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(cli, "_run", fail)
    assert cli.main(["list"]) == 70
    told = capsys.readouterr().err
    assert told.startswith("polyest: internal error in test_signals.py, line ")
    assert type(error).__name__ in told
    assert told.count("\n") == 1


def test_an_error_of_use_is_2(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise SolveError("no table")

    monkeypatch.setattr(cli, "_run", fail)
    assert cli.main(["list"]) == 2


@pytest.mark.slow
def test_a_broken_installation_does_not_look_like_a_failed_check(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('numpy is broken')\n")
    program = "import sys, polyest.command; sys.exit(polyest.command.main())"
    result = subprocess.run(
        [sys.executable, "-c", program, "verify"],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (70, "")
    assert result.stderr == "polyest: cannot be loaded: ImportError: numpy is broken; install it again\n"


@pytest.mark.slow
def test_the_tests_send_interrupts_also_in_the_background() -> None:
    """A shell's background job inherits them as ignored, and so would all processes that tests start."""
    code = "import sys; sys.path.insert(0, 'tests'); import conftest, subprocess; "
    code += "print(subprocess.run([sys.executable, '-c', "
    code += "'import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)'],"
    code += " capture_output=True, text=True).stdout.strip())"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, preexec_fn=ignore_interrupts,
        cwd=ROOT,
    )  # fmt: skip
    assert result.stdout == "True\n"

"""The command line as a whole: usage, help, and how commands end."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from verify_support import Run

import polyest


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "polyest", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: VERB, one of list, show, solve, verify, score, report, plot"),
        (("scor",), "invalid choice: 'scor' (choose from list, show, solve, verify, score, report, plot, help)"),
        (("help", "slve"), "invalid choice: 'slve'"),
        (("help", "slve"), "did you mean 'solve'"),
        (("show", "--target", "log", "-k", "4"), "TARGET is given without a name: polyest show [-h]"),
        (("show", "--target=log", "-k", "4"), "TARGET is given without a name: polyest show [-h]"),
        (("show", "-k", "4"), "are required: TARGET; it is: polyest show -k K TARGET; see:"),
        (("report", "x", "--outt", "e.html"), "unrecognized argument '--outt'; did you mean '--out'?"),
        (("report", "x", "--by", "step"), "unrecognized argument '--by'; it is an option of polyest score"),
        (("plot", "--target", "log", "-k", "4", "--out", "x.png"), "TARGET is given without a name: polyest plot [-h]"),
        (("show", "log"), "the following arguments are required: -k"),
        (("show", "log", "-k", "many"), "invalid int value: 'many'"),
        (("show", "log", "-k", "1"), "`group_size` must be at least 2, got 1"),
        (("show", "lgo", "-k", "4"), "did you mean 'log'"),
        (("show", "log", "-k", "4", "--method", "minmax"), "did you mean 'minimax'"),
        (("show", "log", "-k", "4", "--metod", "aqp"), "unrecognized argument '--metod'; did you mean '--method'"),
        (("report", "log", "--out", "a.html", "--by", "step"), "'--by'; it is an option of polyest score; see"),
        (("show", "log", "-k", "4", "--bias-budget", "0.5"), "`bias_budget` must be a multiple of 0.01, at least 1"),
        (("show", "log", "-k", "4", "--bias-budget", "77"), "solve --target log --method aqp -k 4 --bias-budget 77"),
        (("show", "log", "-k", "4", "--method", "exact"), "needs a polynomial target"),
        (("solve", "--target", "log", "-k", "1"), "needs group sizes from 2 upwards"),
        (("solve", "--target", "log", "-k", "64:2"), "needs group sizes from 2 upwards"),
        (("solve", "--target", "log", "-k", "2:4000000000"), "needs group sizes from 2 upwards"),
        (("solve", "--target", "log", "-k", "2-4"), "must be like 16, 2:64 or 8,16,32; got '2-4'"),
        (("solve", "--target", "log", "-k", "4", "--method", "harmonic"), "has a closed form and needs no file"),
        (("solve", "--target", "power(2)", "-k", "4"), "has a closed form and needs no file"),
        (("solve", "--target", "power(-1)", "-k", "4"), "p·r(p) does not tend to 0"),
        (("solve", "--target", "log", "-k", "4", "--groups", "1.5"), "invalid int value: '1.5'"),
        (("solve", "--target", "log", "-k", "4", "--jobs", "0"), "`--jobs` must be at least 1"),
        (("solve", "--target", "log", "-k", "4", "--address", "here:1"), "must come with `--engine ray`; got 'here:1'"),
        (("solve", "--target", "log", "-k", "4", "--engine", "dask"), "invalid choice: 'dask'"),
        (("verify", "nowhere.json"), "there is no nowhere.json"),
        (("plot", "log", "-k", "4"), "the following arguments are required: --out"),
        (("plot", "log", "-k", "4", "--out", "x.gif"), "`--out` must end in .png, .pdf, .svg; got 'x.gif'"),
        (("plot", "log", "-k", "4", "--out", "nowhere/x.png"), "there is no"),
        (("score", "log.jsonl", ""), "argument ROLLOUTS: must not be empty; got '', as from a variable"),
        (("report", "", "--out", "x.html"), "argument ROLLOUTS: must not be empty"),
        (("verify", ""), "argument PATH: must not be empty"),
        (("verify", "--custom", ""), "argument --custom: must not be empty"),
        *((("score", "log.jsonl", option, ""), f"argument {option}: must not be empty") for option in
          ("--out", "--values", "--csv", "--reward-column", "--advantage-column", "--address")),
        (("report", "log.jsonl", "--out="), "argument --out: must not be empty"),
        (("plot", "log", "-k", "4", "--out", ""), "argument --out: must not be empty"),
        *((("solve", "--target", "log", "-k", "4", option, ""), f"argument {option}: must not be empty") for option in
          ("--out", "--address", "--solver")),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: tuple[str, ...], message: str, run: Run) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_the_version_and_help_are_there_under_every_name(run: Run) -> None:
    assert run("-V") == run("--version") == (0, f"polyest {polyest.__version__}\n", "")
    for verb in ((), ("solve",), ("verify",)):
        assert run("help", *verb) == run(*verb, "--help")
    assert "Exit codes: 0 done" in run("help")[1]


def test_help_and_version(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert all(verb in out for verb in ("list", "show", "solve", "verify", "score", "plot"))
    assert run("--version") == (0, f"polyest {version('polyest')}\n", "")


@pytest.mark.slow
def test_the_command_is_installed_and_is_the_module() -> None:
    script = Path(sys.executable).with_name("polyest")
    result = subprocess.run([script, "show", "log", "-k", "2", "--method", "harmonic"], capture_output=True, text=True)
    process = start("show", "log", "-k", "2", "--method", "harmonic")
    assert process.communicate() == (result.stdout, "")
    assert result.returncode == process.returncode == 0


@pytest.mark.slow
def test_nobody_reads_on() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "polyest", "show", "log", "-k", "400", "--method", "harmonic"]
    process = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (process.returncode, process.stderr) == (141, "")


@pytest.mark.slow
def test_a_narrow_terminal_gets_its_line() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    process = start("show", "log", "-k", "4", "--bias-budget", "0.5", env=environment)
    assert "`bias_budget` must be" in process.communicate()[1]
    assert process.returncode == 2

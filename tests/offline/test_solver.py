"""The choice of a solver: refused if none has that name, limited in time, silent, without effect on the result."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polyest
from polyest.cli import main
from polyest.errors import ArgumentError
from polyest.offline import build, solver, specification
from polyest.problems.problem import make_problem
from polyest.storage.table import digest

ROWS, OFFSET = np.array([[1.0, 0.5], [0.25, -1.0]]), np.array([0.5, 1.5])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["NOPE", "SCIPY", "", " ", "clarabell", "SCS;", 7])
def test_an_unknown_solver_is_refused_with_the_list(name: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`solver` must be one of CLARABEL, .*; got "):
        solver.checked_solver(name)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["aqp", "minimax"])
def test_the_command_refuses_it_before_any_work(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "solve", None)
    options = ("--method", method, "-k", "4:40", "--out", str(tmp_path / "out"), "--solver", "NOPE")
    assert main(["solve", "--target", "log", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "`solver` must be one of CLARABEL" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_library_refuses_it_too() -> None:
    with pytest.raises(ArgumentError, match="`solver`"):
        build.solve(make_problem("log", 4), solver="NOPE")


@pytest.mark.slow
def test_every_installed_solver_is_quick_and_changes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for name in solver._solvers():
        begin = time.monotonic()
        table = build.solve(make_problem("log", 4), solver=name.lower())
        assert time.monotonic() - begin < 60, name  # a second or two; SCS took minutes
        assert digest(table) == digest(polyest.load("log", 4).table), name
        assert capfd.readouterr().out == "", name


@pytest.mark.slow
def test_a_solver_that_writes_to_standard_output_is_not_heard(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import cvxpy

    solve = cvxpy.Problem.solve

    def loudly(problem: Any, **options: Any) -> Any:
        sys.stdout.write("from Python\n")
        os.write(1, b"from the system\n")
        ctypes.CDLL(None).puts(b"from C, which writes it later")
        return solve(problem, **options)

    monkeypatch.setattr(cvxpy.Problem, "solve", loudly)
    sys.stdout.write("before\n")
    y = specification.least_norm(ROWS, OFFSET, "CLARABEL")
    sys.stdout.write("after\n")
    ctypes.CDLL(None).fflush(None)
    assert y == pytest.approx([-0.1176470588, 0.4705882353], abs=1e-6)  # the point of −y_2 + y_1/4 + 1.5 ≤ 1 nearest 0
    assert capfd.readouterr().out == "before\nafter\n"

"""`polyest plot`."""

from __future__ import annotations

from pathlib import Path

import pytest
from verify_support import Run

MAGIC = {"png": b"\x89PNG\r\n", "pdf": b"%PDF-", "svg": b"<?xml"}


@pytest.mark.slow
@pytest.mark.parametrize(("target", "suffix"), [*(("log", suffix) for suffix in MAGIC), ("power(2)", "png")])
def test_plot(run: Run, tmp_path: Path, target: str, suffix: str) -> None:
    path = tmp_path / f"plot.{suffix}"
    assert run("plot", target, "-k", 4, "--out", path) == (0, f"{path}\n", "")
    assert path.read_bytes().startswith(MAGIC[suffix])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_plot_draws_every_method_that_has_a_table(solved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from polyest.plot.figures import bias_and_noise, estimators

    monkeypatch.setenv("POLYEST_COEFFS", str(solved))
    figure = bias_and_noise(estimators("log", 3))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["plug_in", "harmonic", "minimax", "aqp (κ = 1.93)", "aqp, proved: |bias| ≤ 0.0681"]
    assert all(axes.get_xscale() == "log" for axes in figure.axes)
    assert [e.problem.method for e in estimators("power(2)", 3)] == ["plug_in", "exact"]


def test_plot_with_a_budget_that_was_not_solved_says_so(run: Run, tmp_path: Path) -> None:
    code, _, err = run("plot", "log", "-k", 4, "--bias-budget", 77, "--out", tmp_path / "plot.png")
    assert code == 2
    assert "polyest solve --target log --method aqp -k 4 --bias-budget 77" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_plot_draws_the_frontier(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "frontier.svg"
    assert run("plot", "log", "-k", 4, "--frontier", "--out", path) == (0, f"{path}\n", "")
    assert all(label in path.read_text() for label in ("<!-- minimax -->", "<!-- Bayes -->", "<!-- plug_in -->"))


def test_an_exact_target_has_no_frontier(run: Run, tmp_path: Path) -> None:
    code, _, err = run("plot", "power(2)", "-k", 4, "--frontier", "--out", tmp_path / "x.svg")
    assert code == 2
    assert "no bias at all" in err
    assert not list(tmp_path.iterdir())

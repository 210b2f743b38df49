"""The runtime benchmark runs, on very little."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import runtime

SMALL = ["--completions", "3000", "--largest", "1000", "--groups", "60", "--repeats", "1", "--sizes", "5"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """In this process, which has imported the frameworks that it compares."""

    def run(*arguments: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["runtime", *arguments])
        runtime.main()
        return capsys.readouterr()

    return run


def test_every_section_prints_its_table(run: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out, _ = run(*SMALL, "--plots", str(tmp_path))
    for heading in (
        "1.5 × the largest that the README published",
        "over K",
        "at K = 16",
        "hashable",
        "argsort",
        "import polyest",
        "rmse",
    ):
        assert heading in out
    assert {path.name for path in tmp_path.iterdir()} == {"runtime-sizes.png", "runtime-batches.png"}


def test_an_unknown_section_is_refused(run: Callable[..., tuple[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("flor")
    assert "unknown section flor" in capsys.readouterr().err

"""The runtime benchmark runs, on very little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

SMALL = ["--completions", "3000", "--largest", "1000", "--groups", "60", "--repeats", "1", "--sizes", "5"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.runtime", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_every_section_prints_its_table(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run(*SMALL, "--plots", str(tmp_path))
    assert result.returncode == 0, result.stderr
    for heading in (
        "1.5 × the largest that the README published",
        "over K",
        "at K = 16",
        "hashable",
        "argsort",
        "import polyest",
        "rmse",
    ):
        assert heading in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"runtime-sizes.png", "runtime-batches.png"}


def test_an_unknown_section_is_refused() -> None:
    result = run("flor")
    assert result.returncode == 2
    assert "unknown section flor" in result.stderr

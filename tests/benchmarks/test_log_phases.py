"""The clock of `polyest score`: every phase that it names is there, and takes time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from score_support import write_lines

from benchmarks.log_phases import PHASES


def test_every_phase_is_timed(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [{"prompt_id": i // 4, "answer": i % 3} for i in range(64)])
    given = ["score", log, "--target", "log", "--method", "harmonic", "--out", tmp_path / "out.parquet"]
    command = [sys.executable, "-m", "benchmarks.log_phases", *map(str, given)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (result.returncode, result.stderr) == (0, "")
    assert [phase for phase in PHASES if phase not in result.stdout] == []

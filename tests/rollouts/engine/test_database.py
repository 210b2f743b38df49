"""Limits of memory, and no file left behind, however the work ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from score_support import HARMONIC, exit_code, write_lines

from polyest.errors import ArgumentError
from polyest.rollouts.engine.database import bytes_of, opened


@pytest.mark.parametrize("wrong", ["", "1", "much", "100MB", "nanGB", "-1GB"])
def test_a_limit_that_is_none_is_refused(wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_lines(tmp_path / "log.jsonl", [{"prompt_id": 1, "answer": 1}] * 2)
    assert exit_code("score", log, *HARMONIC, f"--memory={wrong}") == 2
    assert "`--memory` must be" in capsys.readouterr().err


def test_out_of_memory_is_an_error_with_a_remedy_and_no_folder_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def use_up() -> None:
        with opened(bytes_of("1GB"), 1) as database:
            assert len([*tmp_path.iterdir()]) == 1
            database.connection.execute("SET memory_limit = '5MB'; SET temp_directory = ''")
            database.connection.execute("CREATE TABLE t AS SELECT hash(range)::VARCHAR FROM range(10000000)")

    with pytest.raises(ArgumentError, match="give more with --memory"):
        use_up()
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="has other signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_file_behind(number: int, tmp_path: Path) -> None:
    folder, log = tmp_path / "tmp", tmp_path / "log.jsonl"
    folder.mkdir()
    with log.open("w") as stream:
        for i in range(500_000):
            stream.write(f'{{"prompt_id": "p{i // 8}", "answer": "{i * i % 7}", "s": "\\ud800"}}\n')
    command = [sys.executable, "-m", "polyest", "score", str(log), *HARMONIC, "--out", str(tmp_path / "out.parquet")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | {"TMPDIR": str(folder)})
    while not [*folder.iterdir()]:
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert not [*folder.iterdir()]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "tmp"]

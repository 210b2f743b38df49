"""The guide to clusters: its command runs as it is written, and its query has the rows of one process, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
from places import ROOT
from score_support import write_lines

TEXT = (ROOT / "docs" / "guides" / "cluster.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    polyest (.*)$", TEXT, re.MULTILINE)
(QUERY,) = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)


def polyest(arguments: str, folder: Path) -> str:
    command = [sys.executable, "-m", "polyest", *arguments.split()]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="needs ray")
def test_the_command_runs_and_the_query_has_the_rows_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = COMMANDS
    (tmp_path / "run").mkdir()
    for file in range(3):
        rows = [{"prompt_id": i % 5, "completion": rf"so \boxed{{{(i + file) % 4}}}"} for i in range(16)]
        write_lines(tmp_path / "run" / f"{file}.jsonl", rows)
    assert "48 completions of 5 prompts" in polyest(command, tmp_path)
    here = re.sub(r" --engine.*", " --out here.parquet", command)
    polyest(here, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert duckdb.sql(QUERY).fetchall() == duckdb.sql("FROM 'here.parquet'").fetchall()
    assert duckdb.sql("SELECT sum(completions) FROM 'prompts/*.parquet'").fetchall() == [(48,)]

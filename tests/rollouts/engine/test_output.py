"""Rows as they are written: files of parquet that anything reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from score_support import HARMONIC, exit_code, read_lines, write_lines

from polyest.rollouts.engine import output, parts

ROWS: list[dict[str, Any]] = [
    {"prompt_id": prompt, "step": i % 2, "answer": "abc"[i * i % 3]}
    for i in range(40)
    for prompt in ("p", 'é"', str(i))
]


@pytest.mark.slow
def test_parquet_has_what_json_lines_have(tmp_path: Path) -> None:
    """Also of several files, and where numbers are NaN: in groups of one."""
    more = [{"prompt_id": "alone", "step": 0, "answer": "a"}, *ROWS]
    logs = [write_lines(tmp_path / f"{len(rows)}.jsonl", rows) for rows in (ROWS, more)]
    for out in ("out.jsonl", "out.parquet"):
        assert exit_code("score", *logs, "--prompt-column", "prompt_id", *HARMONIC, "--out", tmp_path / out) == 0
    rows = read_lines(tmp_path / "out.jsonl")
    assert {row["reward"] is None for row in rows} == {True, False}
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == rows


@pytest.mark.slow
@pytest.mark.parametrize("key", [pa.int8(), pa.uint64(), pa.string(), pa.large_string()])
def test_keys_keep_their_types(key: pa.DataType, tmp_path: Path) -> None:
    log = pa.table({"prompt_id": pa.array([7, 7, 8, 8]).cast(key), "answer": ["a", "b", "a", "a"]})
    parquet.write_table(log, tmp_path / "log.parquet")
    assert exit_code("score", tmp_path / "log.parquet", *HARMONIC, "--out", tmp_path / "out.parquet") == 0
    kinds = {"file": pa.string(), "row": pa.int64(), "prompt_id": pa.string() if "string" in str(key) else key}
    schema = pa.schema({**kinds, "reward": pa.float64(), "advantage": pa.float64()})
    found = parquet.read_table(tmp_path / "out.parquet")
    assert found.schema.equals(schema)
    assert found["reward"].to_pylist() == [-1.0, -1.0, 0.0, 0.0]
    there = duckdb.sql(f"SELECT row, prompt_id::VARCHAR FROM '{tmp_path / 'out.parquet'}'").fetchall()
    assert there == [(1, "7"), (2, "7"), (3, "8"), (4, "8")]


@pytest.mark.slow
def test_batches_are_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, found = write_lines(tmp_path / "log.jsonl", ROWS), []
    for share, at_once in ((parts.SHARE, output.AT_ONCE), (1e-5, 16)):
        monkeypatch.setattr(parts, "SHARE", share)
        monkeypatch.setattr(output, "AT_ONCE", at_once)
        assert exit_code("score", log, *HARMONIC, "--out", tmp_path / "out.parquet") == 0
        found.append(parquet.read_table(tmp_path / "out.parquet"))
    assert found[0].equals(found[1])


@pytest.mark.parametrize(
    ("numbers", "told"), [(np.arange(9.0), False), (np.ones(9), True), (np.full(9, np.nan), False)]
)
def test_only_numbers_that_repeat_are_looked_for(numbers: Any, told: bool) -> None:
    assert output._repeats(numbers) is told


PEAK = (
    "import sys; from polyest.cli import main; code = main(sys.argv[1:]); "
    "print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))); sys.exit(code)"
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the peak")
@pytest.mark.parametrize(("suffix", "most"), [("parquet", 650_000), ("jsonl", 1_200_000)])
def test_rows_of_long_keys_are_written_within_the_memory(suffix: str, most: int, tmp_path: Path) -> None:
    """Prompts of 2 kB as keys: 430 MB and 990 MB; 131,072 rows at once took 850 MB and 1.4 GB."""
    log = tmp_path / f"log.{suffix}"
    text = "(i // 16)::VARCHAR || repeat('-', 2000)"
    duckdb.sql(f"COPY (SELECT {text} AS prompt_id, i % 7 AS answer FROM range(300000) t(i)) TO '{log}'")
    command = [sys.executable, "-c", PEAK, "score", str(log), *HARMONIC, "--out", str(tmp_path / "out.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) < most  # kB
    assert parquet.ParquetFile(tmp_path / "out.parquet").metadata.num_rows == 300_000

"""A page from millions of rows: its size, and the memory that it takes from the rows on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

pytestmark = pytest.mark.slow
COMMAND = (
    "import sys; from polyest.cli import main; code = main(sys.argv[1:]); "
    "print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))); sys.exit(code)"
)


def write_rows(path: Path, steps: int, prompts: int, group_size: int) -> None:
    rng, names = np.random.default_rng(0), pa.array([f"answer {i}" for i in range(40)])
    of_row = np.repeat(np.arange(prompts), group_size)
    with parquet.ParquetWriter(path, pa.schema(list(TYPES.items()))) as writer:
        for step in range(steps):
            law = (1 / np.arange(1, 41)) ** (0.5 + 2.5 * step / steps)  # which collapses
            drawn = rng.choice(40, len(of_row), p=law / law.sum())
            columns = {
                "step": np.full(len(of_row), step),
                "prompt_id": of_row,
                "answer": names.take(pa.array((drawn + of_row) % 40)),
                "correct": pa.array(drawn == 0),
            }
            writer.write_table(pa.table(columns))


TYPES = {"step": pa.int64(), "prompt_id": pa.int64(), "answer": pa.string(), "correct": pa.bool_()}


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the peak")
def test_four_million_rows_take_less_than_700_mib(tmp_path: Path) -> None:
    """A quarter of 1,000 steps with 1,000 prompts and 16 completions of each; docs/benchmarks.md has larger logs."""
    log, page = tmp_path / "log.parquet", tmp_path / "page.html"
    write_rows(log, steps=250, prompts=1000, group_size=16)
    command = [sys.executable, "-c", COMMAND, "report", str(log), "--out", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert page.stat().st_size < 5e6 / 4
    assert int(done.stdout.split()[-1]) < 700 << 10

"""Tables of very many parts: made in blocks, and one by one."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from polyest.rollouts.measures import tables

PROMPTS = 7
NONE = {"mean": None, "se_random": None, "se_fixed": None, "prompts": 0}
WRITTEN = {"": "mean", "_se_random": "se_random", "_se_fixed": "se_fixed", "_prompts": "prompts"}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Prompts whose answers agree more and more; one has one completion."""
    rows = [
        {"prompt_id": f"p{i}", "answer": str(j % (i + 1)), "correct": j % 2}
        for i in range(PROMPTS)
        for j in range(4 if i else 1)
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.slow
def test_blocks_of_any_size_are_one_table(log: Path, run, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {}
    for size in (1, 3, PROMPTS, 100):
        monkeypatch.setattr(tables, "AT_ONCE", size)
        path = log.with_name(f"{size}.csv")
        lines = run("score", log, "--by", "prompt", "--csv", path)
        told[size] = lines, run("score", log, "--by", "prompt", "--json"), path.read_text(encoding="utf-8")
        assert [code for code, *_ in told[size][:2]] == [0, 0]
    assert all(one == told[100] for one in told.values())
    (_, lines, _), (_, found, _), table = told[1]
    rows, by = [*csv.DictReader(table.splitlines())], json.loads(found)["by"]
    assert [row["prompt_id"] for row in rows] == [row["prompt_id"] for row in by] == [f"p{i}" for i in range(PROMPTS)]
    for row, numbers in zip(rows, by, strict=True):
        assert row["collapse_rank"] == str(numbers["collapse_rank"])
        for name in numbers.keys() - {"prompt_id", "collapse_rank"}:
            written = {key: row[name + suffix] for suffix, key in WRITTEN.items()}
            assert written == {
                key: "" if value is None else str(value) for key, value in (numbers[name] or NONE).items()
            }
    assert all(f"p{i} " in lines for i in range(PROMPTS))

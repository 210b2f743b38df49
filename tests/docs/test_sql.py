"""The queries of docs/sql.md, run in DuckDB, pay what the library pays."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from places import ROOT

import polyest
from polyest.cli import main

QUERIES = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "sql.md").read_text(encoding="utf-8"), re.DOTALL)
ROLLOUTS = {"prompt_id": ["p", "q"] * 4, "answer": ["a", "x", "b", None, "a", "x", "a", None]}


@pytest.mark.parametrize("query", QUERIES, ids=["duckdb", "spark"])
def test_a_query_pays_what_the_library_pays(
    query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "log", "-k", "4", "--method", "harmonic", "--format", "csv"]) == 0
    (tmp_path / "table.csv").write_text(capsys.readouterr().out)
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as connection:
        connection.register("rollouts", pa.table(ROLLOUTS))
        connection.execute("CREATE VIEW paid AS FROM read_csv('table.csv')")
        found = connection.execute(query).fetchall()
    rewards = polyest.rewards(ROLLOUTS["answer"], ROLLOUTS["prompt_id"], "log", "harmonic").tolist()
    assert sorted(found, key=repr) == sorted(zip(*ROLLOUTS.values(), rewards, strict=True), key=repr)

"""However small the parts are that a log is dealt into, the numbers are the same to the bit, and in order."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from score_support import HARMONIC, exit_code, write_lines

from polyest.rollouts.engine import codes, parts
from polyest.rollouts.engine.database import Database


@pytest.mark.slow
@pytest.mark.parametrize("group_size", [(), ("--group-size", 5)])
def test_many_parts_are_one(group_size: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = random.Random(0)
    rows = [{"prompt_id": f"p{generator.randrange(40)}", "answer": generator.choice("abc")} for _ in range(1000)]
    log = write_lines(tmp_path / "log.jsonl", rows)
    found = []
    sizes = ((parts.SHARE, parts.AT_ONCE, parts.PART_OF_FEW), (5e-6, 64, parts.PART_OF_FEW), (parts.SHARE, 64, 90))
    for share, at_once, part_of_few in sizes:
        monkeypatch.setattr(parts, "SHARE", share)
        monkeypatch.setattr(parts, "AT_ONCE", at_once)
        monkeypatch.setattr(parts, "PART_OF_FEW", part_of_few)
        outputs = [tmp_path / "out.jsonl", tmp_path / "values.jsonl"]
        assert exit_code("score", log, *HARMONIC, *group_size, "--out", outputs[0], "--values", outputs[1]) == 0
        found.append([path.read_text() for path in outputs])
    assert found[0] == found[1] == found[2]


COMMAND = """
import sys
from polyest.cli import main
assert main(sys.argv[1:]) == 0
assert "polyest.online.compiled.kernels" not in sys.modules
"""


@pytest.mark.slow
def test_few_rows_are_scored_without_numba(tmp_path: Path) -> None:
    """Of 10^6 rows, whose pairs together are more than it takes to load it."""
    log = tmp_path / "log.parquet"
    prompts, answers = np.arange(1_000_000) // 16, np.arange(1_000_000) % 7
    parquet.write_table(pa.table({"prompt_id": prompts, "answer": answers}), log)
    subprocess.run(
        [sys.executable, "-c", COMMAND, "score", log, *HARMONIC, "--out", tmp_path / "out.parquet"], check=True
    )
    assert parquet.read_metadata(tmp_path / "out.parquet").num_rows == 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("keys", [("prompt_id",), ("prompt_id", "step")])
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("weak", [pytest.param("hash({}) & 7", marks=pytest.mark.slow), "0::UBIGINT"])
def test_hashes_that_are_the_same_by_chance_change_no_number(
    keys: tuple[str, ...], suffix: str, weak: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, log = random.Random(1), tmp_path / f"log.{suffix}"
    ids = {"prompt_id": 'p{}"', "step": "{}"}
    rows = [{name: ids[name].format(generator.randrange(5)) for name in keys} for _ in range(400)]
    rows = [row | {"answer": generator.choice(["x", "y", "1", "", "é", "zz", "z", None])} for row in rows]
    if suffix == "jsonl":
        write_lines(log, rows)
    else:
        parquet.write_table(pa.Table.from_pylist(rows), log)
    outputs = [tmp_path / "out.jsonl", tmp_path / "values.jsonl"]
    found = []
    for formula, is_shared in ((codes.HASH, False), (weak, False), (weak, True), (codes.HASH, True)):
        monkeypatch.setattr(codes, "HASH", formula)
        monkeypatch.setattr(codes, "BYTES_OF_CODE", 300_000_000 if is_shared else 80)
        assert exit_code("score", log, *HARMONIC, "--out", outputs[0], "--values", outputs[1]) == 0
        found.append([path.read_text() for path in outputs])
    assert all(other == found[0] for other in found)


@pytest.mark.slow
def test_the_database_leaves_room_for_parts_that_are_dealt_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.2 GB less twice 450 MiB; with all of its own it took 1.4 GB of 3·10^7 rows of JSON lines."""
    limits: list[str] = []

    def made(database: Database) -> None:
        make_room(database)
        limits.extend(database.connection.sql("SELECT current_setting('memory_limit')").fetchall()[0])

    make_room = Database.make_room_for_parts
    monkeypatch.setattr(Database, "make_room_for_parts", made)
    log = write_lines(tmp_path / "log.jsonl", [{"prompt_id": "p", "answer": i % 3} for i in range(9)])
    out = "--out", tmp_path / "out.parquet"
    assert exit_code("score", log, *HARMONIC, *out) == 0
    assert limits == []
    monkeypatch.setattr(parts, "SHARE", 1e-7)
    assert exit_code("score", log, *HARMONIC, *out) == 0
    assert limits == ["244.0 MiB"]


@pytest.mark.slow
def test_a_group_or_a_prompt_that_memory_cannot_hold_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There are 1,000 bytes, 10 rows at work take 250 each, 30 that are counted 60 each and their 3 groups 1,100."""
    monkeypatch.setattr(parts, "SHARE", 1e-6)
    monkeypatch.setattr(parts, "OWN", 1_199_999_000)
    rows = [{"prompt_id": "p", "answer": i % 3, "step": i // 10} for i in range(30)]
    log = write_lines(tmp_path / "log.jsonl", rows)
    out = "--out", tmp_path / "out.parquet"
    assert exit_code("score", log, *HARMONIC, *out) == 2
    told = "`--memory` must be enough for the completions of a prompt at one step; got 1.2GB and 10 of them; give 1.3GB"
    assert told in capsys.readouterr().err
    assert not out[1].exists()
    monkeypatch.setattr(parts, "BYTES_OF_ROW", 90)
    assert exit_code("score", log, *HARMONIC, *out) == 0
    assert exit_code("score", log, *HARMONIC, "--by", "step") == 2
    told = "the completions of a prompt at all its steps; got 1.2GB and 30 of them; give 1.3GB"
    assert told in capsys.readouterr().err
    assert exit_code("score", log, *HARMONIC, "--by", "step", "--memory", "1.3GB") == 0


@pytest.mark.slow
def test_prompts_that_are_dealt_alike_are_taken_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shelf has one of a few large prompts, and groups are whole."""
    monkeypatch.setattr(parts, "SHARE", 5e-6)
    rows = [{"prompt_id": f"p{i % 3}", "answer": i % 7, "step": i // 300} for i in range(3000)]
    log, seen = write_lines(tmp_path / "log.jsonl", rows), list[list[int]]()

    def shelves(*given: object) -> list[list[parts.Pile]]:
        found = [*made(*given)]  # type: ignore[arg-type]
        for shelf in found:
            records = np.concatenate([pile.all() for pile in shelf])
            seen.append([len(records), len({*records["row"] % 3})])
            keys = [{*pile.all()["key"].tolist()} for pile in shelf]
            assert len(set[int]().union(*keys)) == sum(map(len, keys))
        return found

    made = parts._shelves
    monkeypatch.setattr(parts, "_shelves", shelves)
    assert exit_code("score", log, *HARMONIC, "--by", "step") == 0
    assert seen == [[1000, 1]] * 3

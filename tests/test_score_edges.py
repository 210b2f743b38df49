"""`polyest score` on odd logs and options: an answer or one line, never a traceback, nothing changed silently."""

from __future__ import annotations

from pathlib import Path

import pytest
from score_support import HARMONIC, exit_code, read_lines, write_lines

from polyest.errors import ArgumentError
from polyest.online.reference import read_probabilities

ROW = {"prompt_id": "a", "answer": "x"}


def is_one_line(capsys: pytest.CaptureFixture[str], *words: str) -> bool:
    captured = capsys.readouterr()
    return captured.out == "" and captured.err.count("\n") == 1 and all(word in captured.err for word in words)


@pytest.mark.parametrize("size", [7, 2**63 - 1, 2**63, 10**30])
def test_a_group_size_beyond_all_groups_is_one_group(size: int, tmp_path: Path) -> None:
    log, out = write_lines(tmp_path / "log.jsonl", [ROW] * 6), tmp_path / "out.jsonl"
    assert exit_code("score", log, *HARMONIC, "--group-size", size, "--values", out) == 0
    assert [row["groups"] for row in read_lines(out)] == [1]


@pytest.mark.parametrize(
    "line",
    ['{"prompt_id": "a", "answer": 1, "answer": 2}', '{"prompt_id": "a", "answer": 1, "x": 3, "x": 4}',
     '{"prompt_id": "a", "answer": 1, "x": [{"k": 1, "k": 1}]}', f'{{"answer": {"9" * 5000}, "x": 1, "x": 1}}'],
)  # fmt: skip
@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
def test_an_object_that_has_a_key_twice_is_refused(
    line: str, out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"prompt_id": "a", "answer": 1}\n' + line)
    assert exit_code("score", log, *HARMONIC, "--out", tmp_path / out) == 2
    assert is_one_line(capsys, "line 2", "more than once")


def test_names_that_parquet_cannot_hold_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_lines(tmp_path / "log.jsonl", [ROW | {"\ud800": 1}] * 2)
    assert exit_code("score", log, *HARMONIC, "--out", tmp_path / "out.parquet") == 2
    assert is_one_line(capsys, "cannot be written as parquet")
    assert exit_code("score", log, *HARMONIC, "--out", tmp_path / "out.jsonl") == 0


@pytest.mark.parametrize("option", ["--reward-column", "--advantage-column"])
def test_new_columns_are_named_in_text(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_lines(tmp_path / "log.jsonl", [ROW] * 2)
    assert exit_code("score", log, *HARMONIC, "--out", tmp_path / "out.parquet", option, "\udcff") == 2
    assert is_one_line(capsys, option, "UTF-8")


@pytest.mark.parametrize("digits", [400, 5000])
def test_integers_beyond_floats_are_no_probabilities(digits: int) -> None:
    with pytest.raises(ArgumentError, match="`reference` must be probabilities"):
        read_probabilities([0.5, 10**digits])


def test_every_note_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_lines(tmp_path / "a\nb.jsonl", [ROW | {"correct": "?"}] * 2)
    assert exit_code("score", log, *HARMONIC) == 0
    assert all(line.startswith("polyest: ") for line in capsys.readouterr().err.splitlines())

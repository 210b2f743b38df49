"""`polyest score` on odd logs and options: an answer or one line, never a traceback, nothing changed silently."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import NoReturn

import pytest
from score_support import HARMONIC, exit_code, read_lines, write_lines

from polyest.errors import ArgumentError
from polyest.online.extras import read_probabilities
from polyest.rollouts.typed import dump, load

ROW = {"prompt_id": "a", "answer": "x"}


def is_one_line(capsys: pytest.CaptureFixture[str], *words: str) -> bool:
    captured = capsys.readouterr()
    return captured.out == "" and captured.err.count("\n") == 1 and all(word in captured.err for word in words)


@pytest.mark.parametrize("size", [7, 2**63 - 1, 2**63, 10**30])
def test_a_group_size_beyond_all_groups_is_one_group(size: int, tmp_path: Path) -> None:
    log, out = write_lines(tmp_path / "log.jsonl", [ROW] * 6), tmp_path / "out.jsonl"
    assert exit_code("score", log, *HARMONIC, "--group-size", size, "--values", out) == 0
    assert [row["groups"] for row in read_lines(out)] == [1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    ['{"prompt_id": "a", "answer": 1, "answer": 2}', '{"prompt_id": "a", "answer": 1, "x": 3, "x": 4}',
     '{"prompt_id": "a", "answer": {"tuple": [{"int": "1", "int": "1"}]}}',
     '{"prompt_id": "a", "answer": 1, "x": {"y": [{"z": 1, "z": 1}]}}',
     f'{{"answer": {"9" * 5000}, "x": 1, "x": 1}}'],
)  # fmt: skip
@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
def test_an_object_that_has_a_key_twice_is_refused(
    line: str, out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"prompt_id": "a", "answer": 1}\n' + line)
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / out) == 2
    assert is_one_line(capsys, "line 2", "more than once")


@pytest.mark.parametrize(
    "line",
    ['{"prompt_id": "a", "answer": 1, "X": 1, "x": 2}', '{"prompt_id": "a", "answer": 1, "x": {"Y": 1, "y": 1}}'],
)
def test_names_that_differ_by_case_are_different(line: str, tmp_path: Path) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "out.jsonl"
    log.write_text('{"prompt_id": "a", "answer": 1}\n' + line)
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == 0
    assert out.read_text().splitlines()[1].startswith(line[:-1])


def test_columns_that_only_later_lines_have_are_not_added_once_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, out = write_lines(tmp_path / "log.jsonl", [ROW, ROW | {"reward": 1.0}]), tmp_path / "out.jsonl"
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == 2
    assert is_one_line(capsys, "`--reward-column`", "got reward, which some lines have")
    assert not out.exists()


@pytest.mark.slow
def test_names_that_parquet_cannot_hold_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_lines(tmp_path / "log.jsonl", [ROW | {"\ud800": 1}] * 2)
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.parquet") == 2
    assert is_one_line(capsys, "cannot be written as parquet")
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.jsonl") == 0


@pytest.mark.parametrize("option", ["--reward-column", "--advantage-column"])
def test_new_columns_are_named_in_text(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_lines(tmp_path / "log.jsonl", [ROW] * 2)
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.parquet", option, "\udcff") == 2
    assert is_one_line(capsys, option, "UTF-8")


@pytest.mark.parametrize("digits", [400, 5000])
def test_integers_beyond_floats_are_no_probabilities(digits: int) -> None:
    with pytest.raises(ArgumentError, match="`reference` must be probabilities"):
        read_probabilities([0.5, 10**digits])


@pytest.mark.slow
def test_every_note_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_lines(tmp_path / "a\nb.jsonl", [ROW | {"correct": "?"}] * 2)
    assert exit_code("score", log, *HARMONIC) == 0
    assert all(line.startswith("polyest: ") for line in capsys.readouterr().err.splitlines())


LIMITED = """
import resource, sys
from polyest.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""
NO_LIMITS = pytest.mark.skipif(os.name == "nt", reason="has no such limit")


def scored_with_room(size: int, folder: Path, *options: object, before: str = "") -> subprocess.CompletedProcess[str]:
    """`score` of 1000 rows where no file can be larger than so many bytes."""
    rng = random.Random(0)
    prompts = [f"{rng.getrandbits(800):0200x}" for _ in range(500)]
    rows = [{"prompt_id": prompts[i // 2], "answer": i % 3} for i in range(1000)]
    log = write_lines(folder / "log.jsonl", rows)
    command = [sys.executable, "-c", before + LIMITED, str(size), "score", log, *HARMONIC, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@NO_LIMITS
@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
@pytest.mark.parametrize("option", ["--out", "--values"])
def test_a_full_disk_is_one_line_that_names_the_file(name: str, option: str, tmp_path: Path) -> None:
    done = scored_with_room(40_000, tmp_path, option, tmp_path / name)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert str(tmp_path / name) in done.stderr
    assert [*tmp_path.iterdir()] == [tmp_path / "log.jsonl"]


@pytest.mark.slow
@NO_LIMITS
def test_a_full_disk_for_what_is_kept_meanwhile_is_one_line_that_names_the_folder(tmp_path: Path) -> None:
    little_memory = "from polyest.rollouts.engine import parts; parts.SHARE = 3e-5; "
    done = scored_with_room(1000, tmp_path, before=little_memory)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "set TMPDIR to a disk with more room than" in done.stderr


@pytest.mark.parametrize("name", ["x" * 300, "locked/log.jsonl"])
def test_a_log_that_cannot_be_looked_at_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stat(self: Path, **_: object) -> NoReturn:
        raise PermissionError(13, "Permission denied", str(self))

    if "locked" in name:
        monkeypatch.setattr(Path, "stat", stat)
    assert exit_code("score", tmp_path / name, *HARMONIC) == 2
    assert is_one_line(capsys, "`ROLLOUTS` must be a file that can be read", name)


def test_a_column_without_a_name_is_a_column_that_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_lines(tmp_path / "log.jsonl", [ROW | {"correct": True}] * 2)
    assert exit_code("score", log, *HARMONIC, "--correct-column", "") == 2
    assert is_one_line(capsys, "a column ''")


@pytest.mark.parametrize("option", ["--no-answer", "--answer-column", "--out", "--group-size", "--method"])
def test_two_dashes_are_no_value(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_lines(tmp_path / "log.jsonl", [ROW] * 2)
    assert exit_code("score", log, "--target", "log", f"{option}=--") == 2
    assert is_one_line(capsys, option, "takes a value")


class Choice(str):
    """Equal to a string, and printed as another: so is an enumeration of strings."""

    def __str__(self) -> str:
        return f"Choice {self!r}"


@pytest.mark.parametrize("answer", [Choice("a"), (Choice("a"), 1), frozenset([Choice("a")])])
def test_what_equals_a_string_is_dumped_as_that_string(answer: Hashable) -> None:
    assert load(json.loads(json.dumps(dump(answer)))) == answer

"""Logs that are hostile, unfinished, or come another way: an answer or one line, never a traceback."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from score_support import HARMONIC, exit_code, read_lines, write_lines

from polyest.errors import ArgumentError
from polyest.rollouts.engine.log import _spooled

ROWS = [{"prompt_id": "p", "answer": a} for a in ("x", "x", "y")]
LINES = [json.dumps(row) for row in ROWS]
REWARDS = [-0.5, -0.5, -1.5]  # K = 3: c = −3/2, −1/2, 0, by hand from theory.md §3


def rewards(path: Path, *options: object) -> list[float]:
    out = path.parent / "out.jsonl"
    assert exit_code("score", path, *HARMONIC, "--out", out, *options) == 0
    return [row["reward"] for row in read_lines(out)]


HARMLESS = {
    "bom": b"\xef\xbb\xbf" + "\n".join(LINES).encode(),
    "crlf": "\r\n".join(LINES).encode() + b"\r\n",
    "blank lines": "\n\n \n".join(LINES).encode(),
    "escaped NUL": "\n".join(LINES).replace('"x"', '"x\\u0000"').encode(),
    "lone surrogate": "\n".join(LINES).replace('"x"', '"\\ud800"').encode(),
    "other columns of several types": "\n".join(
        line[:-1] + f', "o": {value}}}' for line, value in zip(LINES, ("1", '"1"', "[1.50]"), strict=True)
    ).encode(),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", HARMLESS)
def test_harmless_oddities_change_nothing(case: str, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(HARMLESS[case])
    assert rewards(path) == REWARDS


@pytest.mark.parametrize("end", ["", '\n\n{"prompt_id": "p", "ans'])
def test_rows_are_counted_without_blank_lines_and_messages_name_the_line(
    end: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "log.jsonl", tmp_path / "out.jsonl"
    path.write_text("\n\n".join([*LINES[:2], LINES[2][:-1] + ', "correct": "who knows"}']) + end)
    assert rewards(path) == REWARDS
    assert [row["row"] for row in read_lines(out)] == [1, 2, 3]
    assert "log.jsonl, line 5: 'correct'" in capsys.readouterr().err


HOSTILE = {
    "NUL": ("\n".join(LINES).encode().replace(b'"y"', b'"\0y"'), "line 3: must be one JSON object"),
    "a key twice that is read": (
        "\n".join([*LINES, '{"prompt_id": "p", "answer": 1, "answer": 2}']).encode(),
        "line 4",
    ),
    "a key twice that is not in the first line, and read": (
        "\n".join([*LINES, '{"prompt_id": "p", "answer": 1, "score": 1, "score": 2}']).encode(),
        "line 4",
    ),
    "a key twice that is in the first line, and not read": (
        "\n".join([LINES[0][:-1] + ', "z": 0}', '{"prompt_id": "p", "answer": 1, "z": 1, "z": 2}']).encode(),
        "line 2",
    ),
    "a key twice in an answer": (
        "\n".join([*LINES, '{"prompt_id": "p", "answer": {"int": "1", "int": "1"}}']).encode(),
        "line 4",
    ),
    "not UTF-8": ("\n".join(LINES).encode().replace(b'"y"', b'"\xff"'), "line 3: must be one JSON object in UTF-8"),
    "broken in the middle": ("\n".join([LINES[0], '{"prompt_id": "p", "a', *LINES]).encode(), "line 2"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_lines_are_named(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl"
    content, message = HOSTILE[case]
    path.write_bytes(content)
    assert exit_code("score", path, *HARMONIC, "--out", tmp_path / "out.jsonl") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.slow
@pytest.mark.parametrize("end", ['{"prompt_id": "p", "ans', '{"prompt_id": "p", "answer": "z"', "{"])
def test_a_torn_last_line_is_reported_and_left_out(
    end: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([*LINES, end]))
    assert rewards(path) == REWARDS
    assert "the last line is torn" in capsys.readouterr().err
    assert rewards(path, "--full") == REWARDS


@pytest.mark.slow
def test_one_and_its_likenesses_stay_apart(tmp_path: Path) -> None:
    answers = ["1", 1, 1.0, True]
    path = write_lines(tmp_path / "log.jsonl", [{"prompt_id": "p", "answer": a} for a in answers])
    assert len(set(rewards(path))) == 1
    assert rewards(path)[0] == pytest.approx(-(1 + 1 / 2 + 1 / 3))  # K = 4 without a match


@pytest.mark.parametrize("name", ["log.jsonl.gz", "log.jsonl.zst"])
def test_packed_files_are_read(name: str, tmp_path: Path) -> None:
    path, content = tmp_path / name, "\n".join(LINES).encode()
    if name.endswith("gz"):
        path.write_bytes(gzip.compress(content))
    else:
        with pa.output_stream(str(path), compression="zstd") as stream:
            stream.write(content)
    assert rewards(path, "--prompt-column", "prompt_id") == REWARDS


@pytest.mark.slow
def test_a_bomb_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl.gz"
    with gzip.open(path, "wb", 1) as stream:
        stream.write(b'{"prompt_id": "')
        for _ in range(300):
            stream.write(b"0" * (1 << 20))
    assert exit_code("score", path, *HARMONIC, "--prompt-column", "prompt_id") == 2
    assert "a line must have at most 256 MiB" in capsys.readouterr().err


@pytest.mark.slow
def test_a_line_of_40_mb_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([LINES[0][:-1] + f', "text": "{"x" * 40_000_000}"}}', *LINES[1:]]))
    assert rewards(path) == REWARDS


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "count"), [("jsonl", 100_000), ("parquet", 10_000)])
def test_a_log_of_very_many_columns_is_read(suffix: str, count: int, tmp_path: Path) -> None:
    """A hundred thousand in parquet, too, in a quarter of a minute, which DuckDB and pyarrow need for the schema."""
    path = tmp_path / f"log.{suffix}"
    more = [f"c{i}" for i in range(count)]
    if suffix == "jsonl":
        write_lines(path, [row | dict.fromkeys(more, 1) for row in ROWS])
    else:
        narrow, ones = pa.Table.from_pylist(ROWS), pa.array([1] * len(ROWS))
        table = pa.table([*narrow.columns, *[ones] * len(more)], [*narrow.column_names, *more])
        parquet.write_table(table, path, use_dictionary=False, write_statistics=False)
    assert rewards(path) == REWARDS


def test_standard_input_is_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.jsonl"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(LINES).encode())))
    assert exit_code("score", "-", *HARMONIC, "--out", out) == 0
    assert [(row["file"], row["row"], row["reward"]) for row in read_lines(out)] == [
        ("-", i + 1, reward) for i, reward in enumerate(REWARDS)
    ]


OWN = """
import pyarrow as pa

def read(path):
    prompts, answers = zip(*(line.split() for line in path.read_text().splitlines()))
    yield pa.RecordBatch.from_pydict({"prompt": prompts, "answer": [f'"{a}"' for a in answers]})

def wrong(path):
    yield [1]
"""


@pytest.mark.slow
def test_a_reader_of_ones_own_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_reader.py").write_text(OWN)
    (tmp_path / "log.txt").write_text("p x\np x\np y\n")
    monkeypatch.chdir(tmp_path)
    assert rewards(tmp_path / "log.txt", "--format", "own_reader:read") == REWARDS
    assert exit_code("score", tmp_path / "log.txt", *HARMONIC, "--format", "own_reader:wrong") == 2
    assert "a function that yields pyarrow.RecordBatch" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "correct"),
    [
        (("--correct-if", ">=0.5"), 2 / 3),
        (("--correct-column", "score", "--correct-if", "=1"), 1 / 3),
        (("--correct-column", "grade"), 1 / 3),
    ],
)
def test_verdicts_may_be_scores_and_grades(
    options: tuple[str, ...], correct: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored = [row | {"score": s, "grade": g} for row, s, g in zip(ROWS, (1, 0.5, 0), "CII", strict=True)]
    path = write_lines(tmp_path / "log.jsonl", scored)
    assert exit_code("score", path, *HARMONIC, *options, "--json") == 0
    assert json.loads(capsys.readouterr().out)["correct"] == pytest.approx(correct)


@pytest.mark.parametrize("wrong", ["high", ">=", "> x", "1"])
def test_a_condition_that_is_none_is_refused(wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_lines(tmp_path / "log.jsonl", ROWS)
    assert exit_code("score", path, *HARMONIC, "--correct-if", wrong) == 2
    assert "`--correct-if` must compare with a number" in capsys.readouterr().err


@pytest.mark.slow
def test_epochs_are_kept_apart(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", [row | {"epoch": e} for e in (1, 2) for row in ROWS])
    assert rewards(path, "--epoch", "epoch") == REWARDS * 2
    assert rewards(path) != REWARDS * 2


@pytest.mark.slow
def test_rows_behind_a_torn_line_keep_their_groups(tmp_path: Path, run: Any) -> None:
    """Those of the files that follow are numbered on."""
    for number in range(3):
        rows = [{"prompt_id": f"{number} {i % 3}", "answer": i * number % 4} for i in range(9)]
        write_lines(tmp_path / f"{number}.jsonl", rows)
    given = ("score", tmp_path, *HARMONIC, "--by", "prompt", "--json")
    whole = run(*given)
    with (tmp_path / "0.jsonl").open("a") as file:
        file.write('{"prompt_id": 1, "ans')
    torn = run(*given)
    assert "torn" in torn[2]
    assert torn[:2] == whole[:2]


@pytest.mark.parametrize("name", ["prompt_id", "answer"])
def test_a_text_of_parquet_that_is_none_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = pa.Array.from_buffers(pa.string(), 2, pa.array([b"a\xff", b"b"]).buffers())
    columns = {"prompt_id": pa.array(["a", "a"]), "answer": pa.array(["x", "y"])} | {name: wrong}
    parquet.write_table(pa.table(columns), tmp_path / "log.parquet")
    assert exit_code("score", tmp_path / "log.parquet", *HARMONIC) == 2
    assert f"row 1: {name!r} must be a value that Python can hold" in capsys.readouterr().err


def no_bytes(size: int) -> bytes:
    raise OSError(errno.EBADF, os.strerror(errno.EBADF))


@pytest.mark.parametrize(
    ("stdin", "came"),
    [(None, "it is closed"), (SimpleNamespace(buffer=SimpleNamespace(read=no_bytes)), "Bad file descriptor")],
)
def test_standard_input_that_cannot_be_read_is_an_error(
    stdin: object, came: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(ArgumentError, match=rf"^`ROLLOUTS` - is standard input, .*; {came}; give it with < or \|$"):
        _spooled(SimpleNamespace(folder=tmp_path))  # type: ignore[arg-type]

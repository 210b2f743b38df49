"""Files that change while they are read: added lines are left out, everything else is an error of one line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from score_support import HARMONIC, exit_code, read_lines

from polyest.rollouts.engine import parts, plain

LINES = [json.dumps({"prompt_id": "p", "answer": a}) + "\n" for a in ("x", "x", "y")]
REWARDS = [-0.5, -0.5, -1.5]  # K = 3: c = −3/2, −1/2, 0, by hand from theory.md §3
TORN = '{"prompt_id": "p", "ans'


def before(name: str, change: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Change something each time before a step: ``relation`` before DuckDB reads, ``_hashed`` after the first time."""
    module = plain if name == "relation" else parts
    done = getattr(module, name)

    def changed(*arguments: object) -> object:
        change()
        return done(*arguments)

    monkeypatch.setattr(module, name, changed)


def append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--full",)])
@pytest.mark.parametrize("added", [LINES[0] * 1000, TORN])
@pytest.mark.parametrize("step", ["relation", "_coded"])
def test_lines_that_are_added_meanwhile_are_left_out(
    step: str, added: str, options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "log.jsonl", tmp_path / "out.jsonl"
    path.write_text("".join(LINES))
    before(step, lambda: append(path, added), monkeypatch)
    assert exit_code("score", path, *HARMONIC, "--out", out, *options) == 0
    assert [row["reward"] for row in read_lines(out)] == REWARDS


@pytest.mark.parametrize("step", ["relation", "_coded"])
def test_a_line_that_is_finished_meanwhile_was_torn(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "log.jsonl", tmp_path / "out.jsonl"
    path.write_text("".join(LINES) + TORN)
    ends = iter(['wer": "x"}\n' + LINES[0]])
    before(step, lambda: append(path, next(ends, "")), monkeypatch)
    assert exit_code("score", path, *HARMONIC, "--out", out) == 0
    assert [row["reward"] for row in read_lines(out)] == REWARDS
    assert "the last line is torn" in capsys.readouterr().err


def rewrite(path: Path, count: int) -> None:
    if path.suffix == ".parquet":
        rows = {"prompt_id": ["p"] * count, "answer": [f"{i % 5}" for i in range(count)]}
        parquet.write_table(pa.table(rows), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress("".join(LINES[:1] * count).encode()))
    else:
        path.write_text("".join(LINES[:1] * count))


REWRITTEN = [("parquet", 2), ("parquet", 3000), ("jsonl.gz", 3000), ("jsonl", 2)]


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--full",), ("--json",)])
@pytest.mark.parametrize(("suffix", "size"), REWRITTEN)
def test_a_file_that_is_written_anew_meanwhile_is_an_error_of_one_line(
    suffix: str,
    size: int,
    options: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, out = tmp_path / f"log.{suffix}", tmp_path / f"out.{suffix.partition('.')[0]}"
    rewrite(path, 300)
    before("_coded", lambda: rewrite(path, size), monkeypatch)
    assert exit_code("score", path, *HARMONIC, *(options if options == ("--json",) else ("--out", out, *options))) == 2
    error = capsys.readouterr().err
    assert "must stay as it is while it is read" in error
    assert error.count("\n") == 1
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("suffix", ["gz", "zst"])
@pytest.mark.parametrize("options", [(), ("--prompt-column", "prompt_id")])
def test_a_torn_last_line_of_a_packed_file_is_reported_and_left_out(
    suffix: str, options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / f"log.jsonl.{suffix}", tmp_path / "out.jsonl"
    path.write_bytes(packed("".join([*LINES, TORN]).encode(), suffix))
    assert exit_code("score", path, *HARMONIC, *options, "--out", out) == 0
    assert [row["reward"] for row in read_lines(out)] == REWARDS
    assert "line 4: the last line is torn" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["gz", "zst"])
@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_packed_file_that_is_cut_is_an_error_of_one_line(
    suffix: str, share: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"log.jsonl.{suffix}"
    content = packed("".join(line.replace('"p"', f'"p{i}"') for i in range(500) for line in LINES).encode(), suffix)
    path.write_bytes(content[: int(share * len(content))])
    assert exit_code("score", path, *HARMONIC) == 2
    error = capsys.readouterr().err
    assert "must be whole, and packed as its name says" in error
    assert error.count("\n") == 1


def packed(content: bytes, suffix: str) -> bytes:
    if suffix == "gz":
        return gzip.compress(content)
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()

"""`polyest score` on parquet: no value changes, what cannot be kept is refused before the work, wide files."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from score_support import HARMONIC, exit_code, read_lines, write_lines

from polyest.cli import scoring

BASE = {"prompt_id": [1, 1, 1], "answer": ["a", "b", "a"]}
NUMBERS = pa.array([1, 2, 3], pa.int64())


def text_that_is_not_utf8() -> pa.Array:
    offsets = b"".join(n.to_bytes(4, "little") for n in (0, 1, 2, 3))
    return pa.Array.from_buffers(pa.string(), 3, [None, pa.py_buffer(offsets), pa.py_buffer(b"a\xff\xfe")])


UNREADABLE = {
    "text that is not UTF-8": text_that_is_not_utf8(),
    "date beyond 9999": pa.array([3_000_000, 1, 1], pa.int32()).cast(pa.date32()),
    "time beyond 9999": pa.array([10**15] * 3, pa.int64()).cast(pa.timestamp("ms")),
    "unknown zone": NUMBERS.cast(pa.timestamp("us", tz="Nowhere/Bad")),
    "zone that is a path": NUMBERS.cast(pa.timestamp("us", tz="../../etc/hosts")),
    "duplicate fields": pa.StructArray.from_arrays([NUMBERS, NUMBERS], names=["a", "a"]),
    "duration": pa.array([2**62] * 3, pa.int64()).cast(pa.duration("s")),
}
WITHOUT_JSON = UNREADABLE | {
    "map": pa.array([[("k", 1)]] * 3, pa.map_(pa.string(), pa.int64())),
    "date": NUMBERS.cast(pa.int32()).cast(pa.date32()),
    "bytes": pa.array([b"\xff"] * 3),
    "decimal": NUMBERS.cast(pa.decimal128(30, 2)),
    "NaN": pa.array([1.0, float("nan"), 2.0]),
    "list of dates": pa.array([[1]] * 3, pa.list_(pa.int32())).cast(pa.list_(pa.date32())),
    "struct of bytes": pa.array([{"k": b"\xff"}] * 3),
}
PLAIN = {
    "struct": pa.array([{"k": 1}, {"k": None}, None]),
    "lists": pa.array([[], [[1.5]], None]),
    "dictionary": pa.array(["x", "y", "x"]).dictionary_encode(),
    "small numbers": pa.array([1, 2, 3], pa.uint8()),
    "large numbers": pa.array([2**64 - 1, 0, 1], pa.uint64()),
    "32 bits": pa.array([0.1, 0.2, 0.3], pa.float32()),
    "nothing": pa.nulls(3),
}


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods that were scored: the work that would be lost."""
    methods: list[str] = []
    score = scoring.score

    def counted(answers: Any, groups: Any, target: str, method: str, **options: Any) -> Any:
        methods.append(method)
        return score(answers, groups, target, method, **options)

    monkeypatch.setattr(scoring, "score", counted)
    return methods


def write_table(folder: Path, **columns: Any) -> Path:
    parquet.write_table(pa.table(BASE | columns), folder / "log.parquet")
    return folder / "log.parquet"


@pytest.mark.parametrize("kind", [*WITHOUT_JSON, *(pytest.param(kind, marks=pytest.mark.slow) for kind in PLAIN)])
def test_columns_that_are_not_needed_stay_as_they_are(kind: str, tmp_path: Path) -> None:
    log, out = write_table(tmp_path, x=(WITHOUT_JSON | PLAIN)[kind]), tmp_path / "out.parquet"
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == 0
    before, after = parquet.ParquetFile(log).read(), parquet.ParquetFile(out).read()
    assert after.column_names == [*before.column_names, "reward", "advantage"]
    assert after.schema.field("x").equals(before.schema.field("x"))
    for one, other in zip(before.column("x").chunks, after.column("x").chunks, strict=True):
        assert one.buffers() is not None
        assert [b and b.to_pybytes() for b in one.buffers()] == [b and b.to_pybytes() for b in other.buffers()]


@pytest.mark.slow
@pytest.mark.parametrize("column", ["answer", "prompt_id"])
@pytest.mark.parametrize("kind", UNREADABLE)
def test_columns_that_are_needed_and_cannot_be_read_are_named(
    column: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], scored: list[str]
) -> None:
    log = write_table(tmp_path, **{column: UNREADABLE[kind]})
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.parquet") == 2
    error = capsys.readouterr().err
    row = 2 if "UTF" in kind else 1
    assert f"row {row}: {column!r} must be a value that Python can hold" in error
    assert error.count("\n") == 1
    assert not scored


@pytest.mark.slow
@pytest.mark.parametrize("kind", UNREADABLE)
def test_verdicts_that_cannot_be_read_are_in_nobodys_way(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_table(tmp_path, correct=UNREADABLE[kind])
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.parquet") == 0
    captured = capsys.readouterr()
    assert "correct: unknown" in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", WITHOUT_JSON)
def test_what_json_cannot_hold_is_refused_before_the_work(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], scored: list[str]
) -> None:
    log = write_table(tmp_path, x=WITHOUT_JSON[kind])
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.jsonl") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "log.parquet" in error
    assert not scored
    assert [*tmp_path.iterdir()] == [log]


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLAIN)
def test_what_json_holds_is_written_as_it_is(kind: str, tmp_path: Path) -> None:
    log, out = write_table(tmp_path, x=PLAIN[kind]), tmp_path / "out.jsonl"
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == 0
    assert [row["x"] for row in read_lines(out)] == PLAIN[kind].to_pylist()


CHANGED: dict[str, list[Any]] = {
    "empty object beside another": [{}, {"k": 1}, {"k": 2}],
    "empty objects": [{}, {}, {}],
    "empty object in a list": [[{}], [], None],
    "objects with other keys": [{"a": 1}, {"b": 1}, {"a": 1, "b": 2}],
    "objects with other keys, below": [{"a": [{"x": 1}]}, {"a": [{"y": 1}]}, None],
    "true and a number": [True, 1, 0],
    "text and a number": ["1", 1, None],
    "long integers": [10**30, 1, 2],
    "integers that a float cannot hold": [2**53 + 1, 0.5, 1],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHANGED)
def test_what_parquet_would_change_is_refused_before_the_work(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], scored: list[str]
) -> None:
    rows = [{"prompt_id": 1, "answer": "a", "x": x} for x in CHANGED[kind]]
    log = write_lines(tmp_path / "log.jsonl", rows)
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.parquet") == 2
    error = capsys.readouterr().err
    assert "cannot be written as parquet" in error
    assert error.count("\n") == 1
    assert not scored
    assert [*tmp_path.iterdir()] == [log]
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.jsonl") == 0
    assert [row["x"] for row in read_lines(tmp_path / "out.jsonl")] == CHANGED[kind]


def test_values_are_refused_before_the_work_too(tmp_path: Path, scored: list[str]) -> None:
    rows = [{"prompt_id": prompt, "answer": "a"} for prompt in (1, 1, "one", "one")]
    log = write_lines(tmp_path / "log.jsonl", rows)
    assert exit_code("score", log, *HARMONIC, "--values", tmp_path / "values.parquet") == 2
    assert not scored


@pytest.mark.parametrize(
    "values", [[1, 2.5, 3], [None, 1, 2], [[1], [2.5], []], [{"a": 1, "b": 2}, {"b": 1, "a": 2}, None]]
)
def test_what_parquet_keeps_is_written(values: list[Any], tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [{"prompt_id": 1, "answer": "a", "x": x} for x in values])
    out = tmp_path / "out.parquet"
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == 0
    assert parquet.read_table(out).column("x").to_pylist() == values


@pytest.mark.slow
def test_typed_answers_of_structs(tmp_path: Path) -> None:
    answers = pa.array([{"tuple": [1, 2]}, {"tuple": [1, 2]}, {"tuple": [2, 1]}])
    several = pa.array([{"tuple": [1, 2]}, {"fraction": "1/2"}, {"tuple": [1, 2]}])
    for column, rewards in ((answers, [-0.5, -0.5, -1.5]), (several, [-0.5, -1.5, -0.5])):
        assert (
            exit_code(
                "score", write_table(tmp_path, answer=column), *HARMONIC, "--full", "--out", tmp_path / "o.parquet"
            )
            == 0
        )
        assert parquet.read_table(tmp_path / "o.parquet").column("reward").to_pylist() == rewards


@pytest.mark.slow
@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl"])
@pytest.mark.parametrize("out", ["out.parquet", "out.jsonl"])
def test_thousands_of_columns_take_linear_time(name: str, out: str, tmp_path: Path) -> None:
    columns = {f"c{n}": [1.5, 2.5, None] for n in range(5_000)}
    log = tmp_path / name
    if name == "log.parquet":
        write_table(tmp_path, **columns)
    else:
        write_lines(log, pa.table(BASE | columns).to_pylist())
    start = time.process_time()
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / out) == 0
    assert time.process_time() - start < 20  # one or two; it took 129 for twice as many, thus 32 for these


@pytest.mark.slow
@pytest.mark.parametrize(("year", "code"), [(2020, 0), (1700, 0), (2300, 2), (9000, 2)])
def test_times_of_an_old_format_are_not_read_as_others(
    year: int, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = [datetime(year, 1, 1, 0, 0, 0, 5), None, datetime(2020, 1, 1, 23)]
    log, out = tmp_path / "log.parquet", tmp_path / "out.parquet"
    parquet.write_table(pa.table(BASE | {"t": times}), log, use_deprecated_int96_timestamps=True)
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == code
    assert capsys.readouterr().err.count("column 't' has INT96 timestamps") == code // 2
    if code == 0:
        assert parquet.read_table(out).column("t").cast(pa.timestamp("us")).to_pylist() == times


@pytest.mark.slow
def test_an_error_while_a_file_is_open_ends_the_process_in_order(tmp_path: Path) -> None:
    columns = {f"c{n}": [f"{n * row % 997:0>9}" for row in range(5000)] for n in range(20)}
    table = pa.table({"prompt_id": [1] * 5000, "answer": [[1]] * 5000} | columns)
    parquet.write_table(table, tmp_path / "log.parquet", row_group_size=500)
    data = bytearray((tmp_path / "log.parquet").read_bytes())
    data[len(data) // 3 : len(data) // 3 + 4000] = bytes(4000)
    (tmp_path / "damaged.parquet").write_bytes(data)
    for name in ("log.parquet", "damaged.parquet") * 2:  # of 150 runs, 19 ended with 134 where there were threads
        command = [sys.executable, "-m", "polyest", "score", str(tmp_path / name), *HARMONIC]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


@pytest.mark.slow
def test_no_thread_reads_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    original = parquet.ParquetFile

    class Watched(original):  # type: ignore[misc, valid-type]
        def __init__(self, source: Any, **options: Any) -> None:
            seen.append(options)
            super().__init__(source, **options)

        def read(self, **options: Any) -> Any:
            seen.append(options)
            return super().read(**options)

        def iter_batches(self, **options: Any) -> Any:
            seen.append(options)
            return super().iter_batches(**options)

    monkeypatch.setattr(parquet, "ParquetFile", Watched)
    assert exit_code("score", write_table(tmp_path), *HARMONIC, "--json") == 0
    assert exit_code("score", write_table(tmp_path), *HARMONIC, "--json", "--extract", "last-number") == 2
    assert all(options.get("pre_buffer", options.get("use_threads")) is False for options in seen)
    assert len(seen) >= 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "content", [b'{"prompt_id": "p", "answer": "x"}\n', b"", b"PK\x03\x04", b"version https://git-lfs"]
)
@pytest.mark.parametrize("suffix", ["parquet", "pq", "PARQUET"])
def test_a_file_that_is_called_parquet_and_is_none_is_called_so(
    content: bytes, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / f"log.{suffix}"
    log.write_bytes(content)
    assert exit_code("score", log, *HARMONIC) == 2
    error = capsys.readouterr().err
    assert f"{log}: must be a parquet file" in error
    assert error.count("\n") == 1

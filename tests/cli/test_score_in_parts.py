"""A log that is scored in parts, as on a cluster, is scored as one: rows, prompts, numbers, notes and errors."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from in_parts import Here
from places import SHARED
from pyarrow import parquet
from score_support import write_lines

from polyest.cli import score, score_in_parts, score_on_ray, scoring

LOGS = SHARED / "data" / "logs"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Here:
    """What `--engine ray` connects to."""
    here = Here()
    monkeypatch.setattr(score_on_ray, "on_ray", lambda jobs, address: nullcontext(here))
    return here


def rows_in(path: Path) -> pa.Table:
    """All rows of a file, or of a folder of files, by file and row."""
    table = pa.concat_tables(map(parquet.read_table, sorted(path.iterdir()) if path.is_dir() else [path]))
    table = table.cast(pa.schema([field.with_nullable(True) for field in table.schema]))
    if "file" not in table.column_names:
        return table.sort_by([(name, "ascending") for name in table.column_names])
    rows = [*zip(*(table[name].to_pylist() for name in ("file", "row")), strict=True)]
    return table.take(sorted(range(len(rows)), key=rows.__getitem__))


def outcome(run: Any, folder: Path, *arguments: object) -> tuple[Any, ...]:
    """What is said, and what is written."""
    written = {option: folder / f"{option}.parquet" for option in ("out", "values")}
    for path in written.values():
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    said = run("score", *arguments, *(word for name, path in written.items() for word in (f"--{name}", path)))
    return said, [rows_in(path) if path.exists() else None for path in written.values()]


def run_log(folder: Path, files: int = 2) -> Path:
    """Files whose groups are in both of them, answers of every type, steps, verdicts, scores, several policies.

    Forty prompts: all of them are in one of two partitions with probability 2^−39.
    """
    answers = ["1", 1, 1.0, True, None, "x", {"tuple": [1, "é\\u00e9"]}, "n/a"]
    for file in range(files):
        rows = [
            {
                "prompt_id": f"pé{i % 40}",
                "step": i // 40 % 2,
                "answer": answers[(i * i + file) % 8],
                "correct": i % 3 == 0,
            }
            | {"score": i / 7, "policy": f"v{i % 11 // 10}", "q": (i + 1) / 90, "part": f"of {i % 5}"}
            for i in range(80 + file)
        ]
        (folder / "run").mkdir(exist_ok=True)
        write_lines(folder / "run" / f"{file}.jsonl", rows)
    return folder / "run"


OPTIONS = {
    "usual": (),
    "methods": ("--method", "harmonic", "--method", "plug_in"),
    "by step": ("--by", "step"),
    "by prompt": ("--by", "prompt"),
    "by column": ("--by", "part"),
    "cut": ("--group-size", 3),
    "no answer": ("--no-answer", "n/a", "--no-answer-reward", -3),
    "reference": ("--reference-column", "q", "--format", "plain"),
    "pooled": ("--pool-steps",),
    "score": ("--correct-if", ">=0.5", "--correct-column", "part"),
    "verdicts": ("--correct-if", ">=0.5"),
    "verdicts without a meaning": ("--correct-column", "part"),
    "no verdicts": ("--correct-column", "none"),
    "prompt": ("--prompt-column", "prompt_id", "--prompt-column", "step", "--pool-steps"),
}


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_run_is_scored_as_one(options: tuple[object, ...], cluster: Here, tmp_path: Path, run: Any) -> None:
    given = (run_log(tmp_path), "--target", "log", *options, "--json")
    here = outcome(run, tmp_path, *given)
    assert here[0][0] == 0, here[0]
    assert outcome(run, tmp_path, *given, "--engine", "ray") == here
    assert len(cluster.partitions) > 1


@pytest.mark.slow
@pytest.mark.skipif(not LOGS.is_dir(), reason="no samples of logs")
@pytest.mark.parametrize("name", sorted(path.name for path in LOGS.glob("*") if path.is_dir()))
def test_what_a_trainer_wrote_is_scored_as_one(name: str, cluster: Here, tmp_path: Path, run: Any) -> None:
    given = (LOGS / name, "--target", "log", "--method", "harmonic", "--extract", "last-number")
    assert outcome(run, tmp_path, *given, "--engine", "ray") == outcome(run, tmp_path, *given)


@pytest.mark.slow
def test_prompts_that_only_their_text_names_are_scored_as_one(cluster: Here, tmp_path: Path, run: Any) -> None:
    (tmp_path / "run").mkdir()
    rows = [{"prompt": f"{i % 5} + 1 = ?", "completion": rf"\boxed{{{i % 3}}}", "step": i % 2} for i in range(60)]
    for name, part in (("a", rows[:30]), ("b", rows[30:])):
        write_lines(tmp_path / "run" / f"{name}.jsonl", part)
    given = (tmp_path / "run", "--target", "log", "--method", "harmonic", "--extract", "boxed", "--by", "step")
    here = outcome(run, tmp_path, *given)
    assert here[0][0] == 0, here[0]
    assert outcome(run, tmp_path, *given, "--engine", "ray") == here


KEYS: dict[str, Any] = {
    "small integers": pa.array([1, 2, 1, 2, 1, 2], pa.int16()),
    "large integers": pa.array([2**63, 2, 2**63, 2, 2**63, 2], pa.uint64()),
    "texts": pa.array(["ä\\", 'b"', "ä\\", 'b"', "ä\\", 'b"']),
    "categories": pa.array(["a", "b", "a", "b", "a", "b"]).dictionary_encode(),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "suffix"),
    [*((keys, ".parquet") for keys in KEYS), *((keys, ".jsonl") for keys in KEYS if keys != "categories")],
)
def test_a_single_file_is_scored_as_one(keys: str, suffix: str, cluster: Here, tmp_path: Path, run: Any) -> None:
    """Categories are texts in lines of JSON."""
    table = pa.table(
        {"prompt_id": KEYS[keys], "step": [1, 1, 1, None, 1, 1], "answer": ["x", "x", "y", None, "y", "y"]}
    )
    path = tmp_path / f"log{suffix}"
    if suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        write_lines(path, table.to_pylist())
    given = (path, "--target", "log", "--method", "harmonic", "--by", "step")
    here = outcome(run, tmp_path, *given)
    assert outcome(run, tmp_path, *given, "--engine", "ray") == here


@pytest.mark.slow
@pytest.mark.parametrize("method", [(), ("--method", "harmonic", "--method", "plug_in")])
def test_a_partition_is_scored_in_one_call_for_each_method(
    method: tuple[str, ...], cluster: Here, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number of groups: a call for each of these takes longer than scoring it."""
    calls, score = [], scoring.score

    def counted(*given: Any, **options: Any) -> Any:
        calls.append(len(given[1].sizes))
        return score(*given, **options)

    monkeypatch.setattr(scoring, "score", counted)
    log = write_lines(tmp_path / "log.jsonl", [{"prompt_id": i % 400, "answer": i % 7} for i in range(1600)])
    assert run("score", log, "--target", "log", *method, "--engine", "ray")[0] == 0
    assert len(calls) == len(cluster.partitions) * max(len(method) // 2, 1)
    assert sum(calls) == 400 * max(len(method) // 2, 1)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--full", "--out", "scored"), "`--full` needs `--engine duckdb`; leave it out"),
        (("-",), "`ROLLOUTS` must be files that workers can open; got -; write standard input to a file"),
        (
            ("--out", "scored.jsonl"),
            "`--out` must name a folder, for parquet; got 'scored.jsonl'; leave the ending out",
        ),
        (("--out", "run"), "`--out` must be a folder that is new or empty; run is not; name another"),
        (("--out", "run/scored"), "`--out` must be no file in a folder of `ROLLOUTS`"),
        (("--out", "nowhere/scored"), "`--out` must be in a folder that exists"),
        (("--out", "scored", "--values", "scored"), "`--values` must be another file than `--out`"),
        (("--reward-column", "row", "--out", "scored"), "must name new columns, each its own; got row"),
        (("--correct-if", "0.5"), "`--correct-if` must compare with a number"),
        (("--jobs", "0"), "`--jobs` must be at least 1"),
        (("--group-size", "1"), "`--group-size` must be at least 2"),
    ],
)
def test_what_cannot_be_done_is_refused(
    options: tuple[str, ...], message: str, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_log(tmp_path, files=1)
    monkeypatch.chdir(tmp_path)
    code, out, err = run("score", "run", *options, "--target", "log", "--engine", "ray")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("engine", ["duckdb", "ray"])
def test_a_column_that_differs_within_a_group_is_told_before_anything_is_written(
    engine: str, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"prompt_id": i // 4, "answer": i % 3, "level": i % 4 // 2 + i // 4} for i in range(16)]
    log, written = write_lines(tmp_path / "log.jsonl", rows), list[object]()
    for module in (score, score_in_parts):
        for name in ("write_rows", "write_prompts"):
            monkeypatch.setattr(module, name, lambda *given: written.append(given))
    outputs = [tmp_path / (name if engine == "ray" else f"{name}.parquet") for name in ("out", "values")]
    given = ("--by", "level", "--out", outputs[0], "--values", outputs[1], "--engine", engine)
    code, out, err = run("score", log, "--target", "log", *given)
    assert (code, out, written, [*tmp_path.iterdir()]) == (2, "", [], [log])
    assert "'level' differs within that of" in err


BAD = {
    "a row": ('{"prompt_id": "x", "answer": 1}\n{"prompt_id": null, "answer": 1}\n', "line 2: 'prompt_id' must be"),
    "an answer": ('{"prompt_id": "x", "answer": [1]}\n', "line 1: 'answer' must be"),
    "no answers": ('{"prompt_id": "x", "anwser": 1}\n', "there must be a column 'answer'"),
    "groups of one": ('{"prompt_id": "x", "answer": 1}\n{"prompt_id": "y", "answer": 1}\n', "groups of one only"),
    "a key": ('{"prompt_id": "x", "answer": 1}\n{"prompt_id": 1, "answer": 1}\n' * 2, "it has texts and numbers"),
    "nothing": ("", "must hold at least one completion"),
    "a size": ('{"prompt_id": "x", "answer": 1}\n' * 5000, "no table for groups of 5000"),
}
OF_GROUPS = ("groups of one", "a size")  # to which it is the same whether files were named or found in a folder


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("case", "is_run"), [*((case, False) for case in BAD), *((case, True) for case in BAD if case not in OF_GROUPS)]
)
def test_what_is_wrong_is_said_as_locally_and_leaves_nothing(case: str, is_run: bool, tmp_path: Path, run: Any) -> None:
    text, message = BAD[case]
    folder = tmp_path / "logs" if is_run else tmp_path
    folder.mkdir(exist_ok=True)
    log = folder / "log.jsonl"
    log.write_text(text)
    if is_run and case == "a row":
        (folder / "later.jsonl").write_text(text)
    given = ("score", folder if is_run else log, "--target", "log")
    code, out, err = run(*given, "--engine", "ray", "--out", tmp_path / "scored")
    assert (code, out) == (2, "")
    assert is_run or message in err
    assert err == run(*given, "--out", tmp_path / "scored.parquet")[2]
    assert {path.name for path in tmp_path.iterdir()} <= {"logs", "log.jsonl"}

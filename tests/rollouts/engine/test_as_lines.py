"""CSV and arrays of JSON: the same rows as in JSON lines, or one line that says what is wrong."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
ROWS: list[dict[str, Any]] = [
    {"prompt_id": "p, q", "step": 0, "answer": "007", "score": 0.5},
    {"prompt_id": "p, q", "step": 0, "answer": "7", "score": 1.0},
    {"prompt_id": "p, q", "step": 0, "answer": 'two\n"lines"', "score": 0.25},
    {"prompt_id": "01", "step": 10, "answer": "é", "score": 0.0},
    {"prompt_id": "01", "step": 10, "answer": None, "score": 0.0},
    {"prompt_id": "1", "step": 10, "answer": "é", "score": 0.0},
    {"prompt_id": "1", "step": 10, "answer": "é", "score": 0.0},
]


def table(path: Path, delimiter: str) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*ROWS[0]], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(ROWS)


WRITERS: dict[str, Callable[[Path], object]] = {
    "log.csv": lambda path: table(path, ","),
    "log[1]*.csv": lambda path: table(path, ","),
    "log.tsv": lambda path: table(path, "\t"),
    "log.json": lambda path: path.write_text(json.dumps(ROWS), encoding="utf-8"),
    "pretty.json": lambda path: path.write_text("\ufeff" + json.dumps(ROWS, indent=2), encoding="utf-8"),
    "log.json.gz": lambda path: path.write_bytes(gzip.compress(json.dumps(ROWS).encode())),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_they_are_scored_as_json_lines_are(name: str, run: Run, tmp_path: Path) -> None:
    lines, other = tmp_path / "log.jsonl", tmp_path / name
    lines.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    WRITERS[name](other)
    told = [run("score", path, "--json") for path in (lines, other)]
    assert told[0][0] == 0
    assert told[1] == told[0]
    for path in (lines, other):
        assert run("score", path, "--out", tmp_path / f"{path.name}.scored.jsonl")[0] == 0
    written = [
        [
            {name: json.loads(line)[name] for name in ("row", "step", "reward", "advantage")}
            for line in (tmp_path / f"{path.name}.scored.jsonl").read_text().splitlines()
        ]
        for path in (lines, other)
    ]
    assert written[0] == written[1]
    assert len(written[0]) == len(ROWS)


@pytest.mark.slow
def test_they_are_part_of_a_run(run: Run, tmp_path: Path) -> None:
    for name in ("log.csv", "log.json"):
        (tmp_path / name.partition(".")[2]).mkdir()
        WRITERS[name](tmp_path / name.partition(".")[2] / name)
    told = json.loads(run("score", tmp_path, "--json")[1])
    assert told["completions"] == 2 * len(ROWS)
    assert [row["run"] for row in told["by"]] == [str(tmp_path / "csv"), str(tmp_path / "json")]


WRONG = {
    "cut.json": ('[{"prompt_id": "p", "answer": 1}, {"prompt_id":', "cut.json, element 2: must be JSON, and the array"),
    "apart.json": (
        '[{"prompt_id": "p", "answer": 1} {"prompt_id": "p"}]',
        "apart.json, element 1: must be JSON",
    ),
    "comma.json": ('[{"prompt_id": "p", "answer": 1},]', "comma.json, element 2: must be JSON, and the array"),
    "open.json": ('[{"prompt_id": "p", "answer": 1},', "open.json, element 2: must be JSON, and the array have an end"),
    "more.json": ('[{"prompt_id": "p", "answer": 1}]\n[]\n', "more.json: must end behind the array, or be JSON lines"),
    "numbers.json": ("[1, 2]", "numbers.json, element 1: must be an object, as rows are; got int"),
    "nothing.json": ("[]", "holds? rollouts|at least one completion"),
    "bytes.csv": ("prompt_id,answer\np,\0\np\n", "bytes.csv"),
    "lines.csv": ('answer,prompt_id\n"a\nb",p\n\nc,p\nd,\n', "lines.csv, line 6: 'prompt_id' must be a string or"),
    "lacking.json": ('[{"prompt_id": "p", "answer": 1}, {"answer": 2}]', "lacking.json, element 2: there must be a"),
    "headless.csv": ("p,1\np,2\n", "there must be a column 'prompt_id'"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_them_is_said_in_one_line(name: str, run: Run, tmp_path: Path) -> None:
    content, told = WRONG[name]
    (tmp_path / name).write_text(content)
    code, out, err = run("score", tmp_path / name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search(told, err), err

"""Logs whose prompts nothing names but their text: where that is enough, and where it has to be asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = [
    {"prompt": prompt, "completion": rf"so \boxed{{{answer}}}", "step": step}
    for step, answers in enumerate(("4456", "4444"))
    for prompt in ("2 + 2 = ?", "1 + 3 = ?")
    for answer in answers
]
MEASURED = ("--target", "log", "--extract", "boxed", "--json")


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["log.jsonl", "log.parquet"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_log_whose_prompts_only_their_text_names_is_read(
    run: Any, tmp_path: Path, name: str, is_folder: bool
) -> None:
    log = written(tmp_path / "run" / name, ROWS)
    given = log.parent if is_folder else log
    code, out, err = run("score", given, *MEASURED)
    assert code == 0, err
    assert json.loads(out)["groups"] == [{"size": 4, "count": 4}]
    assert out == run("score", given, *MEASURED, "--prompt-column", "prompt")[1]
    assert out == run("score", given, *MEASURED, "--format", "plain")[1]


@pytest.mark.slow
def test_answers_that_are_named_are_enough_beside_the_prompt(run: Any, tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", [{"prompt": row["prompt"], "said": row["completion"]} for row in ROWS])
    for named in (("--answer-column", "said"), ("--completion-column", "said", "--extract", "boxed")):
        code, out, err = run("score", log, "--target", "log", *named, "--json")
        assert code == 0, err
        assert json.loads(out)["groups"] == [{"size": 8, "count": 2}]


def test_prompts_that_are_chats_need_an_id(run: Any, tmp_path: Path) -> None:
    chats = [row | {"prompt": [{"role": "user", "content": row["prompt"]}]} for row in ROWS]
    code, out, err = run("score", written(tmp_path / "log.jsonl", chats), *MEASURED)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "line 1: 'prompt' must be a string or an integer, got the list" in err


@pytest.mark.parametrize("other", ["id", "uuid", "problem", "question"])
def test_where_another_column_may_name_the_prompt_it_is_asked(run: Any, tmp_path: Path, other: str) -> None:
    log = written(tmp_path / "log.jsonl", [row | {other: str(i)} for i, row in enumerate(ROWS)])
    code, out, err = run("score", log, *MEASURED)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"add --prompt-column {other if other in ('id', 'uuid') else 'prompt'}" in err


def test_prompts_with_answers_alone_may_be_a_set_of_problems(run: Any, tmp_path: Path) -> None:
    """Its answers would be the gold ones."""
    log = written(tmp_path / "log.jsonl", [{"prompt": "2 + 2 = ?", "answer": "4"}] * 4)
    code, out, err = run("score", log, "--target", "log")
    assert (code, out) == (2, "")
    assert "say --prompt-column prompt" in err


def test_beside_logs_in_a_layout_such_a_file_is_left_out(run: Any, tmp_path: Path) -> None:
    """In a folder of a run a file of prompts and completions may be what the model was fine-tuned with."""
    written(tmp_path / "run" / "log.jsonl", [{"prompt_id": 1, "completion": r"\boxed{4}"}] * 4)
    written(tmp_path / "run" / "data.jsonl", ROWS)
    code, out, err = run("score", tmp_path / "run", *MEASURED)
    assert code == 0, err
    assert json.loads(out)["groups"] == [{"size": 4, "count": 1}]
    assert "left out: 1 file in no known layout: data.jsonl" in err

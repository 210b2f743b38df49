"""The guide to logs: its commands run as they are written, and its row is one that is read."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

from polyest.rollouts.engine.columns import Columns
from polyest.rollouts.readers.row import PROMPTS

TEXT = (ROOT / "docs" / "guides" / "logs.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"(?:^    |`)polyest ((?:score|report) [^#`\n]*)", TEXT, re.MULTILINE)


def write(folder: Path, name: str = "log.jsonl") -> None:
    folder.mkdir(exist_ok=True)
    rows = [
        {"prompt_id": p, "step": s, "completion": rf"so \boxed{{{i * p % 5}}}", "answer": str(i * p % 5)}
        for p in (1, 2)
        for s in (1, 2)
        for i in range(16)
    ]
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def _logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "rollouts.jsonl")
    for name in ("run", "base", "diverse"):
        write(tmp_path / name)


@pytest.mark.slow
@pytest.mark.usefixtures("_logs")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, run: Any) -> None:
    if command.startswith("report"):
        pytest.importorskip("jinja2")
    code, out, err = run(*shlex.split(command))
    assert (code, bool(out)) == (0, True), err


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 4


@pytest.mark.slow
def test_the_row_of_a_file_of_your_own_is_read(tmp_path: Path, run: Any) -> None:
    (row,) = re.findall(r"(?m)^    (\{.*\})$", TEXT)
    (tmp_path / "log.jsonl").write_text(2 * (row + "\n"))
    code, out, err = run("score", tmp_path / "log.jsonl", "--target", "log", "--json")
    assert (code, json.loads(out)["correct"]) == (0, 1), err


ROLES = {
    "the prompt": "prompt",
    "the answer": "answer",
    "with `--extract`": "completion",
    "the training step": "step",
    "a part": "split",
    "the verdict": "correct",
    "the score": "score",
    "the version": "policy",
}


def test_every_column_that_is_taken_unasked_is_listed() -> None:
    taken = Columns().roles(is_run=True, is_extracted=True) | Columns().roles(is_run=True, is_extracted=False)
    rows = [[cell.strip() for cell in row.split(" | ")[:2]] for row in re.findall(r"(?m)^\| (.*) \|$", TEXT)[2:]]
    listed = {role: names for start, role in ROLES.items() for what, names in rows if what.startswith(start)}
    assert {*listed} == {*taken}
    assert len(rows) == len(listed)
    for role, names in taken.items():
        assert tuple(re.findall("`(.*?)`", listed[role])[: len(names)]) == names
    others = re.findall("`(.*?)`", listed["prompt"])
    assert {*others} == {"completion", *PROMPTS}

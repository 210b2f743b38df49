"""README.md: short, and every block runs as it is written, in order."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from places import ROOT

from polyest import cli

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def python_blocks(text: str) -> list[str]:
    return re.findall(r"(?ms)^```python\n(.*?)^```", text)


def test_it_is_short() -> None:
    assert len(TEXT.split()) <= 700


def test_the_library_does_what_its_comments_say() -> None:
    names: dict[str, object] = {}
    lines = python_blocks(TEXT)[0].splitlines()
    for line in lines:
        exec(line, names)
        expression, _, comment = (part.strip() for part in line.partition("# "))
        shape = re.match(r"\((\d+), ?(\d*)\)", comment)
        if shape:
            assert eval(expression, names).shape == tuple(int(n) for n in shape.groups() if n)
        elif comment.startswith("0.0031336"):
            assert str(eval(expression, names)).startswith("0.0031336")
    assert len(lines) < 10


@pytest.mark.slow
def test_trl_takes_the_reward_and_the_rare_answer_is_paid_most(tmp_path: Path) -> None:
    trl_support = pytest.importorskip("trl_support")
    names: dict[str, object] = {}
    exec(python_blocks(TEXT)[1], names)
    trainer = trl_support.make_trainer(tmp_path, [names["diversity"]])
    batch = trl_support.scored(trainer, ["a", "a", "b", "a"])
    assert batch["advantages"].argmax() == 2


@pytest.mark.slow
def test_the_commands_score_and_report_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "run").mkdir()
    rows = [{"step": 1, "prompt_id": i // 4, "completion": rf"so \boxed{{{i % 3}}}"} for i in range(16)]
    (tmp_path / "run" / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    score, report = re.findall(r"(?m)^    polyest (.*)$", TEXT)
    assert cli.main(shlex.split(score)) == 0
    assert "\nstep" in capsys.readouterr().out
    assert cli.main(shlex.split(report)) == 0
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_the_commands_are_targets_of_make() -> None:
    targets = re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert set(re.findall(r"make ([a-z-]+)", TEXT)) <= set(targets)
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert [command for command in re.findall(r"(?m)^    (make \w+)", TEXT) if command not in ci] == []

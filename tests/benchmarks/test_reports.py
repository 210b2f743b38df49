"""`benchmarks.reports`: what TRL and verl write is read, a few steps of it; what lm-eval calls; the pictures."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from places import ROOT
from score_support import exit_code
from scripts import module_of

from benchmarks.reports_parts.places import PICTURES, TASK


def figures(page: Path) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return {figure["title"]: figure for figure in json.loads(found[1])["figures"]}


@pytest.mark.slow
def test_a_log_of_trl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("trl")
    from benchmarks.reports_parts import trl_log

    monkeypatch.setattr(trl_log, "LOGGED", trl_log.LOGGED | {"max_steps": 6})
    monkeypatch.setattr("sys.path", [*sys.path])
    runs = trl_log.write(tmp_path)
    assert exit_code("report", *runs, "--extract", r"regex:(\w)", "--out", tmp_path / "page.html") == 0
    assert [curve["x"] for curve in figures(tmp_path / "page.html")["Distinct answers"]["curves"]] == [[3, 6]] * 2


@pytest.mark.slow
def test_a_log_of_verl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("verl")
    from verl_support import loaded

    from benchmarks.reports_parts import verl_log

    loaded("trainer.ppo.ray_trainer")
    loaded("workers.config")
    monkeypatch.setattr(verl_log, "STEPS", 2)
    monkeypatch.setattr("sys.path", [*sys.path])
    (run,) = verl_log.write(tmp_path)
    assert exit_code("report", run, "--out", tmp_path / "page.html") == 0
    (distinct,) = figures(tmp_path / "page.html")["Distinct answers"]["curves"]
    assert distinct["x"] == [1, 2]


def test_what_lm_eval_calls() -> None:
    judge = module_of(TASK / "judge.py")
    verdicts = judge.each({"answer": "7"}, [["7", "17", "7", "[invalid]"]])["exact_match"]
    assert verdicts == [1, 0, 1, 0]
    assert judge.mean([verdicts, [1, 1]]) == 4 / 6
    assert set(re.findall(r"judge\.(\w+)", (TASK / "sums.yaml").read_text())) == {"each", "mean"}


def test_the_guide_shows_every_picture_and_they_are_small() -> None:
    guide = (ROOT / "docs" / "guides" / "logs.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]{50,}\]\(reports/([\w-]+\.png)\)", guide)
    assert sorted(shown) == sorted(path.name for path in PICTURES.iterdir())
    assert all((PICTURES / name).stat().st_size < 150_000 for name in shown)

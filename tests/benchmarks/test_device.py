"""The card's benchmark, without a card: a dry run of tiny sizes, and one line where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from benchmarks import device

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*script_method.*:DeprecationWarning")]


def test_without_a_card_it_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.main(["--out", str(tmp_path / "device.json")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "no card here" in said.err
    assert not (tmp_path / "device.json").exists()


def test_a_dry_run_measures_every_part(tmp_path: Path) -> None:
    path = tmp_path / "device.json"
    assert device.main(["--device", "cpu", "--out", str(path)]) == 0
    result = json.loads(path.read_text(encoding="ascii"))
    assert result["dry_run"]
    assert result["tests"] is None
    assert [row["K"] for row in result["eager"]] == [8, 16]
    for row in [*result["eager"], *result["compiled"]]:
        assert all(row[name] > 0 for name in ("copy", "rewards", "advantages", "pairs"))
    assert result["step"]["share"] > 0


def test_nothing_begins_when_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "device.json"
    assert device.main(["--device", "cpu", "--minutes", "0", "--out", str(path)]) == 0
    result = json.loads(path.read_text(encoding="ascii"))
    assert {row["left_out"] for row in [*result["eager"], *result["compiled"]]} == {"no time"}

"""The benchmark with smaller steps: all arms train alike, and what is there is not trained again."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("trl")

from benchmarks.training import run, slowly
from benchmarks.training.prediction import predicted


def test_every_arm_is_trained_once_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = ["--out", str(tmp_path), "--jobs", "1", "--seeds", "1", "--steps", "2"]
    slowly.main(few)
    lines = (tmp_path / "slowly.md").read_text().splitlines()[4:]
    assert [line.split(" | ")[0].strip("| ") for line in lines] == list(slowly.ARMS)
    assert lines[-1].endswith("| 100 % |")
    monkeypatch.setattr(run, "train", lambda *_: pytest.fail("trained again"))
    slowly.main(few)


def test_the_arms_differ_from_the_benchmark_in_steps_and_rate_only() -> None:
    steps, rate = slowly.SETTINGS.steps, slowly.SETTINGS.learning_rate
    usual = run.Run("oracle", 8, 0).settings
    assert (steps / usual.steps, usual.learning_rate / rate) == (8, 8)
    assert (slowly.SETTINGS.width, slowly.SETTINGS.layers) == (usual.width, usual.layers)


def test_only_the_larger_pool_has_an_equilibrium_near_the_optimum() -> None:
    few, many = (predicted(arm, slowly.GROUP_SIZE) for arm in ("aqp_4_visits", "aqp_24_visits"))
    assert few is not None
    assert many is not None
    assert few["gap"] == pytest.approx(0.0083, abs=1e-4)  # docs/benchmarks.md: no mass for the wrong answers
    assert many["gap"] == pytest.approx(0.0021, abs=1e-4)

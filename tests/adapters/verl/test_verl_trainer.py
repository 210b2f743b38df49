"""`ReturningPrompts` in verl's own synchronous trainer: its loop, queue, advantages and checkpoints; no workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from polyest.history import TrainingHistory

pytest.importorskip("verl")
pytest.importorskip("transfer_queue")

WORKER = Path(__file__).parents[2] / "support" / "verl_trainer.py"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("verl")
    out = folder / "outcome.json"
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": "/tmp"}
    command = [sys.executable, str(WORKER), str(out)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return json.loads(out.read_text())


def test_every_step_is_paid_as_members_of_the_pools(outcome: dict[str, Any]) -> None:
    """The same advantage at each token; what verl fills a batch up with has none, and counts nowhere."""
    history = TrainingHistory("log", "harmonic", visits=3, forgetting=0.7)
    for step in outcome["whole"]:
        assert step["real"] == [True] * 6 + [False] * 2
        assert all(set(paid) == {0.0} for paid in step["paid"][6:])
        names = [json.dumps([{"role": "user", "content": name}], sort_keys=True) for name, _, _ in step["drawn"][:6]]
        pooled = history.score(names, [answer for _, answer, _ in step["drawn"][:6]])
        rewards = [[reward for *_, reward in group] for _, group in groupby(step["drawn"][:6], key=lambda one: one[0])]
        centred = [reward - (sum(group) - reward) / 2 for group in rewards for reward in group]
        for paid, own, of_answer in zip(step["paid"][:6], centred, pooled.advantages.tolist(), strict=True):
            assert paid == pytest.approx([own - of_answer] * len(paid), abs=1e-6)
        assert step["metrics"]["polyest/pool_size"] == pytest.approx(pooled.pool_sizes.mean())
        assert step["metrics"]["polyest/seen"] == pooled.share_seen
    assert max(step["metrics"]["polyest/pool_size"] for step in outcome["whole"]) > 6


def test_training_goes_on_from_its_checkpoint_as_if_it_had_not_stopped(outcome: dict[str, Any]) -> None:
    assert [len(outcome[name]) for name in ("whole", "part", "rest")] == [5, 3, 2]
    assert outcome["part"] + outcome["rest"] == outcome["whole"]


def test_a_checkpoint_without_history_is_named_in_a_warning(outcome: dict[str, Any]) -> None:
    assert any("polyest_history.npz: what is remembered" in text for text in outcome["warned"])

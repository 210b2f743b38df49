"""How verl finds polyest, and `ReturningPrompts` in its own synchronous trainer: loop, queue, pay, checkpoints."""

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


NAMES = ["polyest", "polyest_best_of", "polyest_worst_of", "polyest_median_of", "polyest_success"]
ENVIRONMENTS = {
    "entry point": {"VERL_USE_EXTERNAL_PLUGINS": "polyest"},
    "module": {"VERL_USE_EXTERNAL_PLUGINS": "none", "VERL_USE_EXTERNAL_MODULES": "polyest.adapters.verl"},
}
# What verl, imported anew, finds in each environment; then the worker, as if it were run by its name.
BOTH = f"""
import multiprocessing, os, runpy, sys
import ray, tensordict
from transformers import PreTrainedModel  # and all that it needs: verl imports them, once is enough

def found(way, environment):
    os.environ.update(environment)
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn as function
    print("found by", way, *map(function, {NAMES}), sep=";")

for given in {ENVIRONMENTS}.items():
    process = multiprocessing.get_context("fork").Process(target=found, args=given)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)
sys.argv = sys.argv[1:]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("verl")
    out = folder / "outcome.json"
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": "/tmp"}
    command = [sys.executable, "-c", BOTH, str(WORKER), str(out)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    found = [line.split(";") for line in run.stdout.splitlines() if line.startswith("found by;")]
    return json.loads(out.read_text()) | {"found": found}


@pytest.mark.parametrize("way", ENVIRONMENTS)
def test_verl_finds_the_estimators_by_itself(outcome: dict[str, Any], way: str) -> None:
    assert [len(functions) for _, environment, *functions in outcome["found"] if environment == way] == [len(NAMES)]


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

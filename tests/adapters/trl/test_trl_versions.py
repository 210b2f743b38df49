"""Every version of TRL in the range: training runs, logs, and is refused alike; also in `make test-trl-oldest`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from trl_support import NEW, STRINGS, ExactTrainer, GRPOTrainer, make_trainer

from polyest.adapters.trl import AnswerReward
from polyest.errors import ArgumentError

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers")


def answer(text: str) -> str | None:
    return text or None


def correct(completions: list[str], **columns: Any) -> list[float]:
    return [float(text == "b") for text in completions]


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
def test_training_runs_and_logs(tmp_path: Path, trainer_class: type[GRPOTrainer]) -> None:
    reward = AnswerReward(answer, time_limit=None)
    options = {"max_steps": 2, "logging_steps": 1, "learning_rate": 0.1}
    trainer = make_trainer(tmp_path, [correct, reward], trainer_class, **options)
    trainer.rollout_func.completions = ["a", "a", "b", ""]
    before = [parameter.clone() for parameter in trainer.model.parameters()]
    trainer.train()
    assert any((old != new).any() for old, new in zip(before, trainer.model.parameters(), strict=True))
    logged = [entry for entry in trainer.state.log_history if "answer_reward/entropy_aqp" in entry]
    assert len(logged) == 2
    # harmonic: of three answers, a twice and b once, (2/3)(1/2) + (1/3)(3/2)
    assert float(logged[0]["answer_reward/entropy_harmonic"]) == pytest.approx(5 / 6)
    assert float(logged[0]["answer_reward/no_answer"]) == 0.25


def test_dividing_by_a_standard_deviation_is_refused(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, [correct], scale_rewards="group")
    wanted = "'none', got 'group'" if STRINGS else "False, got True"
    with pytest.raises(ArgumentError, match=rf"`scale_rewards` must be {wanted}.*ExactAdvantagesMixin"):
        AnswerReward(answer, time_limit=None).bind(trainer)


@pytest.mark.skipif(NEW, reason="this TRL tells reward functions who calls them")
def test_an_old_trl_needs_bind(tmp_path: Path) -> None:
    reward = AnswerReward(answer, time_limit=None)
    trainer = make_trainer(tmp_path, [correct])
    with pytest.raises(ArgumentError, match=r"call reward\.bind\(trainer\) before training"):
        reward(completions=["a"] * 4, prompts=["?"] * 4)
    reward.bind(trainer)
    assert len(reward(completions=["a"] * 4, prompts=["?"] * 4)) == 4

"""TRL: best of n and its like: what is paid, set, logged and refused. Their gradients: test_trl_enumeration."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polyest import graded
from polyest.errors import ArgumentError

pytest.importorskip("trl")

from trl_support import NEW, ExactTrainer, GRPOTrainer, let_generate, make_trainer, refused_scale, scored

from polyest.adapters.trl import GradedReward

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers")

PAID = {"": -2.0, "a": 0.25, "b": 3.0, "c": -0.5}
ANSWERS = ["a", "c", "b", "", "a", "b", "b", "c"]
OBJECTIVES = [graded.best_of(2), graded.worst_of(3), graded.median_of(3), graded.l_statistic([-0.5, 0.5])]


def quality(completions: list[str], **columns: Any) -> list[float]:
    return [PAID[text] for text in completions]


def correct(completions: list[str], **columns: Any) -> list[float]:
    return [float(text == "b") for text in completions]


R = np.reshape(quality(ANSWERS), (2, 4))


def relevelled(objective: graded.Objective, size: int, baseline: str | None = None) -> graded.Objective:
    return graded.l_statistic(objective.weights, size, baseline)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_what_trl_centres_are_the_exact_leave_one_out_advantages(tmp_path: Path, objective: Any) -> None:
    """(1 − 1/K) times them, whatever the signs of the rewards."""
    trainer = make_trainer(tmp_path, [GradedReward(objective, quality, weight=2)])
    paid = relevelled(objective, 4, "group_mean").rewards(R)
    expected = 3 / 4 * 2 * (paid - paid.mean(axis=1, keepdims=True)).ravel()
    assert scored(trainer, ANSWERS)["advantages"].numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("scale_rewards", ["none", "group"])
@pytest.mark.parametrize("objective", [*OBJECTIVES, graded.best_of(4)], ids=str)
def test_the_mixin_sets_exact_advantages(tmp_path: Path, objective: Any, scale_rewards: str) -> None:
    options = {"scale_rewards": scale_rewards, "reward_weights": [1.0, 0.5]}
    trainer = make_trainer(tmp_path, [correct, GradedReward(objective, quality)], ExactTrainer, **options)
    others = make_trainer(tmp_path, [correct], scale_rewards=scale_rewards)
    exact = 0.5 * 3 / 4 * relevelled(objective, 4).advantages(R).ravel()
    expected = scored(others, ANSWERS)["advantages"].numpy() + exact
    assert scored(trainer, ANSWERS)["advantages"].numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
def test_what_is_logged(tmp_path: Path, trainer_class: type[GRPOTrainer]) -> None:
    trainer = make_trainer(tmp_path, [GradedReward(graded.best_of(2), quality, name="best")], trainer_class)
    scored(trainer, ANSWERS)
    logged = trainer._metrics["train"]
    best = [np.mean([max(x, y) for i, x in enumerate(row) for y in row[:i]]) for row in R.tolist()]  # all pairs
    assert logged["best/value"] == pytest.approx([np.mean(best)])
    assert logged["best/mean"] == pytest.approx([R.mean()])
    baseline = None if trainer_class is ExactTrainer else "leave_one_out_mean"
    assert logged["best/reward"] == pytest.approx([graded.best_of(2, 4, baseline).rewards(R).mean()])


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
@pytest.mark.parametrize("size", [1, 2])
def test_evaluation(tmp_path: Path, trainer_class: type[GRPOTrainer], size: int) -> None:
    reward = GradedReward(graded.best_of(2), quality)
    trainer = make_trainer(tmp_path, [correct, reward], trainer_class, num_generations_eval=size)
    trainer.model.eval()
    scored(trainer, ANSWERS[:4])
    logged = trainer._metrics["eval"]
    assert logged["graded_reward/mean"] == pytest.approx([R[0].mean()])
    expected = graded.best_of(2, 2).values(R[0].reshape(2, 2)).mean()
    assert logged["graded_reward/value"] == pytest.approx([] if size == 1 else [expected])
    assert len(logged["graded_reward/reward"]) == size - 1


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
def test_training_and_evaluation_run(tmp_path: Path, trainer_class: type[GRPOTrainer]) -> None:
    reward = GradedReward(graded.best_of(2), lambda completions, **_: [float(text == "b") for text in completions])
    options = {"max_steps": 2, "logging_steps": 1, "eval_strategy": "steps", "eval_steps": 1}
    options |= {"num_generations_eval": 2} if NEW else {}
    trainer = make_trainer(tmp_path, [reward], trainer_class, learning_rate=0.1, **options)
    let_generate(trainer)
    trainer.train()
    logs = {name for entry in trainer.state.log_history for name in entry}
    assert {"graded_reward/value", "eval_graded_reward/value"} <= logs


def test_the_best_of_n_prefers_boldness(tmp_path: Path) -> None:
    """1.2 for sure has the better mean, 0 or 2 the better best of 3."""
    pays = {"": -1.0, "a": 1.2, "b": 2.0, "c": 0.0}

    def sure_or_bold(completions: list[str], **columns: Any) -> list[float]:
        return [pays[text] for text in completions]

    mean = make_trainer(tmp_path, [sure_or_bold])
    assert scored(mean, "aabc")["advantages"][0] > 0
    trainer = make_trainer(tmp_path, [GradedReward(graded.best_of(3), sure_or_bold)])
    advantages = scored(trainer, "aabc")["advantages"].tolist()
    assert advantages[2] > 0 > advantages[0] == advantages[1]


@pytest.mark.parametrize(
    ("trainer_class", "objective", "options", "told"),
    [
        (
            GRPOTrainer,
            graded.best_of(4),
            {},
            r"must be at least 5 for best_of\(4\), .* TRL .* got 4.*ExactAdvantagesMixin",
        ),
        (ExactTrainer, graded.best_of(5), {}, r"must be at least 5 for best_of\(5\), got 4: no estimator"),
        (GRPOTrainer, graded.best_of(3), {"num_generations_eval": 2}, r"must be at least 3 for best_of\(3\), got 2"),
        (GRPOTrainer, graded.best_of(2), {"scale_rewards": "group"}, refused_scale("group")),
        (GRPOTrainer, graded.best_of(2), {"scale_rewards": "batch"}, refused_scale("batch")),
        (GRPOTrainer, graded.best_of(2), {"reward_weights": [-1.0]}, "`reward_weights` .* graded_reward.*negate"),
    ],
)
def test_trainers_that_would_undo_it_are_refused(
    tmp_path: Path, trainer_class: type[GRPOTrainer], objective: Any, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ArgumentError, match=told):
        scored(make_trainer(tmp_path, [GradedReward(objective, quality)], trainer_class, **options), ANSWERS[:4])


@pytest.mark.parametrize(
    ("objective", "weight", "told"),
    [
        ("best_of(4)", 1.0, r"`objective` must be made by polyest.graded, .* got 'best_of\(4\)'"),
        (graded.best_of(2, 8, "group_mean"), 1.0, "`objective` must be .* without a baseline"),
        (graded.best_of, 1.0, "`objective` must be"),
        (graded.best_of(2), 0.0, "`weight` must be positive and finite, got 0.0; .* negate `reward`"),
        (graded.best_of(2), float("nan"), "`weight` must be positive and finite, got nan"),
    ],
)
def test_bad_arguments(objective: Any, weight: float, told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        GradedReward(objective, quality, weight=weight)


def test_the_trainer_decides_on_the_group_size(tmp_path: Path) -> None:
    found = [
        scored(make_trainer(tmp_path, [GradedReward(graded.best_of(2, K), quality)]), ANSWERS)["advantages"].tolist()
        for K in (None, 16)
    ]
    assert found[0] == found[1]


def test_a_copy_knows_no_trainer(tmp_path: Path) -> None:
    reward = GradedReward(graded.best_of(2), quality)
    reward.bind(make_trainer(tmp_path, [reward]))
    with pytest.raises(ArgumentError, match=r"reward\.bind"):
        pickle.loads(pickle.dumps(reward))(completions=[*"abca"])

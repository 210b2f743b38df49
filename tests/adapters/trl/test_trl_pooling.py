"""AnswerReward(visits=…): prompts that come back, through TRL's own trainers; docs/convergence.md, section 5."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

import polyest

pytest.importorskip("trl")

import torch
from pooling_support import TRAINERS, paid, real_trainer, reward
from transformers import TrainerCallback
from trl_support import (
    COMPLETIONS,
    NEW,
    ExactTrainer,
    GRPOTrainer,
    answer,
    bernstein,
    make_trainer,
    probabilities,
    rows_of,
)

from polyest.adapters.trl import AnswerReward
from polyest.errors import ArgumentError, TableNotFoundError
from polyest.history.snapshot import packed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers"),
]
PROMPTS = ["a", "b", "c", "ab", "ba"]


def batch(trainer: GRPOTrainer, groups: list[tuple[int, ...]], **columns: list[Any]) -> dict[str, Any]:
    """TRL's batch of prescribed groups, the id of each in a column."""
    texts = [COMPLETIONS[token] for group in groups for token in group]
    trainer.rollout_func.completions = texts
    rows = rows_of(texts)
    for name, values in columns.items():
        for place, row in enumerate(rows):
            row[name] = values[place * len(groups) // len(rows)]
    return trainer._generate_and_score_completions(rows)


@pytest.mark.parametrize(("trainer_class", "K"), [(GRPOTrainer, 3), (ExactTrainer, 2)])
def test_the_expected_update_is_that_of_the_pools_table(
    tmp_path: Path, trainer_class: type[GRPOTrainer], K: int
) -> None:
    """Every group after every earlier one, a policy that stands still: (1 − 1/K) times the gradient of Φ at N = 2K."""
    func = AnswerReward(answer, "log", method="harmonic", weight=0.7, time_limit=None, visits=2)
    trainer = make_trainer(tmp_path, [func], trainer_class, num_generations=K, per_device_train_batch_size=K)
    trainer.model.double()
    groups = [*product(range(4), repeat=K)]
    pairs = [*product(groups, groups)]
    ids = [f"{first}{second}" for first, second in pairs]
    batch(trainer, [first for first, _ in pairs], prompt_id=ids)
    found = batch(trainer, [second for _, second in pairs], prompt_id=ids)
    nu = probabilities(trainer)
    fixed = nu.detach()
    weights = torch.stack([fixed[[*first, *second]].prod() for first, second in pairs]) * len(pairs)
    found["advantages"] = found["advantages"].double() * weights.repeat_interleave(K)
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, found).backward()
    update = [parameter.grad.clone() for parameter in trainer.model.parameters()]

    est = polyest.load("log", 2 * K, "harmonic")
    table = est.coefficients if trainer_class is ExactTrainer else est.leave_one_out_coefficients
    pay = -0.7 * bernstein(table, fixed)
    pay[0] = 0.7 * min(-c for c in [*table, 0.0])
    objective = (1 - 1 / K) * (pay * nu).sum()
    expected = torch.autograd.grad(-objective, [*trainer.model.parameters()])
    largest = max(float(true.abs().max()) for true in expected)
    for mine, true in zip(update, expected, strict=True):
        assert mine.numpy() == pytest.approx(true.numpy(), abs=1e-5 * largest)
    assert largest > 5e-3


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_iterations": 2},
        {"gradient_accumulation_steps": 2},
        {"per_device_train_batch_size": 4, "steps_per_generation": 4, "num_iterations": 2},
        {"eval_strategy": "steps", "eval_steps": 1, "eval_on_start": True, "per_device_eval_batch_size": 4},
    ],
    ids=lambda options: ",".join(options) or "plain",
)
def test_every_completion_is_pooled_once_and_evaluation_never(tmp_path: Path, options: dict[str, Any]) -> None:
    """Five prompts, one of them twice in the dataset, two or more a step: the last of an epoch is a part of a batch."""
    func = reward()
    trainer = real_trainer(tmp_path, func, ["a", "b", "c", "ab", "a"], max_steps=8, **options)
    trainer.train()
    expected = paid([(prompts, texts) for prompts, texts, _ in func.batches], visits=3, centred=True)
    for (_, _, told), true in zip(func.batches, expected, strict=True):
        assert told == pytest.approx(true, abs=1e-12)
    assert max(line.get("answer_reward/pool_size", 0) for line in trainer.state.log_history) > 4
    assert len(func._history.state_dict()["keys"]) <= 4


def test_groups_of_one_prompt_in_a_batch_are_one_visit(tmp_path: Path) -> None:
    func = reward(visits=2)
    trainer = real_trainer(tmp_path, func, ["a", "a"], max_steps=2)
    trainer.train()
    sizes = [line["answer_reward/pool_size"] for line in trainer.state.log_history if "loss" in line]
    assert sizes == [8, 16]


def stopped(trainer: GRPOTrainer, step: int, checkpoint: str | None = None) -> GRPOTrainer:
    """With a checkpoint of that step, and no other."""

    class Stop(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == step:
                control.should_save = control.should_training_stop = True

    trainer.add_callback(Stop())
    trainer.train(resume_from_checkpoint=checkpoint)
    return trainer


def test_training_goes_on_with_groups_of_another_size(tmp_path: Path) -> None:
    """Of four before, of eight then: one prompt for each step."""
    options = {"max_steps": 6, "shuffle_dataset": False}
    funcs = [reward(), reward()]
    stopped(real_trainer(tmp_path, funcs[0], PROMPTS[:2], **options), 2)
    rest = real_trainer(tmp_path, funcs[1], PROMPTS[:2], num_generations=8, **options)
    rest.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    batches = funcs[0].batches + funcs[1].batches
    assert [len({*prompts}) for prompts, _, _ in batches] == [2, 2, 1, 1, 1, 1]
    expected = paid([(prompts, texts) for prompts, texts, _ in batches], visits=3, centred=True)
    for (_, _, told), true in zip(batches, expected, strict=True):
        assert told == pytest.approx(true, abs=1e-12)


STOPPED = [(kind, restores, False) for kind in TRAINERS for restores in (False, True)]


@pytest.mark.parametrize(("kind", "restores", "shuffles"), [*STOPPED, (next(reversed(TRAINERS)), False, True)])
def test_training_goes_on_as_if_it_had_not_stopped(tmp_path: Path, kind: str, restores: bool, shuffles: bool) -> None:
    """Bit by bit: completions, rewards, weights. (TRL shuffles later epochs anew where it resumes.)

    The oldest TRL counts the last part of an epoch as a step, and does not take it: it resumes elsewhere than it was.
    """
    options = {"max_steps": 5, "shuffle_dataset": shuffles, "restore_callback_states_from_checkpoint": restores}
    funcs, rows = [reward(forgetting=0.7) for _ in range(3)], PROMPTS[: None if NEW else 4] * (2 if shuffles else 1)
    whole = real_trainer(tmp_path / "whole", funcs[0], rows, TRAINERS[kind], **options)
    whole.train()
    stopped(real_trainer(tmp_path / "part", funcs[1], rows, TRAINERS[kind], **options), 3)
    rest = real_trainer(tmp_path / "part", funcs[2], rows, TRAINERS[kind], **options)
    rest.train(resume_from_checkpoint=str(tmp_path / "part" / "checkpoint-3"))

    assert [len(func.batches) for func in funcs] == [5, 3, 2]
    assert funcs[1].batches + funcs[2].batches == funcs[0].batches
    pairs = zip(whole.model.parameters(), rest.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    metric = "answer_reward/pool_size"
    logged = [[line[metric] for line in t.state.log_history if metric in line] for t in (whole, rest)]
    assert logged[0] == logged[1]  # the checkpoint's lines, and those after it


@pytest.mark.parametrize("stops", [{5: 1}, {7: 1}, {8: 0}, {5: 1, 8: 0}, {5: 1, 6: 1, 11: 1}])
def test_a_generation_that_is_made_again_is_one_visit(tmp_path: Path, stops: dict[int, int]) -> None:
    """A generation lasts four steps, and TRL saves none: stopped within one, it asks the same prompts again.

    Where it has resumed within one, the next begin that much later: what is made at 5 is not asked again from 8 on.
    """
    options = {"max_steps": 12, "shuffle_dataset": False, "steps_per_generation": 2, "num_iterations": 2}
    kept, resume = [], None
    for step, lost in stops.items():
        func = reward()
        stopped(real_trainer(tmp_path, func, PROMPTS[:4], **options), step, resume)
        kept += func.batches[: len(func.batches) - lost]
        resume = str(tmp_path / f"checkpoint-{step}")
    last = reward()
    real_trainer(tmp_path, last, PROMPTS[:4], **options).train(resume_from_checkpoint=resume)

    kept += last.batches
    batches = [(prompts, texts) for prompts, texts, _ in kept]
    for (_, _, told), true in zip(kept, paid(batches, visits=3, centred=True), strict=True):
        assert told == pytest.approx(true, abs=1e-12)
    assert set(last._history.state_dict()["turns"].tolist()) == {len(batches)}


class Broken(TrainerCallback):
    """Once, after a step; with a checkpoint of an earlier one."""

    def __init__(self, step: int, checkpoint: int) -> None:
        self.steps, self.checkpoint = {step}, checkpoint

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_save |= bool(self.steps) and state.global_step == self.checkpoint
        if state.global_step in self.steps:
            self.steps.clear()
            raise KeyboardInterrupt


@pytest.mark.parametrize(("checkpoint", "restores"), [(5, False), (4, False), (3, False), (3, True)])
def test_a_trainer_that_trains_again_goes_on_like_a_new_one(tmp_path: Path, checkpoint: int, restores: bool) -> None:
    """A generation lasts four steps. By itself TRL would go on with the completions of when it was interrupted."""
    options = {"max_steps": 12, "shuffle_dataset": False, "steps_per_generation": 2, "num_iterations": 2}
    options |= {"restore_callback_states_from_checkpoint": restores}
    funcs = [reward(), reward()]
    old, new = (real_trainer(tmp_path, func, PROMPTS[:4], **options) for func in funcs)
    old.add_callback(Broken(6, checkpoint))
    with pytest.raises(KeyboardInterrupt):
        old.train()
    funcs[0].batches.clear()
    for trainer in (old, new):
        trainer.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{checkpoint}"))
    assert funcs[0].batches == funcs[1].batches
    assert packed(funcs[0]._history.state_dict()) == packed(funcs[1]._history.state_dict())
    pairs = zip(old.model.parameters(), new.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_checkpoint_is_not_kept_in_memory(tmp_path: Path) -> None:
    first = stopped(real_trainer(tmp_path, reward(), PROMPTS, max_steps=2), 1)
    rest = real_trainer(tmp_path, reward(), PROMPTS, max_steps=2, save_strategy="steps", save_steps=1)
    rest.train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))
    for trainer in (first, rest):
        assert not trainer.state.stateful_callbacks["SavedHistories"]["attributes"]["saved"]


def test_a_generation_that_pays_nothing_undoes_no_earlier_one(tmp_path: Path) -> None:
    pays = iter([1.0, None])

    def pay(completions: list[str], **_: Any) -> list[float | None]:
        return [next(pays)] * len(completions)

    func = AnswerReward(
        answer, "log", method="harmonic", combine="multiply", reward=pay, time_limit=None, visits=2, drift=0.1
    )
    others = [lambda completions, **_: [0.0] * len(completions), func]
    trainer = make_trainer(tmp_path, others, ExactTrainer, num_generations=2, per_device_train_batch_size=2)
    for _ in range(2):
        batch(trainer, [(1, 2)], prompt_id=["a"])
    assert len(func._history.state_dict()["keys"]) == 1
    assert len(func._history.state_dict(before_last=True)["keys"]) == 1


def test_a_checkpoint_without_history_is_named_in_a_warning(tmp_path: Path) -> None:
    stopped(real_trainer(tmp_path, reward(visits=1), PROMPTS, max_steps=2), 1)
    rest = real_trainer(tmp_path, reward(), PROMPTS, max_steps=2)
    with pytest.warns(UserWarning, match="checkpoint of step 1 has no history of 'answer_reward'"):
        rest.train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))


@pytest.mark.parametrize(
    ("rows", "options", "keys"),
    [
        (["a", "b"], {}, 2),
        ([{"prompt": "a", "id": 1}, {"prompt": "a", "id": 2}], {}, 2),
        ([{"prompt": "a", "id": 1}, {"prompt": "b", "id": 1}], {}, 1),
        ([{"prompt": "a", "id": 1, "prompt_id": 5}, {"prompt": "b", "id": 1, "prompt_id": 6}], {}, 2),
        ([{"prompt": "a", "number": 1}, {"prompt": "b", "number": 1}], {"id_column": "number"}, 1),
        ([{"prompt": [{"role": "user", "content": letter}]} for letter in "ab"], {}, 2),
    ],
)
def test_prompts_are_told_apart_by_an_id_or_by_what_they_say(
    tmp_path: Path, rows: list[Any], options: dict[str, Any], keys: int
) -> None:
    func = reward(**options)
    real_trainer(tmp_path, func, rows, max_steps=1).train()
    assert len(func._history.state_dict()["keys"]) == keys


@pytest.mark.parametrize(
    ("options", "rows", "error", "message"),
    [
        ({"id_column": "nothing"}, ["a", "b"], ArgumentError, "`id_column` must be a column of the dataset"),
        (
            {},
            [{"prompt": "a", "id": None}, {"prompt": "b", "id": None}],
            ArgumentError,
            "`id` must name the prompt of every",
        ),
        ({"method": "aqp", "visits": 70}, ["a", "b"], TableNotFoundError, "K=2"),
    ],
)
def test_what_cannot_be_pooled_is_refused(
    tmp_path: Path, options: dict[str, Any], rows: list[Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        real_trainer(tmp_path, reward(**options), rows, max_steps=1).train()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"visits": 0}, "`visits`"),
        ({"visits": 1, "drift": 0.1}, "`visits` must be 2 or more"),
        ({"visits": 2, "forgetting": 0}, "`forgetting` must be positive"),
        ({"visits": 2, "drift": -1}, "`drift` must be a number"),
    ],
)
def test_settings_of_pooling_are_checked_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        AnswerReward(str, "log", **options)

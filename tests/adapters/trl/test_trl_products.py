"""TRL: answers times another reward: what is paid and logged, which arguments reach it, and what is refused."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polyest
from polyest.errors import ArgumentError

pytest.importorskip("trl")

import torch
from trl_support import NEW, ExactTrainer, GRPOTrainer, logs_of, make_trainer, rows_of, scored

from polyest.adapters.trl import AnswerReward, GradedReward

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers")

ANSWERS = ["a", "a", "b", "c", "a", "b", "c", ""]


def answer(text: str) -> str | None:
    return text or None


def correct(completions: list[str], **columns: Any) -> list[float]:
    return [float(text in ("a", "c")) for text in completions]


def product_of(reward: Any = correct, target: str = "log", **options: Any) -> AnswerReward:
    return AnswerReward(answer, target, combine="multiply", reward=reward, time_limit=None, **options)


def centred(paid: Any) -> Any:
    groups = np.reshape(paid, (-1, 4))
    return (groups - groups.mean(axis=1, keepdims=True)).ravel()


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_a_success_is_paid_the_factor_and_a_failure_nothing(tmp_path: Path, offset: float) -> None:
    trainer = make_trainer(tmp_path, [product_of(weight=2, offset=offset)])
    table = polyest.load("log", 4, baseline="leave_one_out_mean").coefficients
    factor = offset - 2 * table
    paid = [factor[1], factor[1], 0, factor[0], factor[0], 0, factor[0], 0]
    assert scored(trainer, ANSWERS)["advantages"].numpy() == pytest.approx(centred(paid), abs=1e-6)
    assert trainer._metrics["train"]["answer_reward/reward"] == pytest.approx([np.mean(paid)])
    assert trainer._metrics["train"]["answer_reward/distinct"] == [3.0]  # as without the product


@pytest.mark.parametrize("scale_rewards", ["none", "group"])
def test_exact_advantages_of_a_product(tmp_path: Path, scale_rewards: str) -> None:
    """Completions of one answer may have different rewards; each rank of matches is scored by the full table."""

    def partly(completions: list[str], **columns: Any) -> list[float]:
        return [0.5 * (i % 3) for i in range(len(completions))]

    trainer = make_trainer(tmp_path, [product_of(partly)], ExactTrainer, scale_rewards=scale_rewards)
    R, est = np.reshape(partly(ANSWERS), (2, 4)), polyest.load("log", 4)
    groups = [[answer(text) for text in ANSWERS[:4]], [answer(text) for text in ANSWERS[4:]]]
    least = est.coefficients.max()  # diversity pays −c
    expected = -3 / 4 * est.advantages(groups, weights=R, no_answer_reward=least).ravel()
    assert scored(trainer, ANSWERS)["advantages"].numpy() == pytest.approx(expected, abs=1e-6)


def test_counting_among_the_correct_ones(tmp_path: Path) -> None:
    """One answer, right and wrong: the wrong one matches nothing where the user says so."""

    def second(completions: list[str], **columns: Any) -> list[float]:
        return [0.0, 1.0, 1.0, 1.0]

    paid = scored(make_trainer(tmp_path, [product_of(second, count="correct")]), "aaab")["advantages"]
    c = -polyest.load("log", 4, baseline="leave_one_out_mean").coefficients
    assert paid.numpy() == pytest.approx(centred([0, c[1], c[1], c[0]]), abs=1e-6)


@pytest.mark.parametrize(("first", "last"), [(0.0, 1.0), (0.5, 1.0)])
def test_rewards_that_differ_within_an_answer_are_not_centred(tmp_path: Path, first: float, last: float) -> None:
    def differing(completions: list[str], **columns: Any) -> list[float]:
        return [first, last, last, last]

    trainer = make_trainer(tmp_path, [product_of(differing)])
    with pytest.raises(ArgumentError, match=rf"`reward` must pay all .* got {first:g} and 1 .*ExactAdvantagesMixin"):
        scored(trainer, "aabb")
    trainer.model.eval()  # nothing is trained
    scored(trainer, "aabb")
    exact = make_trainer(tmp_path, [product_of(differing)], ExactTrainer)
    assert scored(exact, "aabb")["advantages"].abs().max() > 0


def test_a_negative_reward_is_refused(tmp_path: Path) -> None:
    def signed(completions: list[str], **columns: Any) -> list[float]:
        return [1.0 if text == "a" else -1.0 for text in completions]

    with pytest.raises(ArgumentError, match=r"rewards of at least 0, got -1: .* let failures earn 0"):
        scored(make_trainer(tmp_path, [product_of(signed)]), "aabb")


@pytest.mark.parametrize("kind", ["product", "graded"])
def test_the_other_reward_is_called_once_with_all_that_trl_passes(tmp_path: Path, kind: str) -> None:
    calls = []

    def other(completions: list[str], **columns: Any) -> list[float]:
        calls.append(columns)
        if NEW:
            columns["log_metric"]("other/calls", 1.0)
        return [1.0] * len(completions)

    reward = product_of(other) if kind == "product" else GradedReward(polyest.graded.best_of(2), other)
    trainer = make_trainer(tmp_path, [reward])
    scored(trainer, "aabb")
    assert len(calls) == 1
    passed = {"trainer_state", "log_extra"} if NEW else set()
    assert calls[0].keys() >= {"prompts", "completion_ids", "wanted"} | passed
    assert calls[0]["wanted"] == [row["wanted"] for row in rows_of("aabb")]
    assert trainer._metrics["train"]["other/calls"] == [1.0] * NEW


@pytest.mark.filterwarnings(
    "ignore:All reward functions returned None:UserWarning"
)  # the oldest TRL, of the mixin alone
def test_groups_to_which_the_other_reward_does_not_apply_have_no_reward(tmp_path: Path) -> None:
    def first_group(completions: list[str], **columns: Any) -> list[float | None]:
        return [*correct(completions[:4]), None, None, None, None]

    both, alone = [make_trainer(tmp_path, [product_of(first_group)], cls) for cls in (GRPOTrainer, ExactTrainer)]
    for trainer in (both, alone):
        expected = scored(make_trainer(tmp_path, [product_of()], type(trainer)), ANSWERS)["advantages"][:4]
        found = scored(trainer, ANSWERS)["advantages"]
        assert found.tolist() == [*expected.tolist(), 0.0, 0.0, 0.0, 0.0]
        assert np.isnan([*logs_of(trainer)["rewards"]["answer_reward"]][-4:]).all()


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
def test_a_reward_that_applies_to_nothing(tmp_path: Path, trainer_class: type[GRPOTrainer]) -> None:
    trainer = make_trainer(tmp_path, [correct, product_of(lambda completions, **_: [None] * 4)], trainer_class)
    expected = scored(make_trainer(tmp_path, [correct]), "aabb")["advantages"].tolist()
    assert scored(trainer, "aabb")["advantages"].tolist() == expected


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
def test_evaluation_of_a_product_pays_the_plain_table(
    tmp_path: Path, trainer_class: type[GRPOTrainer], size: int
) -> None:
    trainer = make_trainer(tmp_path, [correct, product_of()], trainer_class, num_generations_eval=size)
    trainer.model.eval()
    scored(trainer, "abcc")
    c = -polyest.load("log", 2).coefficients
    expected = [] if size == 1 else [np.mean([c[0], 0, c[1], c[1]])]
    assert trainer._metrics["eval"]["answer_reward/reward"] == pytest.approx(expected)


@pytest.mark.parametrize("made", [np.ones(4, np.float32), torch.ones(4), [True, np.int8(1), torch.tensor(1), 1.0]])
def test_numbers_of_any_kind_are_rewards(tmp_path: Path, made: Any) -> None:
    paid = [scored(make_trainer(tmp_path, [product_of(wrong(x))]), "aabc")["advantages"] for x in (made, [1.0] * 4)]
    assert paid[0].tolist() == paid[1].tolist()


def wrong(made: Any) -> Any:
    return lambda completions, **columns: made


async def later(completions: list[str], **columns: Any) -> list[float]:
    return [1.0] * len(completions)


class Later:
    async def __call__(self, completions: list[str], **columns: Any) -> list[float]:
        return [1.0] * len(completions)


@pytest.mark.parametrize("kind", ["product", "graded"])
@pytest.mark.parametrize(
    ("reward", "told"),
    [
        (wrong([1.0, 0.0, 1.0]), "must return one number for each completion, got 3 for 4"),
        (wrong([1.0, float("nan"), 0.0, 0.0]), "must pay finite numbers, got nan; .*None only where"),
        (wrong([1.0, 0.0, float("inf"), 0.0]), "must pay finite numbers, got inf"),
        (wrong([1.0, 0.0, -float("inf"), 0.0]), "must pay finite numbers, got -inf"),
        (wrong([1.0, None, 0.0, None]), "must pay all completions of a group or none of it, got None for 2 of 4"),
        (wrong(None), "must return a list of finite numbers.*got None"),
        (wrong(["a"] * 4), "must return a list of finite numbers"),
        (wrong("1111"), "must return a list of finite numbers.*got '1111'"),
        (wrong([10**400] * 4), "must return a list of finite numbers"),
        (wrong({1: 1.0, 2: 0.0, 3: 0.0, 4: 0.0}), "must return a list of finite numbers.*got {1: 1.0"),
        (wrong({0.0, 1.0, 2.0, 3.0}), "must return a list of finite numbers"),
        (wrong(b"0101"), "must return a list of finite numbers.*got b'0101'"),
        (wrong(np.array(["1", "0", "1", "1"])), "must return a list of finite numbers"),
        (wrong(np.ones(4, np.complex64)), "must return a list of finite numbers"),
    ],
)
def test_what_another_reward_must_pay(tmp_path: Path, kind: str, reward: Any, told: str) -> None:
    made = product_of(reward) if kind == "product" else GradedReward(polyest.graded.best_of(2), reward)
    with pytest.raises(ArgumentError, match=rf"`reward` .*{told}"):
        scored(make_trainer(tmp_path, [made]), "abcc")


@pytest.mark.parametrize("kind", ["product", "graded"])
@pytest.mark.parametrize(
    ("reward", "told"),
    [
        ("model", "a plain reward function as the trainer takes them, got 'model'"),
        (later, "a plain reward function .* got an async function"),
        (partial(later), "a plain reward function .* got an async function"),
        (Later(), "a plain reward function .* got an async function"),
        (torch.nn.Linear(1, 1), "a plain reward function .* got Linear"),
        (AnswerReward(answer, time_limit=None), "a reward function of single completions, got answer_reward"),
    ],
)
def test_what_another_reward_must_be(kind: str, reward: Any, told: str) -> None:
    with pytest.raises(ArgumentError, match=rf"`reward` must be {told}"):
        product_of(reward) if kind == "product" else GradedReward(polyest.graded.best_of(2), reward)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"combine": "multiply"}, "`reward` must be given with combine='multiply', and only then, got None"),
        ({"reward": correct}, "`reward` must be given with combine='multiply', and only then, got <function"),
        ({"combine": "multiply", "reward": correct, "sign": 1}, "`offset` must make the factor"),
        ({"offset": 1.0}, "`offset` and `count` belong to a product"),
    ],
)
def test_bad_arguments_of_a_product(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        AnswerReward(answer, time_limit=None, **options)

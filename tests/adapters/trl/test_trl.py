"""TRL: what the reward function pays and logs, what the mixin sets, and whom they refuse."""

from __future__ import annotations

import math
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.errors import ArgumentError, TableNotFoundError

pytest.importorskip("trl")

from trl_support import (
    NEW,
    NOT_IN_OLD,
    ExactTrainer,
    GRPOTrainer,
    called,
    let_generate,
    logs_of,
    make_trainer,
    policy,
    refused_scale,
    scored,
)

from polyest.adapters.trl import AnswerReward
from polyest.adapters.trl import trainer as _trl_trainer
from polyest.adapters.trl.texts import text_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:os.fork.* JAX is multithreaded:RuntimeWarning"),
]

ANSWERS = ["a", "a", "b", "b", "a", "b", "c", ""]


def answer(text: str) -> str | None:
    return text or None


def correct(completions: list[str], **columns: Any) -> list[float]:
    return [float(text == "b") for text in completions]


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> GRPOTrainer:
    """One that the reward functions accept; never trained."""
    made = make_trainer(tmp_path_factory.mktemp("trainer"), [correct])
    made.model.train()
    return made


texts = st.lists(st.text("ab", max_size=2), min_size=12, max_size=12)


@given(texts, st.sampled_from([-1, 1]), st.sampled_from([0.5, 3]), st.sampled_from(["log", "power(2)"]))
def test_rewards_are_those_of_the_centring_proof_table(
    trainer: GRPOTrainer, texts: list[str], sign: int, weight: float, target: str
) -> None:
    reward = AnswerReward(answer, target, sign=sign, weight=weight, time_limit=None)
    table = polyest.load(target, 4, baseline="group_mean").coefficients * 3 / 4
    for i, paid in enumerate(called(reward, trainer, texts)):
        group = texts[i // 4 * 4 : i // 4 * 4 + 4]
        least = min(sign * c for c in table)
        expected = sign * table[group.count(texts[i]) - 1] if texts[i] else least
        assert paid == pytest.approx(weight * expected, abs=1e-12)


def test_a_reward_without_an_answer_can_be_chosen(trainer: GRPOTrainer) -> None:
    reward = AnswerReward(answer, weight=2, no_answer_reward=-0.25, time_limit=None)
    assert called(reward, trainer, ["", "a", "a", ""])[::3] == [-0.25, -0.25]


def test_groups_are_runs_also_of_one_prompt(tmp_path: Path) -> None:
    reward = AnswerReward(answer, time_limit=None)
    trainer = make_trainer(tmp_path, [correct, reward], reward_weights=[1.0, 0.5])
    rewards = polyest.load("log", 4, baseline="leave_one_out_mean").rewards(np.reshape([*"aabbabca"], (2, 4)))
    total = np.reshape([*map("b".__eq__, "aabbabca")], (2, 4)) - 0.5 * rewards
    output = scored(trainer, "aabbabca")
    assert output["advantages"].numpy() == pytest.approx((total - total.mean(1, keepdims=True)).ravel(), abs=1e-6)


@pytest.mark.parametrize("scale_rewards", ["none", "group"])
def test_exact_advantages_are_added(tmp_path: Path, scale_rewards: str) -> None:
    others = make_trainer(tmp_path, [correct], scale_rewards=scale_rewards)
    reward = AnswerReward(answer, weight=3, time_limit=None)
    trainer = make_trainer(
        tmp_path, [correct, reward], ExactTrainer, scale_rewards=scale_rewards, reward_weights=[1.0, 0.5]
    )
    est = polyest.load("log", 4)
    least = est.coefficients.max()  # diversity pays −c
    groups = [[answer(text) for text in ANSWERS[:4]], [answer(text) for text in ANSWERS[4:]]]
    exact = -1.5 * 3 / 4 * est.advantages(groups, no_answer_reward=least).ravel()
    expected = scored(others, ANSWERS)["advantages"].numpy() + exact
    assert scored(trainer, ANSWERS)["advantages"].numpy() == pytest.approx(expected, abs=1e-6)
    assert [*logs_of(trainer)["advantages"]] == pytest.approx(expected[-4:], abs=1e-6)  # TRL keeps one batch of 4
    assert [*logs_of(trainer)["rewards"]["answer_reward"]] == [0.0] * 4


def test_exact_advantages_alone(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, [AnswerReward(answer, sign=1, time_limit=None)], ExactTrainer)
    expected = 3 / 4 * polyest.load("log", 4).advantages([[*"aabc"]]).ravel()
    assert scored(trainer, "aabc")["advantages"].numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
def test_what_is_logged(tmp_path: Path, trainer_class: type[GRPOTrainer]) -> None:
    reward = AnswerReward(answer, weight=2, time_limit=None, name="diversity")
    trainer = make_trainer(tmp_path, [reward], trainer_class)
    scored(trainer, ANSWERS)
    metrics = trainer._metrics["train"].items()
    logged = {name.removeprefix("diversity/"): values for name, values in metrics if name.startswith("diversity/")}
    for method in ("aqp", "harmonic", "plug_in"):
        entropy = [-polyest.load("log", n, method).value([*group]) for n, group in ((4, "aabb"), (3, "abc"))]
        assert logged[f"entropy_{method}"] == pytest.approx([sum(entropy) / 2])
    assert logged["effective_answers"] == pytest.approx(np.exp(logged["entropy_aqp"]))
    assert logged["distinct"] == [2.5]
    assert logged["singletons"] == [1 / 2]  # none of aabb, all of abc
    assert logged["agreement"] == pytest.approx([(1 / 2 + 1 / 3) / 2])
    assert logged["collision"] == pytest.approx([(4 / 12 + 0) / 2])
    assert logged["no_answer"] == [1 / 8]
    baseline = None if trainer_class is ExactTrainer else "leave_one_out_mean"
    table = -2 * polyest.load("log", 4, baseline=baseline).coefficients
    counts = Counter(ANSWERS[:4]), Counter(ANSWERS[4:])
    paid = [table[count[text] - 1] if text else min(table) for count in counts for text in count.elements()]
    assert logged["reward"] == pytest.approx([np.mean(paid)])


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
def test_training_and_evaluation_run(tmp_path: Path, trainer_class: type[GRPOTrainer]) -> None:
    reward = AnswerReward(answer, time_limit=None)
    options = {"max_steps": 2, "logging_steps": 1, "eval_strategy": "steps", "eval_steps": 1}
    options |= {"num_generations_eval": 2} if NEW else {}
    trainer = make_trainer(tmp_path, [reward], trainer_class, learning_rate=0.1, **options)
    let_generate(trainer)
    before = trainer.model.lm_head.weight.detach().clone()
    trainer.train()
    assert (trainer.model.lm_head.weight != before).any()
    logs = {name for entry in trainer.state.log_history for name in entry}
    assert {"answer_reward/entropy_aqp", "eval_answer_reward/entropy_aqp", "eval_answer_reward/reward"} <= logs


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
@pytest.mark.parametrize("size", [1, 2])
def test_evaluation_pays_the_plain_table(tmp_path: Path, trainer_class: type[GRPOTrainer], size: int) -> None:
    reward = AnswerReward(answer, time_limit=None)
    trainer = make_trainer(tmp_path, [correct, reward], trainer_class, num_generations_eval=size)
    trainer.model.eval()
    output = scored(trainer, "abbb")
    expected = -polyest.load("log", 2).rewards([[*"ab"], [*"bb"]]).ravel() if size == 2 else None
    if size == 1:
        assert "answer_reward/reward" not in trainer._metrics["eval"]
        assert output["advantages"].tolist() == [0.0] * 4
    else:
        assert trainer._metrics["eval"]["answer_reward/reward"] == pytest.approx([expected.mean()])
        if trainer_class is GRPOTrainer:
            assert [*logs_of(trainer)["rewards"]["answer_reward"]] == pytest.approx(expected)


def test_conversations(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, [AnswerReward(answer, time_limit=None)])
    plain = scored(trainer, "aabc")["advantages"]
    messages = scored(trainer, "aabc", prompt=[{"role": "user", "content": "a"}])["advantages"]
    assert messages.tolist() == plain.tolist()


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("plain", "plain"),
        ([{"role": "assistant", "content": "one"}], "one"),
        ([{"role": "assistant", "content": "call"}, {"role": "tool", "content": "7"}], "call"),
        ([{"role": "assistant", "content": "x"}, {"role": "assistant", "content": "y"}], "y"),
        ([{"role": "assistant", "content": [{"type": "text", "text": "p"}, {"type": "image"}, {"text": "q"}]}], "pq"),
        ([{"role": "assistant", "tool_calls": []}], ""),
        ([{"role": "assistant", "content": None}], ""),
        ([], ""),
    ],
)
def test_the_text_of_a_completion(completion: Any, text: str) -> None:
    assert text_of(completion) == text


def test_math_verify_by_name(trainer: GRPOTrainer) -> None:
    pytest.importorskip("math_verify")
    same = [r"\boxed{0.5}", r"$\frac12$", r"so it is $\frac{2}{4}$", r"\boxed{3}"]
    assert called(AnswerReward("math-verify", time_limit=60), trainer, same) == pytest.approx(
        called(AnswerReward(answer), trainer, [*"aaab"])
    )


def raises(text: str) -> str:
    raise KeyError("no box")


def never(text: str) -> str:
    while text == "loop":
        time.sleep(0.01)
    return text


@pytest.mark.parametrize(
    ("extract", "told"),
    [
        (raises, "`extract` must return a hashable answer.*KeyError.*no box"),
        (lambda text: [text], "`extract` must .*unhashable type: 'list'"),
        (lambda text: object, "`extract` must be strings, .*got type"),
    ],
)
@pytest.mark.parametrize("limit", [None, 60])
def test_an_extractor_that_fails_is_an_error(trainer: GRPOTrainer, extract: Any, told: str, limit: float) -> None:
    with pytest.raises(ArgumentError, match=f"(?s){told}"):
        called(AnswerReward(extract, time_limit=limit), trainer, [*"aabb"])


LONG = [10**5000, (-(10**5000), "x"), Fraction(10**5000, 7), frozenset({10**5000}), Decimal("1e10000000")]


@pytest.mark.parametrize("limit", [None, 60.0])
def test_answers_of_more_than_4300_digits(trainer: GRPOTrainer, limit: float | None) -> None:
    start = time.perf_counter()
    for long in LONG:
        reward = AnswerReward(lambda text, long=long: {"a": long, "": None}.get(text, text), time_limit=limit)
        plain = AnswerReward(answer, time_limit=None)
        assert called(reward, trainer, ANSWERS) == called(plain, trainer, ANSWERS)
    assert time.perf_counter() - start < 30


class Slow(str):
    """Its conversion to bytes takes longer than the limit, after its extraction."""

    def encode(self, *args: str) -> bytes:
        time.sleep(3)
        return super().encode(*args)


def test_the_limit_covers_all_that_is_done_to_an_answer(trainer: GRPOTrainer) -> None:
    reward = AnswerReward(lambda text: Slow(text) if text == "c" else answer(text), time_limit=0.5)
    plain = AnswerReward(lambda text: None if text == "c" else answer(text), time_limit=None)
    with pytest.warns(UserWarning, match=r"`extract` took longer than 0.5 s for 'c'"):
        paid = called(reward, trainer, ANSWERS)
    assert paid == called(plain, trainer, ANSWERS)


def test_an_extractor_that_never_returns_finds_no_answer(trainer: GRPOTrainer) -> None:
    reward = AnswerReward(never, time_limit=0.5)
    with pytest.warns(UserWarning, match="took longer than 0.5 s"):
        paid = called(reward, trainer, ["a", "loop", "a", "b"])
    table = -polyest.load("log", 4, baseline="leave_one_out_mean").coefficients
    assert paid == pytest.approx([table[1], table.min(), table[1], table[0]])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"scale_rewards": "group"}, refused_scale("group") + ".*ExactAdvantagesMixin"),
        ({"scale_rewards": "batch"}, refused_scale("batch")),
        ({"multi_objective_aggregation": "normalize_then_sum"}, "`multi_objective_aggregation` must be"),
        ({"num_generations": 2}, "`num_generations` must be 3 or more .* got 2: TRL subtracts the group mean"),
        ({"reward_weights": [-1.0]}, "`reward_weights` must not be negative for answer_reward, got -1.0.*`sign`"),
    ],
)
def test_trainers_that_would_undo_it_are_refused(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    reward = AnswerReward(answer, time_limit=None)
    trainer = make_trainer(tmp_path, [correct], **options)
    trainer.reward_funcs = [reward]
    with pytest.raises(ArgumentError, match=told):
        reward.bind(trainer)
    with pytest.raises(ArgumentError, match=told):
        scored(make_trainer(tmp_path, [reward], **options), "aabb")


@pytest.mark.skipif(not NEW, reason=NOT_IN_OLD + "reward functions without a name")
def test_exact_advantages_are_not_lost_in_a_wrapper(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, [partial(AnswerReward(answer, time_limit=None))], ExactTrainer)
    with pytest.raises(ArgumentError, match=r"`reward_funcs` must hold answer_reward itself .* without a wrapper"):
        scored(trainer, "aabb")


def test_a_wrong_method_is_told_when_bound(trainer: GRPOTrainer) -> None:
    with pytest.raises(ArgumentError, match="did you mean 'minimax'"):
        AnswerReward(answer, method="minmax").bind(trainer)


def test_a_group_size_without_a_table_names_the_command(tmp_path: Path) -> None:
    lacking = AnswerReward(answer, bias_budget="1.43", time_limit=None)
    with pytest.raises(TableNotFoundError, match=r"polyest solve .*-k 4 --bias-budget 1\.43"):
        scored(make_trainer(tmp_path, [lacking]), "aabb")
    with pytest.raises(TableNotFoundError, match="polyest solve"):
        make_trainer(tmp_path, [lacking], ExactTrainer)


def test_a_group_size_of_the_evaluation_is_looked_for_before_training(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, [AnswerReward(answer, method="minimax")], num_generations_eval=100)
    with pytest.raises(TableNotFoundError, match=r"polyest solve .*-k 100"):
        scored(trainer, "aabb")


def test_the_trainer_has_to_be_known(trainer: GRPOTrainer) -> None:
    def log_metric(name: str, value: float) -> None:
        logged.append(name)

    logged: list[str] = []
    reward = AnswerReward(answer, time_limit=None)
    for foreign in (None, log_metric):
        with pytest.raises(ArgumentError, match=r"`log_metric` must be the trainer's own .* reward\.bind"):
            reward(completions=[*"aabb"], log_metric=foreign)
    with pytest.raises(ArgumentError, match=r"`trainer` must be a trl.GRPOTrainer, got Qwen2ForCausalLM"):
        reward.bind(policy())
    reward.bind(trainer)
    assert reward(completions=[*"aabb"]) == reward(completions=[*"aabb"], log_metric=log_metric)
    assert "answer_reward/entropy_aqp" in logged


def test_parts_of_groups_are_refused(trainer: GRPOTrainer) -> None:
    with pytest.raises(ArgumentError, match="`completions` must be whole groups of 4 over all processes, got 3"):
        called(AnswerReward(answer, time_limit=None), trainer, [*"aab"])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: AnswerReward(answer, sign=0), "`sign` must be -1"),
        (lambda: AnswerReward(answer, weight=0), "`weight` must be positive and finite, got 0"),
        (lambda: AnswerReward(answer, weight=math.nan), "`weight`.*nan"),
        (lambda: AnswerReward(answer, weight=-0.1), "`weight`.*-0.1.*`sign`"),
        (lambda: AnswerReward(answer, time_limit=0), "`time_limit`"),
        (lambda: AnswerReward("math_verify"), "did you mean 'math-verify'"),
        (lambda: AnswerReward(answer, "lgo"), "`target`"),
        (lambda: AnswerReward(answer, no_answer_reward=math.inf), "`no_answer_reward`.*inf"),
    ],
)
def test_bad_arguments(make: Callable[[], AnswerReward], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        make()


@pytest.mark.parametrize(("installed", "warned"), [("0.18.1", True), ("1.16.3", False), ("1.17.0", True)])
def test_other_versions_are_told_what_was_tested(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, installed: str, warned: bool
) -> None:
    monkeypatch.setattr(_trl_trainer, "version", lambda package: installed)
    AnswerReward(answer)
    told = [str(warning.message) for warning in recwarn]
    assert [f"trl>=0.18.2,<1.17, and {installed} is installed" in text for text in told] == [True] * warned


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
@pytest.mark.parametrize("loss_type", ["dapo", "grpo", "bnpo"])
def test_a_loss_that_divides_by_lengths_is_warned_of_once(
    tmp_path: Path, trainer_class: type[GRPOTrainer], loss_type: str
) -> None:
    reward = AnswerReward(answer, time_limit=None)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        scored(make_trainer(tmp_path, [reward], trainer_class, loss_type=loss_type), "aabb")
    ours = [str(warning.message) for warning in told if "loss_type" in str(warning.message)]
    assert len(ours) == 1
    assert re.match(rf"`loss_type` '{loss_type}' divides by lengths.*loss_type='dr_grpo'", ours[0])

"""verl: what polyest's advantages do to verl's own loss, and what is refused."""

from __future__ import annotations

import runpy
from typing import Any

import numpy as np
import pytest
from verl_support import ALGORITHM, OPTIONS, adapter, advantages, config, loaded, omegaconf, token_rewards, torch, verl

import polyest
from polyest.adapters.code import encode
from polyest.errors import ArgumentError, MissingDependencyError, TableNotFoundError


def test_verls_trainer_passes_what_the_estimator_needs() -> None:
    for module in ("cachetools", "fastapi", "uvicorn"):  # which verl imports there and does not install
        pytest.importorskip(module)
    compute_advantage = loaded("trainer.ppo.ray_trainer").compute_advantage
    algorithm = config(noise_budget=1.5, method="aqp")
    mask = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 1]])
    rewards = token_rewards([encode(1, "x"), encode(0, "y"), encode(1, "x")], mask)
    data = verl.DataProto.from_dict(
        {"token_level_rewards": rewards, "response_mask": mask}, {"uid": np.array(["u"] * 3, dtype=object)}
    )
    got = compute_advantage(data, algorithm.adv_estimator, config=algorithm).batch["advantages"]
    A = np.array([0.5, -1, 0.5]) - 0.5 * polyest.load("log", 3).advantages(["x", "y", "x"])
    np.testing.assert_allclose(got.numpy(), A[:, None] * mask.numpy(), rtol=1e-6)


def test_ragged_groups_in_any_order() -> None:
    answers = ["a", "b", "a", "a", "c", "a", "b", "b", "b"]
    groups = ["u", "v", "u", "v", "u", "w", "v", "v", "w"]
    rewards = [1.0, 0.0, 0.125, 1.0, -1.5, 1.0, 0.0, 0.0, 0.5]
    expected = -0.5 * polyest.advantages(answers, groups, "log", "harmonic")
    for i, group in enumerate(groups):
        others = [rewards[j] for j in range(9) if groups[j] == group and j != i]
        expected[i] += rewards[i] - sum(others) / len(others)
    np.testing.assert_allclose(advantages(answers, groups, rewards).numpy(), expected, rtol=1e-6)


def test_multiplied_rewards_in_ragged_groups() -> None:
    answers = ["a", "b", "a", "a", None, "a", "b", "b", "b"]
    groups = ["u", "v", "u", "v", "u", "w", "v", "v", "w"]
    rewards = np.array([1.0, 0.0, 0.125, 1.0, 1.5, 1.0, 0.0, 0.25, 0.5])
    options = {"target": "power(-0.5)", "combine": "multiply", "weight": 0.5, "reward_weight": 2.0, "offset": 0.25}
    got = advantages(answers, groups, rewards.tolist(), omegaconf.OmegaConf.create({"polyest": options}))
    for name in "uvw":
        rows = [i for i in range(9) if groups[i] == name]
        table, w = polyest.load("power(-0.5)", len(rows)), 2 * rewards[rows]
        # sign · c is least where c is greatest
        pay = {"no_answer_reward": table.coefficients.max(), "weights": w}
        expected = -0.5 * table.advantages([answers[i] for i in rows], **pay)
        expected += 0.25 * (w * len(w) - w.sum()) / (len(w) - 1)
        np.testing.assert_allclose(got[rows].numpy(), expected, rtol=1e-6, atol=1e-6)


def test_a_factor_is_paid_to_correct_completions_only() -> None:
    """R · p^(−½): nothing for wrong completions, whatever they answer, and most for rare correct ones."""
    algorithm = omegaconf.OmegaConf.create({"polyest": {"target": "power(-0.5)", "combine": "multiply"}})
    got = advantages(["a", "a", "a", "b", "c", None], ["u"] * 6, [1.0, 1, 1, 1, 0, 0], algorithm)
    assert got[3] > got[0] == got[1] == got[2] > got[4]
    assert advantages(["a", "b", "a", None], ["u"] * 4, [0.0] * 4, algorithm).tolist() == [0.0] * 4


def test_answers_of_wrong_completions_count_unless_only_correct_ones_are_asked_for() -> None:
    """A wrong completion with the answer of a correct one: say, the same strategy with a slip."""
    options = {"target": "power(-0.5)", "combine": "multiply"}
    given = (["a", "a", "b", "b"], ["u"] * 4, [1.0, 0.0, 1.0, 1.0])
    table, w = polyest.load("power(-0.5)", 4), [1.0, 0.0, 1.0, 1.0]
    for count, answers in (("all", given[0]), ("correct", ["a", None, "b", "b"])):
        got = advantages(*given, omegaconf.OmegaConf.create({"polyest": options | {"count": count}}))
        np.testing.assert_allclose(got.numpy(), -table.advantages(answers, weights=w), rtol=1e-6)


@pytest.mark.parametrize("combine", ["add", "multiply"])
def test_what_a_score_carries_is_not_encoded_again(combine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The integers go to the runtime as integers, those of completions without an answer among them."""
    from polyest.online import answers

    algorithm = omegaconf.OmegaConf.create({"polyest": OPTIONS | {"combine": combine}})
    encoded, from_objects = [], answers._from_objects
    monkeypatch.setattr(answers, "_from_objects", lambda *given: encoded.append(given[3]) or from_objects(*given))
    advantages(["a", "b", None, "a", None], [*"uvuuv"], [1.0, 0.0, 1.0, 0.5, 0.0], algorithm)
    assert set(encoded) <= {"index"}  # the uids


def test_a_batch_of_nothing_but_rejected_completions() -> None:
    mask, uids = torch.zeros(3, 2, dtype=torch.int64), np.array(["u", "u", "v"], dtype=object)
    rewards = token_rewards([encode(1, "a"), encode(0, "b"), 0.0], mask)
    assert not adapter.advantages(rewards, mask, index=uids, config=ALGORITHM)[0].any()


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_uids_of_any_kind(kind: Any) -> None:
    mask, scores = (
        torch.ones(4, 1, dtype=torch.int64),
        [encode(r, z) for r, z in zip([0, 1, 1, 0], "aabb", strict=True)],
    )
    got, _ = adapter.advantages(token_rewards(scores, mask), mask, index=kind([5, 9, 5, 9]), config=ALGORITHM)
    assert torch.equal(got[:, 0], advantages([*"aabb"], [*"uvuv"], [0.0, 1.0, 1.0, 0.0]))


def test_a_completion_alone_has_the_advantage_of_its_reward() -> None:
    with pytest.warns(UserWarning, match="`index` names groups of one completion") as caught:
        got = advantages(["a", "a", "b", None], ["u", "v", "w", "w"], [1.0, -0.5, 0.0, 0.0])
    assert len(caught) == 1
    assert got[:2].tolist() == [1.0, -0.5]
    assert torch.isfinite(got).all()


def test_padding_and_rejected_rows() -> None:
    """verl pads with rows of score 0 without any token, and masks the tokens of completions that it rejects."""
    mask = torch.tensor([[1, 1], [0, 0], [1, 0], [0, 0], [0, 0]])
    rewards = torch.zeros(5, 2)
    rewards[:3, 1] = torch.tensor([encode(1, "a"), encode(0, "a"), encode(0, "b")])
    index = np.array(["u", "u", "u", "pad", "pad"], dtype=object)
    got, _ = adapter.advantages(rewards, mask, index=index, config=ALGORITHM)
    full = advantages(["a", "a", "b"], ["u"] * 3, [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(got.numpy(), [[full[0], full[0]], [0, 0], [full[2], 0], [0, 0], [0, 0]])


@pytest.mark.parametrize("sign", [-1, 1])
def test_no_answer_gets_the_least_rewarding_value(sign: int) -> None:
    algorithm = omegaconf.OmegaConf.create({"polyest": {"sign": sign, "weight": 2.0}})
    got = advantages([None, None, "a", "b", "a"], ["u"] * 5, [0.0] * 5, algorithm)
    table = polyest.load("log", 5)
    pay = min(table.coefficients) if sign == 1 else max(table.coefficients)
    expected = 2 * sign * table.advantages([None, None, "a", "b", "a"], no_answer_reward=pay)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-5)
    assert got[0] == got[1] == got.min()
    algorithm.polyest.no_answer_reward = -3.0
    got = advantages([None, None, "a", "b", "a"], ["u"] * 5, [0.0] * 5, algorithm)
    expected = 2 * sign * table.advantages([None, None, "a", "b", "a"], no_answer_reward=-3.0 / (2 * sign))
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-5)


def test_bad_calls_are_refused() -> None:
    mask, scores = torch.ones(2, 2, dtype=torch.int64), [encode(0, "a"), encode(1, "b")]
    rewards = token_rewards(scores, mask)
    uids = np.array(["u", "u"], dtype=object)
    for change, told in [
        ({"config": None}, "`config` must be verl's algorithm configuration"),
        ({"index": None}, "`index` must hold the uid of each completion, got None"),
        ({"index": uids[:1]}, "got 1 for 2 completions"),
        ({"index": np.array(["u", None], dtype=object)}, "`index` must hold the uid .* got None for 1 of 2"),
        ({"index": [torch.tensor(1), torch.tensor(1)]}, "`index` must hold plain hashable answers, got torch.Tensor"),
        ({"token_level_rewards": rewards.bfloat16()}, "`token_level_rewards` must be float32.*got torch.bfloat16"),
        ({"token_level_rewards": rewards - 0.001}, "`token_level_rewards` must have one number in each row"),
        ({"token_level_rewards": rewards * 0}, "`token_level_rewards` must sum to the codes"),
        ({"token_level_rewards": rewards.round()}, "`token_level_rewards` must sum to the codes"),
    ]:
        given = {"token_level_rewards": rewards, "response_mask": mask, "index": uids, "config": ALGORITHM} | change
        with pytest.raises(ArgumentError, match=told):
            adapter.advantages(**given)


def test_sizes_without_a_table_are_named() -> None:
    algorithm = omegaconf.OmegaConf.create({"polyest": {"bias_budget": 9.87}})
    with pytest.raises(TableNotFoundError, match=r"no table for groups of 2, 3 completions.*polyest solve"):
        advantages(["a"] * 5, ["u", "u", "v", "v", "v"], [0.0] * 5, algorithm)


def test_another_version_of_verl_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("0.8.0", "1.0"):
        monkeypatch.setattr(verl, "__version__", version)
        with pytest.warns(UserWarning, match=rf"was tested with verl==0.9.* only, and {version} is installed"):
            advantages(["a", "b"], ["u", "u"], [0.0, 1.0])


def test_verl_without_the_registry_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("verl.trainer.ppo.core_algos.register_adv_est")
    with pytest.raises(MissingDependencyError, match=r"polyest\.adapters\.verl needs verl 0.9"):
        runpy.run_path(adapter.__file__)

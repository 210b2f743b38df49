"""The estimators that need no answers: what they are given by verl, what they return, what they refuse."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from verl_support import adapter, loaded, omegaconf, torch, verl

from polyest import graded, success
from polyest.adapters.code import encode
from polyest.errors import ArgumentError, TableNotFoundError

R = [1.0, 4.0, 2.0, 8.0, 5.0]


def scored(estimator: Any, rewards: Any, uids: Any = None, **options: Any) -> Any:
    """The advantage of each completion of one token."""
    scores = torch.as_tensor(rewards)[:, None]
    index = np.array(["u"] * len(scores) if uids is None else uids, dtype=object)
    algorithm = omegaconf.OmegaConf.create({"polyest": options})
    A, returns = estimator(scores, torch.ones(scores.shape, dtype=torch.int64), index=index, config=algorithm)
    assert torch.equal(A, returns)
    return A[:, 0]


def test_the_reference_values() -> None:
    """docs/graded.md §6: best of 3, worst of 2 and median of 3, enumerated in fractions."""
    assert scored(adapter.best_of, R, n=3).tolist() == [-11 / 8, -7 / 8, -11 / 8, 85 / 8, 1 / 2]
    assert scored(adapter.worst_of, R, n=2).tolist() == [-41 / 8, 1 / 2, -11 / 4, 7 / 4, 11 / 8]
    assert scored(adapter.median_of, R, n=3).tolist() == [-35 / 8, 1 / 4, -4, 7 / 2, 19 / 8]


def test_the_estimators_go_through_pickle() -> None:
    for estimator in (adapter.advantages, adapter.success_rate):
        assert pickle.loads(pickle.dumps(estimator)) is estimator
    assert scored(pickle.loads(pickle.dumps(adapter.best_of)), R, n=3)[3] == 85 / 8


def test_groups_of_any_sizes_in_any_order() -> None:
    rng = np.random.default_rng(7)
    groups = rng.permutation(np.repeat(["u", "v", "w"], [5, 3, 8]))
    rewards = rng.normal(size=16).round(1)
    got = scored(adapter.best_of, rewards, groups, n=3)
    np.testing.assert_array_equal(got.numpy(), graded.advantages(rewards, groups.tolist(), graded.best_of(3)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16", "int64"])
def test_rewards_of_any_type(dtype: str) -> None:
    rewards = torch.tensor(R, dtype=getattr(torch, dtype))
    got = scored(adapter.best_of, rewards, n=3)
    assert got.dtype == (torch.float64 if dtype == "float64" else torch.float32)
    assert got.tolist() == [-11 / 8, -7 / 8, -11 / 8, 85 / 8, 1 / 2]


def test_a_reward_is_the_sum_over_the_tokens() -> None:
    """Rewards of single tokens (a process reward, an overlong penalty) are parts of it; advantages are everywhere."""
    mask = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 0]])
    rewards = torch.tensor([[0.5, 0.25, 0.25], [0.0, 2.0, 0.0], [4.0, 0.0, 0.0]])
    algorithm = omegaconf.OmegaConf.create({"polyest": {"n": 2}, "norm_adv_by_std_in_grpo": True})
    got, _ = adapter.best_of(rewards, mask, index=np.array(["u"] * 3, dtype=object), config=algorithm)
    A = graded.best_of(2, 3).advantages([1, 2, 4])
    np.testing.assert_array_equal(got.numpy(), A[:, None] * mask.numpy())


def test_groups_that_are_too_small_get_0_and_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"`index` names 2 groups with too few completions for best_of\(3\)") as caught:
        got = scored(adapter.best_of, [*R, 1.0, 2.0, 3.0], ["u"] * 5 + ["v", "v", "w"], n=3)
    assert len(caught) == 1
    assert got[:5].tolist() == scored(adapter.best_of, R, n=3).tolist()
    assert got[5:].tolist() == [0, 0, 0]


def test_groups_of_fewer_than_n_are_scored_by_the_certified_tables() -> None:
    """As `graded.best_of` has it: 12 exactly, 8 and 6 by their tables, 5 not at all."""
    sizes = {"u": 12, "v": 8, "w": 6, "x": 5}
    uids = np.repeat([*sizes], [*sizes.values()])
    rewards = np.random.default_rng(3).normal(size=len(uids))
    with pytest.warns(UserWarning, match="`index` names") as caught:
        got = scored(adapter.best_of, rewards, uids, n=12).numpy()
    for uid in "uvw":
        A = graded.best_of(12, sizes[uid]).advantages(rewards[uids == uid])
        np.testing.assert_array_equal(got[uids == uid], A)
    assert not got[uids == "x"].any()
    told = sorted(str(warning.message) for warning in caught)
    assert "names 1 groups with too few completions for best_of(12); their advantages are 0: " in told[0]
    for text, K in zip(told[1:], (6, 8), strict=True):
        assert f"names groups of {K}, from which best_of(12) is not exact: " in text
        assert "within 0.05 of the rewards' range" in text


def test_a_bias_that_is_asked_for_needs_no_warning() -> None:
    rewards = np.random.default_rng(4).normal(size=8)
    for bias in (0.05, 0.02):
        got = scored(adapter.best_of, rewards, n=12, worst_case_bias=bias).numpy()
        A = graded.best_of(12, 8, worst_case_bias=bias).advantages(rewards)
        np.testing.assert_array_equal(got, A)
    with pytest.raises(TableNotFoundError, match=r"polyest solve --target 'best_of\(12\)' .* --worst-case-bias 0.03"):
        scored(adapter.best_of, rewards, n=12, worst_case_bias=0.03)


def test_the_worst_of_more_than_a_group_is_told_and_scored_as_the_best_of_negated_rewards() -> None:
    rewards = np.random.default_rng(4).normal(size=8)
    with pytest.warns(UserWarning, match=r"groups of 8, from which worst_of\(12\) is not exact: .* within 0.05"):
        got = scored(adapter.worst_of, rewards, n=12).numpy()
    np.testing.assert_array_equal(got, graded.worst_of(12, 8).advantages(rewards))
    np.testing.assert_array_equal(scored(adapter.worst_of, rewards, n=12, worst_case_bias=0.05).numpy(), got)
    np.testing.assert_array_equal(scored(adapter.best_of, -rewards, n=12, worst_case_bias=0.05).numpy(), -got)


def test_a_group_without_a_table_is_told_how_to_get_one() -> None:
    with pytest.warns(UserWarning, match=r"their advantages are 0: .*polyest solve --target 'best_of\(9\)' .* -k 8"):
        got = scored(adapter.best_of, np.arange(17.0), ["u"] * 9 + ["v"] * 8, n=9)
    assert got[8] == 9  # 9 · (8 − 7)
    assert not got[9:].any()


def test_no_group_large_enough_is_an_error() -> None:
    with pytest.raises(ArgumentError, match=r"`group_size` must be at least 6 for best_of\(6\); got 5.*a smaller n"):
        scored(adapter.best_of, R, n=6)
    with pytest.raises(ArgumentError, match=r"`group_size` must be at least 2"):
        scored(adapter.best_of, R, list("abcde"), n=1)


def test_padding_is_no_group_and_a_rejected_completion_is_one_of_its_group() -> None:
    """A rejected completion of reward 0 looks like verl's padding, but for its group; it counts all the same."""
    mask = torch.tensor([[1, 1], [0, 0], [1, 0], [0, 0]])
    rewards = torch.tensor([[0.0, 3.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    algorithm = omegaconf.OmegaConf.create({"polyest": {"n": 2}})
    got, _ = adapter.best_of(rewards, mask, index=np.array([*"uuu", "pad"], dtype=object), config=algorithm)
    A = graded.best_of(2, 3).advantages([3, 0, 1])
    np.testing.assert_array_equal(got.numpy(), [[A[0], A[0]], [0, 0], [A[2], 0], [0, 0]])


@pytest.mark.parametrize("name", ["best_of", "worst_of", "median_of", "success_rate"])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_rewards_without_a_rank_are_refused(name: str, wrong: float) -> None:
    options = {"objective": "variance"} if name == "success_rate" else {"n": 1}
    with pytest.raises(ArgumentError, match=rf"`token_level_rewards` must be finite, got {wrong} in 1 of 3"):
        scored(getattr(adapter, name), [1.0, wrong, 0.0], **options)


@pytest.mark.parametrize("name", ["best_of", "success_rate"])
def test_scores_that_carry_answers_are_refused(name: str) -> None:
    options = {"objective": "variance"} if name == "success_rate" else {"n": 2}
    with pytest.raises(ArgumentError, match=r"`token_level_rewards` must be rewards alone.*as `correctness`"):
        scored(getattr(adapter, name), [encode(1, "a"), encode(0, "b")], **options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, r"`algorithm.polyest.n` must say of how many draws, got none; add \+algorithm.polyest.n=4"),
        ({"n": 0}, "`algorithm.polyest.n` must be at least 1, got 0"),
        ({"n": 2.5}, "`algorithm.polyest.n` must be a whole number, got 2.5"),
        ({"n": True}, "`algorithm.polyest.n` must be a whole number, got True"),
        ({"n": "4"}, "`algorithm.polyest.n` must be a whole number"),
        ({"n": 4, "target": "log"}, "`algorithm.polyest.target` must be one of n, worst_case_bias"),
        ({"n": 6, "worst_case_bias": 0}, "`worst_case_bias` must be a positive decimal"),
    ],
)
def test_bad_options_of_best_of_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        scored(adapter.best_of, R, **options)


def test_the_middle_has_no_tables_for_small_groups() -> None:
    with pytest.raises(ArgumentError, match=r"`algorithm.polyest.worst_case_bias` must be one of n$"):
        scored(adapter.median_of, R, n=7, worst_case_bias=0.05)


def test_the_middle_of_an_even_number_is_refused() -> None:
    with pytest.raises(ArgumentError, match="`n` must be odd"):
        scored(adapter.median_of, R, n=2)


@pytest.mark.parametrize("path", ["use_kl_in_reward", "filter_groups.enable"])
def test_kl_in_the_reward_and_filtered_groups_are_refused(path: str) -> None:
    algorithm = omegaconf.OmegaConf.create({"polyest": {"n": 1}})
    omegaconf.OmegaConf.update(algorithm, path, True)
    mask, uids = torch.ones(2, 1), np.array(["u", "u"], dtype=object)
    with pytest.raises(ArgumentError, match=f"`algorithm.{path}` must be False"):
        adapter.best_of(torch.ones(2, 1), mask, index=uids, config=algorithm)
    with pytest.raises(ArgumentError, match=r"`algorithm.polyest` must be a section.*add \+algorithm.polyest.n=4"):
        adapter.best_of(torch.ones(2, 1), mask, index=uids, config={})


def test_verls_trainer_passes_what_best_of_needs() -> None:
    for module in ("cachetools", "fastapi", "uvicorn"):  # which verl imports there and does not install
        pytest.importorskip(module)
    compute_advantage = loaded("trainer.ppo.ray_trainer").compute_advantage
    algorithm = omegaconf.OmegaConf.create({"adv_estimator": "polyest_best_of", "polyest": {"n": 3}})
    data = verl.DataProto.from_dict(
        {"token_level_rewards": torch.tensor(R)[:, None], "response_mask": torch.ones(5, 1, dtype=torch.int64)},
        {"uid": np.array(["u"] * 5, dtype=object)},
    )
    got = compute_advantage(data, algorithm.adv_estimator, config=algorithm).batch["advantages"]
    assert got[:, 0].tolist() == [-11 / 8, -7 / 8, -11 / 8, 85 / 8, 1 / 2]


HITS = [1, 0, 0, 1, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("objective", "made"),
    [
        ("pass_at(2)", lambda K: success.pass_at(2, K)),
        (" majority_at( 3 ) ", lambda K: success.majority_at(3, K)),
        ("truncated_log(3)", lambda K: success.truncated_log(3, K)),
        ("variance", success.variance),
        ("power(-0.5)", lambda K: success.power(-0.5, K)),
        ("power(-1/2)", lambda K: success.power(-0.5, K)),
    ],
)
def test_success_rates_are_those_of_polyest_success(objective: str, made: Any) -> None:
    got = scored(adapter.success_rate, np.array(HITS, np.float64), list("uuuvvvvv"), objective=objective)
    expected = [*made(3).advantages(HITS[:3]), *made(5).advantages(HITS[3:])]
    np.testing.assert_array_equal(got.numpy(), expected)


def test_best_of_n_of_verdicts_is_pass_at_n() -> None:
    got = scored(adapter.best_of, np.array(HITS, np.float64), n=4)
    assert torch.equal(got, scored(adapter.success_rate, np.array(HITS, np.float64), objective="pass_at(4)"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "`algorithm.polyest.objective` must be pass_at"),
        ({"objective": 3}, "`algorithm.polyest.objective` must be pass_at.*got 3"),
        ({"objective": "pas_at(2)"}, "`algorithm.polyest.objective` must be .*did you mean 'pass_at'"),
        ({"objective": "pass_at"}, "`algorithm.polyest.objective` must be pass_at"),
        ({"objective": "variance(2)"}, "`algorithm.polyest.objective` must be pass_at"),
        ({"objective": "pass_at(x)"}, "`algorithm.polyest.objective` must have a whole number.*got x"),
        ({"objective": "pass_at(9)"}, "`group_size` must be at least 9"),
        ({"objective": "pass_at(2)", "groups": 64}, "`algorithm.polyest.groups` must be left out for pass_at"),
        ({"objective": "power(-2)"}, "power"),
        ({"objective": "power(2)"}, "`a` must be between −1 and 0"),
        ({"objective": "power(-0.5)", "n": 4}, "`algorithm.polyest.n` must be one of objective"),
    ],
)
def test_bad_objectives_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        scored(adapter.success_rate, HITS, **options)


@pytest.mark.parametrize("wrong", [-1.0, 0.5, 2.0, 1e-9])
def test_verdicts_are_0_or_1(wrong: float) -> None:
    with pytest.raises(ArgumentError, match=r"`token_level_rewards` must sum to 0 or 1.*in 1 of 3.*polyest_best_of"):
        scored(adapter.success_rate, [0.0, 1.0, wrong], objective="variance")


def test_powers_without_a_table_name_the_command() -> None:
    with pytest.raises(TableNotFoundError, match=r"polyest solve --target 'power\(-0.5\)'"):
        scored(adapter.success_rate, HITS, objective="power(-0.5)", bias_budget=9.87)

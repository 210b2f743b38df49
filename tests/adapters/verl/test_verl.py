"""verl: how polyest is found, what its advantages do to verl's own loss, and what is refused."""

from __future__ import annotations

import itertools
import math
import runpy
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from verl_support import ALGORITHM, OPTIONS, adapter, advantages, loaded, omegaconf, token_rewards, torch, verl

import polyest
from polyest.adapters.verl.code import encode
from polyest.errors import ArgumentError, MissingDependencyError, TableNotFoundError


def config(**options: Any) -> Any:
    """verl's algorithm section with what the command line adds."""
    from hydra import compose, initialize_config_module

    with initialize_config_module("verl.trainer.config", version_base=None):
        overrides = [f"+algorithm.polyest.{name}={value}" for name, value in (OPTIONS | options).items()]
        return compose("ppo_trainer", [*overrides, "algorithm.adv_estimator=polyest"]).algorithm


FOUND = "from verl.trainer.ppo.core_algos import get_adv_estimator_fn as f; print(f('polyest').__module__)"


@pytest.mark.parametrize(
    "environment",
    [
        {"VERL_USE_EXTERNAL_PLUGINS": "polyest"},
        {"VERL_USE_EXTERNAL_PLUGINS": "none", "VERL_USE_EXTERNAL_MODULES": "polyest.adapters.verl"},
    ],
    ids=["entry point", "module"],
)
def test_verl_finds_the_estimator_by_itself(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    run = subprocess.run([sys.executable, "-c", FOUND], capture_output=True, text=True, check=True)
    assert run.stdout.split()[-1] == "polyest.adapters.verl"


# A policy of two tokens: response 0 is "a"; 1 and 2 are "b" and then "a" or "b". Responses 0 and 2 have the answer "x".
RESPONSES, READ = ["a", "ba", "bb"], ["x", "y", "x"]
CORRECT = [1.0, 0.0, 0.5]


def log_probs(theta: Any) -> Any:
    """Of each response's tokens, shape (3, 2); 0 behind the end."""
    first, second = torch.log_softmax(theta[:2], 0), torch.log_softmax(theta[2:], 0)
    zero = torch.zeros((), dtype=theta.dtype)
    rows = [[first[0], zero], [first[1], second[0]], [first[1], second[1]]]
    return torch.stack([torch.stack(row) for row in rows])


def objective(theta: Any, group_size: int, options: dict[str, Any]) -> Any:
    """E[R]·reward_weight + sign·weight·Φ_Q, Φ_Q = Σ_z ∫_0^ν(z) Q: the integral of each Bernstein polynomial is the sum
    of those of one degree more, over K."""
    p = log_probs(theta).sum(dim=1).exp()
    nu = [p[0] + p[2], p[1]]
    table = polyest.load(options["target"], group_size, options["method"]).coefficients
    K = group_size
    binomial = [[math.comb(K, j) * x**j * (1 - x) ** (K - j) for j in range(K + 1)] for x in nu]
    phi = sum(c * sum(terms[m + 1 :]) / K for terms in binomial for m, c in enumerate(table.tolist()))
    return (
        options.get("reward_weight", 1.0) * (p * torch.tensor(CORRECT)).sum()
        + options["sign"] * options["weight"] * phi
    )


@pytest.mark.parametrize(
    ("group_size", "options"),
    [
        (2, OPTIONS),
        (3, OPTIONS),
        (4, OPTIONS | {"method": "aqp", "sign": 1, "weight": 2.0, "reward_weight": 0.0}),
        (4, OPTIONS | {"target": "power(2)", "method": "exact", "reward_weight": -3.0}),
    ],
)
def test_the_update_through_verls_loss_is_the_gradient_of_the_surrogate(group_size: int, options: dict) -> None:
    """All groups of K responses, each weighted by its probability (float32 rewards are exact, advantages are not)."""
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
    from verl.workers.config import ActorConfig

    actor = ActorConfig(strategy="fsdp", rollout_n=group_size, ppo_micro_batch_size_per_gpu=1, use_dynamic_bsz=True)
    loss_fn, estimator = get_policy_loss_fn("vanilla"), get_adv_estimator_fn("polyest")
    theta = torch.tensor([0.3, -0.4, 0.9, 0.1], dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[1, 0], [1, 1], [1, 1]])
    total = torch.zeros(())
    for group in itertools.product(range(3), repeat=group_size):
        drawn, rows = list(group), log_probs(theta)[list(group)]
        rewards = token_rewards([encode(CORRECT[y], READ[y]) for y in drawn], mask[drawn])
        index = np.array(["uid"] * group_size, dtype=object)
        algorithm = omegaconf.OmegaConf.create({"polyest": options})
        A, returns = estimator(token_level_rewards=rewards, response_mask=mask[drawn], index=index, config=algorithm)
        assert torch.equal(A, returns)
        assert torch.equal(A != 0, (A != 0) & (mask[drawn] != 0))
        loss, _ = loss_fn(rows.detach(), rows, A, mask[drawn], "seq-mean-token-sum", actor)
        total = total + rows.sum().exp().detach() * loss
    (update,) = torch.autograd.grad(-total, theta)
    (expected,) = torch.autograd.grad(objective(theta, group_size, options), theta)
    torch.testing.assert_close(update, expected, rtol=1e-6, atol=1e-6)


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


def test_kl_in_the_reward_and_filtered_groups_are_refused() -> None:
    for path in ("use_kl_in_reward", "filter_groups.enable"):
        algorithm = config()
        omegaconf.OmegaConf.update(algorithm, path, True)
        with pytest.raises(ArgumentError, match=f"`algorithm.{path}` must be False.*got True; "):
            advantages(["a", "b"], ["u", "u"], [0.0, 1.0], algorithm)


@pytest.mark.parametrize("section", ["reward", "reward_model"])
def test_the_overlong_buffer_of_dapo_is_refused_before_anything_is_added(section: str) -> None:
    from hydra import compose, initialize_config_module

    name = f"{section}.reward_kwargs.overlong_buffer_cfg"
    with initialize_config_module("verl.trainer.config", version_base=None):
        given = [f"+algorithm.polyest.{name}={value}" for name, value in OPTIONS.items()]
        overlong = [f"+{name}.enable=True", f"+{name}.len=4096", f"+{name}.penalty_factor=1.0"]
        whole = compose("ppo_trainer", [*given, *overlong, "algorithm.adv_estimator=polyest"])
    with pytest.raises(ArgumentError, match=rf"`{name}.enable` must be False, as the penalty.*got True; switch it off"):
        advantages(["a", "b"], ["u", "u"], [0.0, 1.0], whole.algorithm)
    omegaconf.OmegaConf.update(whole, f"{name}.enable", False)
    assert advantages(["a", "b"], ["u", "u"], [0.0, 1.0], whole.algorithm).isfinite().all()


def test_verls_dataclass_serves_too() -> None:
    from verl.trainer.config import AlgoConfig

    with pytest.raises(
        ArgumentError, match=r"`algorithm.polyest` must be a section.*got None; add \+algorithm.polyest"
    ):
        advantages(["a", "b"], ["u", "u"], [0.0, 1.0], AlgoConfig())
    algorithm = AlgoConfig()
    algorithm.polyest = OPTIONS
    assert torch.equal(advantages(["a", "b"], ["u"] * 2, [0, 1], algorithm), advantages(["a", "b"], ["u"] * 2, [0, 1]))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sign": 0}, "`algorithm.polyest.sign` must be -1"),
        ({"weight": 0}, "`algorithm.polyest.weight` must be positive"),
        ({"weight": "much"}, "`algorithm.polyest.weight` must be positive.*'much'"),
        ({"reward_weight": "much"}, "`algorithm.polyest.reward_weight` must be a finite number, got 'much'"),
        ({"no_answer_reward": float("inf")}, "`algorithm.polyest.no_answer_reward` must be a finite number"),
        ({"wieght": 1}, "`algorithm.polyest.wieght` must be one of .*did you mean 'weight'"),
        ({"target": "logg"}, "did you mean 'log'"),
        ({"bias_budget": 4, "groups": 3, "method": "aqp"}, "budget"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], told: str) -> None:
    algorithm = omegaconf.OmegaConf.create({"polyest": OPTIONS | options})
    with pytest.raises(ArgumentError, match=told):
        advantages(["a", "b"], ["u", "u"], [0.0, 1.0], algorithm)


def test_bad_calls_are_refused() -> None:
    mask, scores = torch.ones(2, 2, dtype=torch.int64), [encode(0, "a"), encode(1, "b")]
    rewards = token_rewards(scores, mask)
    uids = np.array(["u", "u"], dtype=object)
    for change, told in [
        ({"config": None}, "`config` must be verl's algorithm configuration"),
        ({"index": None}, "`index` must hold the uid of each completion, got None"),
        ({"index": uids[:1]}, "got 1 for 2 completions"),
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

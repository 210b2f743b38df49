"""Prompts that come back in verl: pools through verl's own `compute_advantage`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from verl_support import adapter, config, loaded, omegaconf, token_rewards, torch, verl

import polyest
from polyest.adapters.code import encode
from polyest.adapters.verl import Options, prompts
from polyest.adapters.verl.returning import history_of
from polyest.errors import ArgumentError
from polyest.history import TrainingHistory


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    history_of.cache_clear()


def of_batch(answers: list[Any], groups: list[str], rewards: list[float], keys: list[Any], algorithm: Any) -> Any:
    """The advantages that verl's trainer computes."""
    for module in ("cachetools", "fastapi", "uvicorn"):  # which verl imports there and does not install
        pytest.importorskip(module)
    mask = torch.ones(len(answers), 1, dtype=torch.int64)
    scores = token_rewards([encode(r, a) for r, a in zip(rewards, answers, strict=True)], mask)
    tensors = {"token_level_rewards": scores.double(), "response_mask": mask}
    data = verl.DataProto.from_dict(tensors, {"uid": np.array(groups, dtype=object)})
    with prompts(keys):
        done = loaded("trainer.ppo.ray_trainer").compute_advantage(data, algorithm.adv_estimator, config=algorithm)
    return done.batch["advantages"][:, 0].numpy()


def test_new_completions_are_paid_as_members_of_their_prompts_pools() -> None:
    """Groups of other sizes and uids at every visit, two of one prompt in a batch, completions without an answer."""
    algorithm, history = config(visits=2), TrainingHistory("log", "harmonic", visits=2)
    for turn, (p, q) in enumerate([("abba", "aab"), ("a", "ccab"), ("abcab", "bb")]):
        answers = [*p, *q, *"ab"]
        groups = [f"{name}{turn}" for name in [*"u" * len(p), *"v" * len(q), "w", "w"]]
        keys = [*["p"] * len(p), *[[{"role": "user", "content": "q"}]] * len(q), "p", "p"]
        rewards = [0.125 * (i % 5) for i in range(len(answers))]
        found = of_batch(answers, groups, rewards, keys, algorithm)
        named = [key if isinstance(key, str) else "messages" for key in keys]
        expected = -0.5 * history.score(named, answers).advantages
        for i, group in enumerate(groups):
            others = [rewards[j] for j, other in enumerate(groups) if other == group and j != i]
            expected[i] += rewards[i] - (sum(others) / len(others) if others else 0)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_products_remember_their_factors() -> None:
    algorithm = config(visits=2, combine="multiply", target='"power(-0.5)"', method="aqp", offset=0.25)
    rng, table = np.random.default_rng(0), polyest.load("power(-0.5)", 8)
    visits = [([*"abab"], [1.0, 0.5, 0.0, 1.0]), ([*"aacb"], rng.integers(0, 3, 4) / 2)]
    for answers, rewards in visits:
        found = of_batch(answers, ["u"] * 4, [*rewards], ["p"] * 4, algorithm)
    pool, w = [*visits[0][0], *visits[1][0]], np.array([*visits[0][1], *visits[1][1]])
    expected = -0.5 * table.advantages([pool], weights=[w])[0] + 0.25 * (8 * w - w.sum()) / 7
    np.testing.assert_allclose(found, expected[4:], rtol=1e-6)


def test_the_expected_update_of_a_policy_that_stands_still_is_that_of_the_pools_table() -> None:
    """Every group of two after every group of two, of three answers; the score function of a softmax policy."""
    nu, pairs = np.array([0.6, 0.3, 0.1]), [*itertools.product(range(3), repeat=4)]
    algorithm, keys = config(visits=2), [i for i in range(len(pairs)) for _ in range(2)]
    for half in (slice(0, 2), slice(2, 4)):
        answers = [answer for pair in pairs for answer in pair[half]]
        found = of_batch(answers, [str(key) for key in keys], [0.0] * len(keys), keys, algorithm)
    weights = np.array([nu[list(pair)].prod() for pair in pairs])
    scores = np.eye(3)[[pair[2:] for pair in pairs]] - nu
    update = np.einsum("g,gk,gka->a", weights, found.reshape(-1, 2), scores) / 2
    Q = [float(polyest.polynomials.bernstein.mean(polyest.load("log", 4, "harmonic").coefficients, [p])[0]) for p in nu]
    np.testing.assert_allclose(update, -0.5 * ((nu * Q) - nu * (nu @ Q)), atol=1e-7)
    assert np.abs(update).max() > 0.01


def test_without_prompts_the_error_says_how_to_name_them() -> None:
    algorithm = omegaconf.OmegaConf.create({"polyest": {"visits": 2, "method": "harmonic"}})
    mask = torch.ones(2, 1, dtype=torch.int64)
    scores = token_rewards([encode(1.0, "a")] * 2, mask)
    with pytest.raises(
        ArgumentError, match=r"`algorithm\.polyest\.visits` needs to know the prompts.*ReturningPrompts"
    ):
        adapter.advantages(scores, mask, index=["u", "u"], config=algorithm)
    with prompts(["p"]), pytest.raises(ArgumentError, match="the prompt of each of the 2 completions, got 1"):
        adapter.advantages(scores, mask, index=["u", "u"], config=algorithm)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"visits": 0}, "`algorithm.polyest.visits`"),
        ({"drift": 0.1}, "`algorithm.polyest.visits` must be 2 or more"),
        ({"visits": 2, "forgetting": 0}, "`algorithm.polyest.forgetting` must be positive"),
    ],
)
def test_settings_of_pooling_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Options(**options)

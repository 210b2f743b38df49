"""The update that verl's own loss makes on average, by enumeration of every group, is the gradient of the objective."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from verl_support import omegaconf, torch, verl  # noqa: F401

import polyest
from polyest.adapters.code import encode

# A policy of two tokens: responses are "a", "b" and then "a" or "b", and "c"; the answers of the first and third agree.
ANSWERS = ["x", "y", "x", None]
MASK = [[1, 0], [1, 1], [1, 1], [1, 0]]
THETA = [0.3, -0.4, 0.2, 0.9, 0.1]


def log_probs(theta: Any) -> Any:
    """Of each response's tokens, shape (4, 2); 0 behind the end."""
    first, second = torch.log_softmax(theta[:3], 0), torch.log_softmax(theta[3:], 0)
    zero = torch.zeros((), dtype=theta.dtype)
    rows = [[first[0], zero], [first[1], second[0]], [first[1], second[1]], [first[2], zero]]
    return torch.stack([torch.stack(row) for row in rows])


def expected_update(
    name: str, K: int, scores: Sequence[float], options: dict[str, Any], dtype: Any = torch.float64
) -> Any:
    """−∇ Σ_groups P(group) · loss(group): all groups in one batch, weighted as verl weights rollouts of another policy.

    verl's rewards are float32, which carries them exactly but not the advantages.
    """
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
    from verl.workers.config import ActorConfig

    actor = ActorConfig(strategy="fsdp", rollout_n=K, ppo_micro_batch_size_per_gpu=1, use_dynamic_bsz=True)
    loss_fn = get_policy_loss_fn("vanilla")
    theta = torch.tensor(THETA, dtype=torch.float64, requires_grad=True)
    groups = torch.tensor(list(itertools.product(range(4), repeat=K)))
    drawn, mask = groups.ravel(), torch.tensor(MASK)
    rewards = torch.zeros(len(drawn), 2, dtype=dtype)
    rewards[torch.arange(len(drawn)), mask[drawn].sum(dim=1) - 1] = torch.tensor(scores, dtype=dtype)[drawn]
    A, returns = get_adv_estimator_fn(name)(
        token_level_rewards=rewards,
        response_mask=mask[drawn],
        index=np.array([f"uid{i // K}" for i in range(len(drawn))], dtype=object),
        config=omegaconf.OmegaConf.create({"polyest": options, "norm_adv_by_std_in_grpo": True}),
    )
    assert torch.equal(A, returns)
    assert A.dtype == dtype
    assert not A[mask[drawn] == 0].any()
    rows = log_probs(theta)[drawn]
    chances = rows.detach().reshape(len(groups), -1).sum(dim=1).exp().repeat_interleave(K)[:, None]
    # the loss is a mean over the completions of all groups
    weights = len(groups) * chances.expand(len(drawn), 2)
    loss, _ = loss_fn(rows.detach(), rows, A, mask[drawn], "seq-mean-token-sum", actor, weights)
    return torch.autograd.grad(-loss, theta)[0]


def gradient(objective: Callable[[Any], Any]) -> Any:
    """Of an objective of the responses' probabilities."""
    theta = torch.tensor(THETA, dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(objective(log_probs(theta).sum(dim=1).exp()), theta)[0]


def close(update: Any, expected: Any) -> None:
    torch.testing.assert_close(update, expected, rtol=1e-11, atol=1e-12)
    assert expected.abs().max() > 1e-3


def bernstein(c: Sequence[float], p: Any) -> Any:
    """Q_c(p) = Σ_m c_m B_{m,K−1}(p)."""
    last = len(c) - 1
    return sum(x * math.comb(last, m) * p**m * (1 - p) ** (last - m) for m, x in enumerate(c))


TIED, UNTIED, BINARY = [0.5, 2.0, 0.5, -1.0], [0.25, 2.0, -1.0, 0.5], [1.0, 0.0, 1.0, 0.0]
WITHIN = [1.0, 0.5, 0.25, 0.125]  # weights that differ between completions of one answer, "x"


def of_answers(K: int, rewards: list[float], options: dict[str, Any]) -> Any:
    """The gradient of Σ_y π(y)·pay(y) with pay held fixed: reward_weight·R(y) + weight·sign·Q_c(p), or the product.

    A completion without an answer is paid a constant in place of Q_c(p); p counts what `count` says.
    """
    given = {"sign": -1, "weight": 1.0, "reward_weight": 1.0, "offset": 0.0, "count": "all"} | options
    c = polyest.load(given["target"], K, given.get("method")).coefficients.tolist()
    scale, offset, R = given["sign"] * given["weight"], given["offset"], [given["reward_weight"] * r for r in rewards]
    least = given.get("no_answer_reward", offset + min(scale * x for x in c))

    def objective(p: Any) -> Any:
        def pay(y: int) -> float:
            same = [j for j in range(4) if ANSWERS[j] == ANSWERS[y] and (given["count"] == "all" or R[j] > 0)]
            own = least if ANSWERS[y] is None else offset + scale * bernstein(c, sum(p[j].item() for j in same))
            return R[y] * own if given.get("combine") == "multiply" else R[y] + own

        return sum(p[y] * pay(y) for y in range(4))

    return gradient(objective)


def codes(rewards: Sequence[float]) -> list[float]:
    return [encode(reward, answer) for reward, answer in zip(rewards, ANSWERS, strict=True)]


@pytest.mark.parametrize(
    ("K", "options"),
    [
        (2, {"target": "log", "method": "harmonic", "sign": -1}),
        (3, {"target": "log", "weight": 2.0, "reward_weight": 0.0}),
        (4, {"target": "power(2)", "sign": 1, "reward_weight": -3.0, "no_answer_reward": -1.0}),
        (5, {"target": "power(-0.5)", "weight": 0.5, "reward_weight": 2.0}),
    ],
)
def test_added_rewards(K: int, options: dict[str, Any]) -> None:
    expected = of_answers(K, WITHIN, options)
    close(expected_update("polyest", K, codes(WITHIN), options), expected)
    update = expected_update("polyest", K, codes(WITHIN), options, torch.float32)
    torch.testing.assert_close(update, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("K", "rewards", "options"),
    [
        (2, BINARY, {"target": "log"}),
        (3, WITHIN, {"target": "log", "method": "harmonic", "weight": 0.5, "offset": 0.25}),
        (4, WITHIN, {"target": "power(-0.5)"}),
        (5, BINARY, {"target": "power(-0.5)", "reward_weight": 3.0}),
        (4, WITHIN, {"target": "power(2)", "sign": 1, "weight": 2.0, "reward_weight": 0.5}),
        (4, [1.0, 0.0, 0.0, 1.0], {"target": "log", "count": "correct", "offset": 1.0}),
        (3, [1.0, 0.5, 0.0, 1.0], {"target": "power(-0.5)", "count": "correct", "no_answer_reward": 3.0}),
        (3, WITHIN, {"target": "power(2)", "sign": -1, "offset": 1.0}),
    ],
)
def test_multiplied_rewards(K: int, rewards: list[float], options: dict[str, Any]) -> None:
    """Weights that differ between completions of one answer are exact, too (theory.md §9)."""
    product = options | {"combine": "multiply"}
    close(expected_update("polyest", K, codes(rewards), product), of_answers(K, rewards, product))


def chosen(n: int, rewards: Sequence[float], place: int) -> Callable[[Any], Any]:
    """E[the reward of rank `place` among n draws], by enumeration of the draws."""
    return lambda p: sum(
        math.prod(p[y] for y in draws) * sorted(rewards[y] for y in draws)[place]
        for draws in itertools.product(range(4), repeat=n)
    )


@pytest.mark.parametrize("rewards", [TIED, UNTIED, BINARY], ids=["tied", "untied", "binary"])
@pytest.mark.parametrize(
    ("name", "n", "K", "place"),
    [
        ("best_of", 1, 2, 0),
        ("best_of", 2, 3, 1),
        ("best_of", 4, 4, 3),
        ("best_of", 3, 5, 2),
        ("worst_of", 2, 4, 0),
        ("median_of", 3, 4, 1),
    ],
)
def test_l_statistics(name: str, n: int, K: int, place: int, rewards: list[float]) -> None:
    close(expected_update(f"polyest_{name}", K, rewards, {"n": n}), gradient(chosen(n, rewards, place)))


@pytest.mark.parametrize(
    ("objective", "K", "g"),
    [
        ("pass_at(2)", 3, lambda s: 1 - (1 - s) ** 2),
        ("pass_at(4)", 4, lambda s: 1 - (1 - s) ** 4),
        ("majority_at(3)", 5, lambda s: 3 * s**2 - 2 * s**3),
        ("truncated_log(4)", 4, lambda s: -sum((1 - s) ** j / j for j in range(1, 5))),
        ("variance", 3, lambda s: s * (1 - s)),
    ],
)
def test_success_rates(objective: str, K: int, g: Callable[[Any], Any]) -> None:
    update = expected_update("polyest_success", K, BINARY, {"objective": objective})
    close(update, gradient(lambda p: g(p[0] + p[2])))


@pytest.mark.parametrize("K", [2, 3, 5])
def test_powers_of_the_success_rate(K: int) -> None:
    """The gradient of g_Q with g_Q' = Q_c, c the table for s^(−½), which is that of the target with the other sign."""
    c = (-polyest.load("power(-0.5)", K).coefficients).tolist()
    update = expected_update("polyest_success", K, BINARY, {"objective": "power(-0.5)"})
    close(update, gradient(lambda p: bernstein(c, (p[0] + p[2]).item()) * (p[0] + p[2])))


def test_verls_own_estimator_fails_where_these_do_not() -> None:
    """GRPO's advantages of the same rewards are no multiple of the gradient of E[R], let alone of best of 2."""
    update = expected_update("grpo", 3, UNTIED, {})
    for truth in (gradient(chosen(1, UNTIED, 0)), gradient(chosen(2, UNTIED, 1))):
        cosine = torch.nn.functional.cosine_similarity(update, truth, dim=0)
        assert cosine < 0.999

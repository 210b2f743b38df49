"""What takes the benchmark's distance to the optimum apart: parts that add up, and pools without lag."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("trl")

from scipy.stats import binom

import polyest
from benchmarks.training import decomposition, metrics, returns, task
from benchmarks.training.arms import arm_named, table
from benchmarks.training.diagnosis import mean_reward
from benchmarks.training.policy import answer_probabilities, build_policy, build_tokenizer
from benchmarks.training.settings import Settings


def test_the_parts_of_the_gap_are_the_chain_rule_of_the_divergence() -> None:
    prompt, rng = task.PROMPTS[5], np.random.default_rng(0)
    star, right = task.game(prompt).equilibrium(), metrics.right_answers(prompt)
    nu = rng.dirichlet(np.full(len(star), 0.5))
    found = metrics.score(prompt, nu)
    a, b = nu[right].sum(), star[right].sum()
    mass = task.WEIGHT * (a * np.log(a / b) + (1 - a) * np.log((1 - a) / (1 - b)))
    assert found["gap"] - found["among_right"] - found["among_wrong"] == pytest.approx(mass, rel=1e-6)
    scaled = np.where(right, star / b * a, star / (1 - b) * (1 - a))  # spread as at the optimum
    assert metrics.score(prompt, scaled)["among_right"] == pytest.approx(0, abs=1e-12)
    assert metrics.score(prompt, scaled)["among_wrong"] == pytest.approx(0, abs=1e-12)


def test_a_pool_without_lag_pays_the_mean_of_the_pooled_table() -> None:
    """On average over the other 24 and the 7 beside it; within 5 standard errors."""
    policy, tokenizer = build_policy(0, width=8, layers=1), build_tokenizer()
    nu = answer_probabilities(policy, tokenizer(list(task.PROMPTS), return_tensors="pt").input_ids)
    pay = decomposition.counted_afresh(8, 4)(policy, tokenizer)
    rng, answer = np.random.default_rng(1), 30
    said = rng.choice(len(nu[0]), size=(2000, 8), p=nu[0] / nu[0].sum())
    said[:, 0] = answer
    paid = np.array(pay([task.PROMPTS[0]] * said.size, [task.ANSWERS[z] for z in said.ravel()])).reshape(said.shape)
    twin = polyest.load("log", 32, baseline="leave_one_out_mean").coefficients
    mean = -task.WEIGHT * (binom.pmf(np.arange(32), 31, nu[0][answer]) @ twin)
    assert abs(paid[:, 0].mean() - mean) < 5 * paid[:, 0].std() / np.sqrt(len(paid))


def test_the_mean_reward_is_that_of_the_arm() -> None:
    p = np.array([0.02, 0.3])
    expected = binom.pmf(np.arange(32), 31, p[:, None]) @ polyest.load("log", 32, "aqp").coefficients
    np.testing.assert_allclose(mean_reward(p, arm="aqp_4_visits", group_size=8), expected, rtol=1e-10)


def test_a_policy_that_shares_nothing_moves_only_where_it_is_updated() -> None:
    setting = returns.Setting(30, 2.0, updates=1, shared=False)
    policy = returns.Policy(setting)
    policy.step(np.array([3]), np.ones((1, len(task.ANSWERS))) * np.arange(len(task.ANSWERS)))
    moved = np.ptp(policy.probabilities(), axis=1) > 0
    assert np.flatnonzero(moved).tolist() == [3]


def test_every_source_of_error_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    few = [("as in the benchmark", arm_named(decomposition.ARM)), ("noise", decomposition.arms()[1][1])]
    monkeypatch.setattr(decomposition, "arms", lambda: few)
    lines = [*decomposition.in_trainer(1, Settings(steps=2, evaluate_every=1, width=8, layers=1))]
    assert [line[0] for line in lines[1:]] == ["as in the benchmark", "noise"]
    assert lines[0][2:] == ["0.0083", "0.0082", "0.0001", "0.0000", "33.0"]  # the floor: no mass for wrong answers
    assert lines[1][2:] != lines[2][2:]
    text = decomposition.written(decomposition.simulated([("aqp, 4 visits", 3), ("oracle", 3)]))
    assert text.count("3 steps") == 2
    assert callable(table("aqp", 4, bias_budget=8))

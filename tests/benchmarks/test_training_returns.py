"""Prompts that return rarely: the benchmark's policy and its distance to the optimum are what they are said to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.training import returns, task


def test_the_game_is_that_of_the_training_benchmark() -> None:
    setting = returns.Setting(15, step=1.0)
    assert setting.places.tolist() == [*task.NUMBERS]
    expected = [[task.credit(prompt, answer) for answer in task.ANSWERS] for prompt in task.PROMPTS]
    np.testing.assert_allclose(setting.credits, expected, atol=1e-12)


def test_the_gap_is_the_objective_that_is_missed() -> None:
    setting = returns.Setting(15, step=1.0)
    policy, game = returns.Policy(setting), task.game(task.PROMPTS[3])
    policy.own[:] = np.random.default_rng(0).normal(size=policy.own.shape)
    nu, best = policy.probabilities(), game.objective(game.equilibrium())
    one = returns.gap(policy, setting.credits)
    policy.own[:] = setting.credits / task.WEIGHT
    assert returns.gap(policy, setting.credits) == pytest.approx(0, abs=1e-12)
    missed = [task.game(prompt).objective(p) for prompt, p in zip(task.PROMPTS, nu, strict=True)]
    bests = [task.game(prompt).objective(task.game(prompt).equilibrium()) for prompt in task.PROMPTS]
    assert one == pytest.approx(np.mean(bests) - np.mean(missed), rel=1e-6)
    assert best == pytest.approx(bests[3])


def test_every_prompt_is_updated_as_often_however_rarely_it_returns() -> None:
    for prompts in returns.RETURNS.values():
        setting = returns.Setting(prompts, step=1.0, updates=3)
        batches = setting.batches(np.random.default_rng(0))
        assert batches.shape == (3 * prompts // returns.AT_ONCE, returns.AT_ONCE)
        assert set(np.bincount(batches.ravel())) == {3}


def test_the_command_writes_a_line_for_every_arm(tmp_path: Path) -> None:
    assert returns.main(["--step", "2", "--seeds", "1", "--updates", "2", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "returns_step_2.md").read_text(encoding="utf-8")
    assert [text.count(f"| {arm} |") for arm in returns.ARMS] == [2] * len(returns.ARMS)

"""The training benchmark runs end to end on very little, resumes, and its exact numbers are exact."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("trl")
pytest.importorskip("matplotlib")

import torch
from scipy.stats import binom, chi2

import polyest
from benchmarks.training import __main__ as command
from benchmarks.training import arms, diagnosis, metrics, prediction, run, task
from benchmarks.training.policy import answer_probabilities, build_policy, build_tokenizer
from benchmarks.training.settings import ARMS, Run, Settings, all_runs
from benchmarks.training.statistics import Results, closed, interval

TINY = Settings(steps=2, evaluate_every=1, width=8, layers=1)


def sharp_policy(seed: int = 0) -> Any:
    """A fresh policy is nearly uniform; this one is not."""
    policy = build_policy(seed, width=16, layers=1)
    with torch.no_grad():
        policy.lm_head.weight.mul_(60)
    return policy.double()


def spelled_probability(next_token: Callable[[tuple[int, ...]], list[float]], prompt: str, answer: str) -> float:
    """Token by token."""
    tokens, probability = tuple(build_tokenizer()(prompt).input_ids), 1.0
    for token in [*(build_tokenizer()(answer).input_ids if answer else []), 0][: task.LONGEST]:
        probability *= next_token(tokens)[token]
        tokens = (*tokens, token)
    return probability


@torch.no_grad()
def test_enumeration_equals_brute_force() -> None:
    policy, prompts = sharp_policy(), task.PROMPTS[:2]
    exact = answer_probabilities(policy, build_tokenizer()(list(prompts), return_tensors="pt").input_ids)

    @cache  # many answers begin alike
    def next_token(tokens: tuple[int, ...]) -> list[float]:
        return policy(torch.tensor([tokens])).logits[0, -1].softmax(-1).tolist()

    slow = [[spelled_probability(next_token, prompt, answer) for answer in task.ANSWERS] for prompt in prompts]
    np.testing.assert_allclose(exact, slow, rtol=1e-9)
    np.testing.assert_allclose(exact.sum(1), 1, rtol=1e-12)
    assert exact.max() > 10 / len(task.ANSWERS)


def test_the_trainer_samples_what_is_enumerated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pearson's test over all prompts, answers expected at least five times; false alarm 1e-6 (seeded)."""
    said: dict[str, list[str]] = {prompt: [] for prompt in task.PROMPTS}
    policy = sharp_policy().float()

    def listen(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        for prompt, completion in zip(prompts, completions, strict=True):
            said[prompt].append(completion)
        return [0.0] * len(prompts)

    monkeypatch.setattr(arms, "correctness", listen)
    monkeypatch.setattr(run, "build_policy", lambda *_: policy)
    run.train(Run("plug_in", 40, 0, Settings(steps=10, evaluate_every=10, learning_rate=0.0)))
    exact = answer_probabilities(policy, build_tokenizer()(list(task.PROMPTS), return_tensors="pt").input_ids)
    statistic = freedom = 0.0
    for nu, answers in zip(exact, said.values(), strict=True):
        counts = np.array([answers.count(answer) for answer in task.ANSWERS])
        frequent = 400 * nu >= 5
        seen = np.append(counts[frequent], counts[~frequent].sum())
        expected = 400 * np.append(nu[frequent], nu[~frequent].sum())
        statistic += float(((seen - expected) ** 2 / expected).sum())
        freedom += len(seen) - 1
    assert len(said) * 400 == sum(map(len, said.values()))
    assert statistic < chi2.isf(1e-6, freedom)


def test_the_gap_is_the_divergence_from_the_optimum() -> None:
    """F* − F(ν) = τ·KL(ν‖ν*), ν* ∝ exp(R/τ) (theory.md §8)."""
    rng = np.random.default_rng(0)
    for prompt in task.PROMPTS[::7]:
        star = np.exp([task.credit(prompt, answer) / task.WEIGHT for answer in task.ANSWERS])
        star /= star.sum()
        nu = rng.dirichlet(np.full(len(task.ANSWERS), 0.3))
        divergence = sum(p * math.log(p / q) for p, q in zip(nu, star, strict=True) if p > 0)
        assert metrics.score(prompt, nu)["gap"] == pytest.approx(task.WEIGHT * divergence, rel=1e-9)
        best = metrics.score(prompt, star)
        assert (best["alive"], round(best["gap"], 12)) == (2 * task.REACH + 1, 0)


@pytest.mark.parametrize(
    ("line", "arm"),
    [
        ("plug_in, centred only", "plug_in"),
        ("harmonic, centring-proof", "harmonic"),
        ("aqp, centring-proof", "aqp"),
        ("aqp, exact advantages", "aqp_exact"),
        ("aqp, 4 visits", "aqp_4_visits"),
        ("harmonic, 16 visits", "harmonic_16_visits"),
    ],
)
def test_the_docstring_states_the_predictions(line: str, arm: str) -> None:
    expected = [prediction.predicted(arm, K) for K in (4, 8, 16)]
    words = [word for metrics in expected for word in (f"{metrics['gap']:.3f}", f"({metrics['alive']:.0f})")]
    stated = next(text for text in str(command.__doc__).splitlines() if text.strip().startswith(line))
    assert stated.removeprefix(f"    {line}").split() == words


def test_every_arm_trains_and_a_finished_run_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = all_runs(TINY, (8,), seeds=2)
    command.train_all(runs[:-1], tmp_path / "runs", jobs=1)
    before = {path.name: path.read_bytes() for path in (tmp_path / "runs").iterdir()}
    assert len(before) == len(runs) - 1
    again: list[Run] = []
    original = run.train
    monkeypatch.setattr(run, "train", lambda wanted: again.append(wanted) or original(wanted))
    command.train_all(runs, tmp_path / "runs", jobs=1)
    assert again == [runs[-1]]
    assert all((tmp_path / "runs" / name).read_bytes() == content for name, content in before.items())
    starts = [json.loads(r.path(tmp_path / "runs").read_text())["evaluations"] for r in runs if r.seed == 0]
    assert {tuple(start["step"]) for start in starts} == {(0, 1, 2)}
    assert len({start["gap"][0] for start in starts}) == 1  # paired: all arms start with the same weights
    assert len({start["gap"][2] for start in starts}) == len(ARMS)
    command.write(runs, tmp_path)
    assert (tmp_path / "gap.png").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert all(f"| {title} |" in printed for title in ARMS.values())
    assert (tmp_path / "README.md").read_text() == printed.removesuffix("\n")


def test_other_settings_are_another_run(tmp_path: Path) -> None:
    done = Run("plug_in", 8, 0, TINY)
    run.run_once(done, tmp_path)
    assert run.finished(done, tmp_path)
    assert not run.finished(Run("plug_in", 8, 0, Settings(steps=3, evaluate_every=1, width=8, layers=1)), tmp_path)


def test_the_diagnosis_takes_one_source_of_error_away_at_a_time() -> None:
    tiny = Run("aqp", 16, 0, TINY)
    start = run.train(tiny)["evaluations"]["gap"][0]
    ways = (diagnosis.sampled, diagnosis.without_noise, diagnosis.without_sampling)
    assert len({way(tiny)[0] for way in ways}) == 3
    gap, _ = diagnosis.without_sampling(Run("aqp", 16, 0, Settings(steps=100, width=16, layers=1)))
    assert float(gap) < start / 2
    p = np.linspace(0, 1, 5)
    twin = polyest.load("log", 16).leave_one_out_coefficients
    np.testing.assert_allclose(diagnosis.mean_reward(p), binom.pmf(np.arange(15), 14, p[:, None]) @ twin, rtol=1e-12)


def test_intervals_and_shares() -> None:
    # t quantile 0.975 with 4 degrees of freedom: 2.7764 (any table); sd of 1..5 is sqrt(2.5)
    five = interval([1, 2, 3, 4, 5])
    assert (five.mean, round(five.half, 4)) == (3, round(2.7764 * math.sqrt(2.5) / math.sqrt(5), 4))
    gaps = {"plug_in": (0.5, 0.6), "aqp": (0.2, 0.3), "oracle": (0.1, 0.1)}
    results = Results(
        {"run": {"arm": arm, "group_size": 8, "seed": seed}, "evaluations": {"gap": [9.0, gap]}}
        for arm, pair in gaps.items()
        for seed, gap in enumerate(pair)
    )
    assert closed(results, "aqp", 8, "plug_in").mean == pytest.approx((0.75 + 0.6) / 2)

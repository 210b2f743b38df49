"""Why aqp at K = 16 ends further from the optimum than predicted: `python -m benchmarks.training.diagnosis`.

The same training with one source of error taken away at a time: no sampling at all (the exact expected updates), no
noise in the reward (completions are sampled, and each is paid the exact −τ·Q(p), Q the mean of aqp's table), or four
times the steps. Takes about 10 minutes; writes results/diagnosis.md.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from collections.abc import Callable
from math import comb
from pathlib import Path
from typing import Any

import torch

from benchmarks.training.arms import Arm, paid_exactly
from benchmarks.training.metrics import assess
from benchmarks.training.policy import answer_distribution, build_policy, build_tokenizer
from benchmarks.training.prediction import effective_table, predicted
from benchmarks.training.report import markdown
from benchmarks.training.run import train
from benchmarks.training.settings import Run, Settings
from benchmarks.training.task import ANSWERS, PROMPTS, WEIGHT, credit

ARM, GROUP_SIZE = "aqp", 16
HEAD = ["aqp, K = 16", "seed", "steps", "F* − F", "right answers alive"]


def main() -> None:
    lines = [HEAD, ["---"] * len(HEAD)]
    for what, reached, seed, settings in runs():
        lines.append([what, str(seed), str(settings.steps), *reached(Run(ARM, GROUP_SIZE, seed, settings))])
        print(lines[-1])
    equilibrium = predicted(ARM, GROUP_SIZE)
    lines.append(["predicted", "", "", *shown(equilibrium or {})])
    intro = f"{(__doc__ or '').partition(chr(10))[0]}\n\n"
    (Path(__file__).parent / "results" / "diagnosis.md").write_text(intro + markdown(lines), encoding="utf-8")


def runs() -> list[tuple[str, Callable[[Run], list[str]], int, Settings]]:
    """What is run, how, and with which seed and settings."""
    usual, long = Settings(evaluate_every=200), Settings(steps=4 * Settings.steps, evaluate_every=200)
    return [
        *(("expected updates, nothing sampled", without_sampling, seed, usual) for seed in (0, 1)),
        *(("completions sampled, reward without noise", without_noise, seed, usual) for seed in (0, 1)),
        ("as in the benchmark", sampled, 0, usual),
        ("as in the benchmark", sampled, 0, long),
    ]


def mean_reward(p: Any, arm: str = ARM, group_size: int = GROUP_SIZE) -> Any:
    """Q(p) = Σ_m c_m B_{m,n}(p) of the table whose game the arm plays."""
    c = effective_table(arm, group_size)
    n = len(c) - 1
    return sum(float(c[m]) * comb(n, m) * p**m * (1 - p) ** (n - m) for m in range(n + 1))


def sampled(run: Run) -> list[str]:
    return last(train(run))


def without_noise(run: Run) -> list[str]:
    return last(train(run, Arm(paid_exactly(mean_reward))))


def without_sampling(run: Run) -> list[str]:
    """Adam with the same learning rates on the exact gradient of E[R] − τ·Φ_Q."""
    torch.set_num_threads(1)
    prompts = build_tokenizer()(list(PROMPTS), return_tensors="pt").input_ids
    credits = torch.tensor([[credit(prompt, answer) for answer in ANSWERS] for prompt in PROMPTS])
    policy = build_policy(run.seed, run.settings.width, run.settings.layers)
    adam = torch.optim.Adam(policy.parameters(), lr=run.settings.learning_rate)
    decay = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.0, run.settings.steps)
    for _ in range(run.settings.steps):
        nu = answer_distribution(policy, prompts)
        loss = -(nu * (credits - WEIGHT * mean_reward(nu.detach()))).sum(1).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        decay.step()
    return shown(assess(answer_distribution(policy, prompts).detach().numpy()))


def last(result: dict[str, Any]) -> list[str]:
    return shown({name: values[-1] for name, values in result["evaluations"].items()})


def shown(metrics: dict[str, float]) -> list[str]:
    return [f"{metrics['gap']:.4f}", f"{metrics['alive']:.1f}"]


if __name__ == "__main__":
    main()

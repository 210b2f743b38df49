"""Prompts that return every step, and prompts that return rarely: `python -m benchmarks.training.returns`.

The game of `task.py` (a number near N, 133 answers, τ = 0.2, K = 8) for a policy whose parameters the prompts share, in
a plain loop with `polyest.history.TrainingHistory`. Logits are W·f(N) + b_N: f are 61 bumps over N, so that a prompt's
neighbours move it, and b_N is its own. Exact advantages, plain gradient steps on 15 prompts each, the step falling
linearly from `STEP` to 0, 400 updates for every prompt; F* − F is exact, the mean over prompts.

- *every step*: 15 prompts, all of them in every step; 400 steps.
- *rarely*: 300 prompts, 15 in every step, in a new random order each time round; 8,000 steps, so that between two
  visits of a prompt the policy makes 20 updates on 300 other completions' prompts on average.

**Expected**, written down before the first run. Every step: the equilibria of `prediction.py`, 0.050 (aqp) and 0.008
(pooled), and the noise of sampling on top: pooled arms close 90 % to 94 % of the gap between plug_in and oracle, aqp
from a single visit 60 to 70 %. Rarely: the pooled counts are of an older policy, 3 visits or 60 updates ago at most
with 4 visits, 300 updates with 16. Steps fall to 0, so that the policy stands ever stiller, and pooling loses little at
the end: aqp with 4 visits at least 85 %, harmonic with 16 visits less than with prompts that return every step, by 5
points or more.

Takes about seven minutes on one core; writes results/returns.md.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.training.report import markdown
from benchmarks.training.statistics import interval
from benchmarks.training.task import ANSWERS, COST, LONGEST, REACH, WEIGHT
from polyest.history import TrainingHistory

__all__ = ["ARMS", "Setting", "train"]

Array = NDArray[np.float64]

ARMS = {
    "plug_in": ("plug_in", 1),
    "aqp": ("aqp", 1),
    "aqp, 4 visits": ("aqp", 4),
    "harmonic, 16 visits": ("harmonic", 16),
    "oracle": None,
}
GROUP_SIZE, AT_ONCE, UPDATES, SEEDS, STEP = 8, 15, 400, 2, 8.0
CENTRES = np.arange(20, 81)
WIDTH = 1.5
NUMBERS = np.array([int(text) if len(text) == LONGEST and text.isdecimal() else -1000 for text in ANSWERS])


@dataclass(frozen=True)
class Setting:
    """How many prompts there are, and how often each is updated."""

    prompts: int
    updates: int = UPDATES

    @property
    def credits(self) -> Array:
        """R of every answer, shape (prompts, answers)."""
        distance = np.abs(NUMBERS - self.places[:, None])
        return np.where(distance <= REACH, 1 - COST * distance, 0.0)

    @property
    def places(self) -> Array:
        """N, evenly between 20 and 76."""
        return np.linspace(20, 76, self.prompts)

    def batches(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """The prompts of each step, shape (steps, `AT_ONCE`)."""
        return np.concatenate([rng.permutation(self.prompts) for _ in range(self.updates)]).reshape(-1, AT_ONCE)


SETTINGS = {"every step": Setting(AT_ONCE), "rarely": Setting(20 * AT_ONCE)}


class Policy:
    """Logits W·f(N) + b_N."""

    def __init__(self, setting: Setting) -> None:
        self.bumps = np.exp(-(((setting.places[:, None] - CENTRES) / WIDTH) ** 2) / 2)
        self.shared = np.zeros((len(CENTRES), len(ANSWERS)))
        self.own = np.zeros((setting.prompts, len(ANSWERS)))

    def probabilities(self, prompts: NDArray[np.int64] | slice = slice(None)) -> Array:
        logits = self.bumps[prompts] @ self.shared + self.own[prompts]
        nu: Array = np.exp(logits - logits.max(axis=1, keepdims=True))
        return nu / nu.sum(axis=1, keepdims=True)

    def step(self, prompts: NDArray[np.int64], gradient: Array) -> None:
        self.shared += self.bumps[prompts].T @ gradient
        self.own[prompts] += gradient


def train(arm: str, setting: Setting, seed: int) -> tuple[float, float]:
    """F* − F at the end, and the mean squared drift between visits over the last tenth (NaN without pools)."""
    rng, policy, credits, table = np.random.default_rng(seed), Policy(setting), setting.credits, ARMS[arm]
    history = None if table is None else TrainingHistory("log", table[0], visits=table[1])
    batches, drifts = setting.batches(rng), []
    for turn, prompts in enumerate(batches):
        nu = policy.probabilities(prompts)
        draws = rng.random((AT_ONCE, GROUP_SIZE, 1))
        answers = np.minimum((draws > nu.cumsum(axis=1)[:, None]).sum(axis=2), len(ANSWERS) - 1)
        R = np.take_along_axis(credits[prompts], answers, axis=1)
        advantages = R - (R.sum(axis=1, keepdims=True) - R) / (GROUP_SIZE - 1)
        if history is None:
            surprise = -np.log(np.take_along_axis(nu, answers, axis=1))
            advantages += WEIGHT * (surprise - (surprise.sum(axis=1, keepdims=True) - surprise) / (GROUP_SIZE - 1))
        else:
            scored = history.score(prompts, answers)
            advantages -= WEIGHT * scored.advantages
            if turn >= 0.9 * len(batches):
                drifts.append(scored.movement.squared_drift)
        weights = np.zeros(nu.shape)
        np.add.at(weights, (np.arange(AT_ONCE)[:, None], answers), advantages / GROUP_SIZE)
        policy.step(prompts, STEP * (1 - turn / len(batches)) * (weights - nu * weights.sum(axis=1, keepdims=True)))
    return gap(policy, credits), float(np.mean(drifts)) if drifts else float("nan")


def gap(policy: Policy, credits: Array) -> float:
    """F* − F = τ·KL(ν‖ν*), ν* ∝ exp(R/τ), the mean over prompts (theory.md §8)."""
    nu = policy.probabilities()
    star = np.exp(credits / WEIGHT)
    star /= star.sum(axis=1, keepdims=True)
    return float(WEIGHT * np.sum(nu * np.log(np.maximum(nu, 1e-300) / star), axis=1).mean())


def main() -> None:
    work = [(name, arm, seed) for name in SETTINGS for arm in ARMS for seed in range(SEEDS)]
    found = {cell: train(cell[1], SETTINGS[cell[0]], cell[2]) for cell in tqdm(work, file=sys.stderr)}
    lines = [["prompts return", "arm", "F* − F", "gap closed", "squared drift between visits"], ["---"] * 5]
    for name in SETTINGS:
        plug_in, oracle = (
            np.array([found[name, arm, seed][0] for seed in range(SEEDS)]) for arm in ("plug_in", "oracle")
        )
        for arm in ARMS:
            gaps, drifts = np.array([found[name, arm, seed] for seed in range(SEEDS)]).T
            closed = interval((plug_in - gaps) / (plug_in - oracle)).text(1, 100, " %")
            shown = f"{drifts.mean():.4f}" if np.isfinite(drifts).all() else ""
            lines.append([name, arm, interval(gaps).text(4), closed, shown])
    text = f"{(__doc__ or '').partition(chr(10))[0]}\n\n{markdown(lines)}"
    (Path(__file__).parent / "results" / "returns.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

"""Prompts that return every step, and prompts that return rarely: `python -m benchmarks.training.returns`.

The game of `task.py` (a number near N, 133 answers, τ = 0.2, K = 8) for a policy whose parameters the prompts share, in
a plain loop with `polyest.history.TrainingHistory`. Logits are W·f(N) + b_N: f are 61 bumps over N, so that a prompt's
neighbours move it, and b_N is its own. Exact advantages, plain gradient steps on 15 prompts each, the step falling
linearly from ``--step`` to 0, 400 updates for every prompt; F* − F is exact, the mean over prompts.

- *every step*: 15 prompts, all of them in every step; 400 steps.
- *rarely*: 300 prompts, 15 in every step, in a new random order each time round; 8,000 steps, so that between two
  visits of a prompt the policy makes 20 updates on 300 other completions' prompts on average.

**Expected**, written down before the first run. Every step: the equilibria of `prediction.py`, 0.050 (aqp) and 0.008
(pooled), and the noise of sampling on top: pooled arms close 90 % to 94 % of the gap between plug_in and oracle, aqp
from a single visit 60 to 70 %. Rarely: the pooled counts are of an older policy, 3 visits or 60 updates ago at most
with 4 visits, 300 updates with 16. Steps fall to 0, so that the policy stands ever stiller, and pooling loses little at
the end: aqp with 4 visits at least 85 %, harmonic with 16 visits less than with prompts that return every step, by 5
points or more.

**What came out** with steps from 8, five seeds: every step 90 ± 2 % (aqp, 4 visits) as expected at the least, 80 ± 10 %
(harmonic, 16) and 53 ± 8 % (one visit), less. Rarely: 3 ± 46 % and worse than plug_in. Counts that lag behind a policy
that is moved by 20 neighbours between two visits drive it in circles: an answer is paid as rare until the visits in
which it was have left the pool. The squared drift of the last tenth does not show it, as the policy has collapsed by
then. Hence a second prediction, written down before it was run: with steps from 2, of which 20 move a prompt as far as
5 of the others, every arm ends closer, and aqp with 4 visits closes at least 85 % of the gap with prompts that return
rarely. So it came, but for plug_in and for the oracle with prompts that return every step, which end no closer:
94.0 ± 0.6 % and, with harmonic over 16 visits, 95.2 ± 0.5 %, against 73 ± 2 % with one visit; 97.0 ± 0.6 % and
98.2 ± 0.4 % with prompts that return every step (95 % intervals).

Takes one to three minutes on one core for each seed; writes results/returns_step_<step>.md.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
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

__all__ = ["ARMS", "Setting", "train", "trained"]

Array = NDArray[np.float64]
Found = dict[tuple[str, str, int], tuple[float, float]]

ARMS = {
    "plug_in": ("plug_in", 1),
    "aqp": ("aqp", 1),
    "aqp, 4 visits": ("aqp", 4),
    "harmonic, 16 visits": ("harmonic", 16),
    "oracle": None,
}
GROUP_SIZE, AT_ONCE, UPDATES = 8, 15, 400
CENTRES = np.arange(20, 81)
WIDTH = 1.5
NUMBERS = np.array([int(text) if len(text) == LONGEST and text.isdecimal() else -1000 for text in ANSWERS])


@dataclass(frozen=True)
class Setting:
    """How many prompts there are, how often each is updated, the first step, and whether prompts share parameters."""

    prompts: int
    step: float
    updates: int = UPDATES
    shared: bool = True

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


RETURNS = {"every step": AT_ONCE, "rarely": 20 * AT_ONCE}  # how often prompts return, and how many there are then


class Policy:
    """Logits W·f(N) + b_N; without the first where nothing is shared."""

    def __init__(self, setting: Setting) -> None:
        self.bumps = setting.shared * np.exp(-(((setting.places[:, None] - CENTRES) / WIDTH) ** 2) / 2)
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
    policy, drift = trained(arm, setting, seed)
    return gap(policy, setting.credits), drift


def trained(arm: str, setting: Setting, seed: int) -> tuple[Policy, float]:
    """The policy at the end, and that drift."""
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
        policy.step(
            prompts, setting.step * (1 - turn / len(batches)) * (weights - nu * weights.sum(axis=1, keepdims=True))
        )
    return policy, float(np.mean(drifts)) if drifts else float("nan")


def gap(policy: Policy, credits: Array) -> float:
    """F* − F = τ·KL(ν‖ν*), ν* ∝ exp(R/τ), the mean over prompts (theory.md §8)."""
    nu = policy.probabilities()
    star = np.exp(credits / WEIGHT)
    star /= star.sum(axis=1, keepdims=True)
    return float(WEIGHT * np.sum(nu * np.log(np.maximum(nu, 1e-300) / star), axis=1).mean())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="See the module's docstring.")
    parser.add_argument("--step", type=float, default=8.0, help="of the first update")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--updates", type=int, default=UPDATES, help="of every prompt")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the results")
    chosen = parser.parse_args(arguments)
    seeds = range(chosen.seeds)
    settings = {name: Setting(prompts, chosen.step, chosen.updates) for name, prompts in RETURNS.items()}
    work = tqdm([(name, arm, seed) for name in settings for arm in ARMS for seed in seeds], file=sys.stderr)
    found = {(name, arm, seed): train(arm, settings[name], seed) for name, arm, seed in work}
    lines = [["prompts return", "arm", "F* − F", "gap closed", "squared drift between visits"], ["---"] * 5]
    lines += [line(found, name, arm, seeds) for name in settings for arm in ARMS]
    text = f"{(__doc__ or '').partition(chr(10))[0]}\n\nFirst step {chosen.step:g}.\n\n{markdown(lines)}"
    (chosen.out / f"returns_step_{chosen.step:g}.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def line(found: Found, name: str, arm: str, seeds: range) -> list[str]:
    """What an arm reached."""
    gaps, drifts = np.array([found[name, arm, seed] for seed in seeds]).T
    plug_in, oracle = (np.array([found[name, end, seed][0] for seed in seeds]) for end in ("plug_in", "oracle"))
    closed = interval((plug_in - gaps) / (plug_in - oracle)).text(1, 100, " %")
    return [name, arm, interval(gaps).text(4), closed, f"{drifts.mean():.4f}" if np.isfinite(drifts).all() else ""]


if __name__ == "__main__":
    raise SystemExit(main())

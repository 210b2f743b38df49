"""Train a small transformer on a task with many right answers and log its rollouts with exact probabilities.

The task is "name two numbers that add up to N". A prompt is a wording and N; a completion is two number tokens, so all
64 * 64 completions of a prompt can be enumerated and the probability of every answer, the unordered pair, is known to
rounding. The training text comes from a writer with a Zipf-like taste in numbers, indulged more under one wording than
under the other. A quarter of the prompts are held out of the training, and training stops before the arithmetic is
perfect: the wrong answers are the model's own.

Writes, in --out:

- rollouts.jsonl: one line per completion, 64 independent ones for each of 200 prompts, drawn token by token;
- probabilities.jsonl: one line per prompt: the entropy in nats of the answer distribution, the number of answers with
  positive probability, and the probability of every answer that was drawn, to 12 significant digits.

Takes about a minute and a quarter on one core. The committed files were made with torch 2.13.0 on a CPU. Other versions
and machines round differently and end up with slightly different weights; hence the files are committed, not remade.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm, trange

NUMBERS = 64  # tokens 0..63 are the numbers, 64..67 the wordings
TASTES = (0.4, 0.7, 1.0, 1.3)  # Zipf exponent of the writer's taste, by wording
PROMPTS_PER_WORDING = 50
HELD_OUT = 0.25
COMPLETIONS = 64
BATCH = 512
FALSE_ALARM = 1e-6


class Policy(nn.Module):
    """A causal transformer over (wording, N, first number) with logits over the numbers."""

    def __init__(self, width: int = 64, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        self.tokens = nn.Embedding(NUMBERS + len(TASTES), width)
        self.positions = nn.Parameter(0.02 * torch.randn(3, width))
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, NUMBERS)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (batch, length, NUMBERS) of the token after each of `tokens` (batch, length)."""
        length = tokens.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length, dtype=self.positions.dtype)
        return self.head(self.body(self.tokens(tokens) + self.positions[:length], mask=mask))


@dataclass(frozen=True)
class Prompts:
    """Prompts in the order of their ids, by wording and then by N."""

    tokens: Tensor  # (count, 2): wording and N
    first_number: Tensor  # (count, NUMBERS): its distribution in the training text
    seen: Tensor  # (count,): whether training shows the prompt

    def ids(self) -> list[str]:
        return [f"sum-{total:03d}/{wording - NUMBERS}" for wording, total in self.tokens.tolist()]


def make_prompts(rng: np.random.Generator) -> Prompts:
    totals = np.sort(rng.choice(np.arange(5, NUMBERS), PROMPTS_PER_WORDING, replace=False))
    ranks = 1 + rng.permutation(NUMBERS)
    tokens = np.array([(NUMBERS + wording, total) for wording in range(len(TASTES)) for total in totals])
    first_number = np.stack([first_numbers(ranks ** -TASTES[w - NUMBERS], total) for w, total in tokens])
    seen = hold_out(rng)
    return Prompts(torch.from_numpy(tokens), torch.from_numpy(first_number), torch.from_numpy(seen))


def hold_out(rng: np.random.Generator) -> np.ndarray:
    """Which prompts to train on: all but HELD_OUT of them, every total under at least one wording."""
    seen = np.ones((len(TASTES), PROMPTS_PER_WORDING), bool)
    hidden = rng.choice(PROMPTS_PER_WORDING, round(HELD_OUT * seen.size), replace=False)
    seen[rng.integers(len(TASTES), size=len(hidden)), hidden] = False
    return seen.ravel()


def first_numbers(taste: np.ndarray, total: int) -> np.ndarray:
    """The writer picks a pair that adds up to `total` in proportion to the product of the two tastes."""
    weights = np.zeros(NUMBERS)
    weights[: total + 1] = taste[: total + 1] * taste[total::-1]
    return weights / weights.sum()


def train(prompts: Prompts, steps: int) -> Policy:
    policy = Policy()
    optimizer = torch.optim.AdamW(policy.parameters(), lr=2e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=max(steps, 2), pct_start=0.1)
    tokens, first_number = prompts.tokens[prompts.seen], prompts.first_number[prompts.seen]
    bar = trange(steps, desc="training", mininterval=1)
    for step in bar:
        rows = torch.randint(len(tokens), (BATCH,))
        first = torch.multinomial(first_number[rows], 1)
        second = tokens[rows, 1:] - first
        logits = policy(torch.cat([tokens[rows], first], 1))[:, 1:]
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), torch.cat([first, second], 1).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}")
    return policy.double().eval()


@torch.no_grad()
def enumerate_answers(policy: Policy, prompt: Tensor) -> np.ndarray:
    """Probabilities (NUMBERS, NUMBERS) of the unordered pairs of one prompt, in the upper triangle."""
    tokens = torch.cat([prompt.expand(NUMBERS, 2), torch.arange(NUMBERS)[:, None]], 1)
    logits = policy(tokens)
    completions = (logits[0, 1].softmax(0)[:, None] * logits[:, 2].softmax(1)).numpy()
    return np.triu(completions) + np.tril(completions, -1).T


@torch.no_grad()
def draw_completions(policy: Policy, prompt: Tensor) -> np.ndarray:
    """COMPLETIONS independent completions (COMPLETIONS, 2) of one prompt, token by token."""
    tokens = prompt.expand(COMPLETIONS, 2)
    for _ in range(2):
        token = torch.multinomial(policy(tokens)[:, -1].softmax(-1), 1)
        tokens = torch.cat([tokens, token], 1)
    return tokens[:, 2:].numpy()


@dataclass(frozen=True)
class Rollouts:
    """Completions of one prompt, and the probability of every answer it may get."""

    prompt_id: str
    probabilities: dict[str, float]
    answers: list[str]
    correct: list[bool]

    def entropy(self) -> float:
        p = np.array(list(self.probabilities.values()))
        return float(-(p @ np.log(p)))

    def completion_records(self) -> Iterator[dict]:
        for answer, correct in zip(self.answers, self.correct, strict=True):
            yield {"prompt_id": self.prompt_id, "answer": answer, "correct": correct}

    def probability_record(self) -> dict:
        drawn = sorted(set(self.answers), key=self.probabilities.__getitem__, reverse=True)
        return {
            "prompt_id": self.prompt_id,
            "entropy": self.entropy(),
            "answers_in_all": len(self.probabilities),
            "probabilities": {answer: float(f"{self.probabilities[answer]:.12g}") for answer in drawn},
        }


def log_prompt(policy: Policy, prompt: Tensor, prompt_id: str) -> Rollouts:
    pairs = enumerate_answers(policy, prompt)
    answers = [f"{low}+{high}" for low, high in np.argwhere(pairs > 0).tolist()]
    completions = np.sort(draw_completions(policy, prompt), axis=1)
    return Rollouts(
        prompt_id=prompt_id,
        probabilities=dict(zip(answers, pairs[pairs > 0].tolist(), strict=True)),
        answers=[f"{low}+{high}" for low, high in completions.tolist()],
        correct=(completions.sum(1) == prompt[1].item()).tolist(),
    )


def check(rollouts: list[Rollouts]) -> None:
    """Raise unless probabilities sum to 1 and the frequencies fit them; a sound log fails with chance FALSE_ALARM."""
    for r in rollouts:
        total = math.fsum(r.probabilities.values())
        if abs(total - 1) > 1e-12:
            raise RuntimeError(f"probabilities of {r.prompt_id} must sum to 1 to 1e-12, but sum to {total!r}")
    score, limit = misfit(rollouts), NormalDist().inv_cdf(1 - FALSE_ALARM / 2)
    if abs(score) > limit:
        raise RuntimeError(f"misfit of frequencies to probabilities must be within {limit:.2f}, but is {score:.2f}")


def misfit(rollouts: list[Rollouts]) -> float:
    """Pearson's statistic of all prompts, standardised with its exact mean and variance: about a standard normal.

    The variance for n draws in B bins is 2(B-1) + (sum 1/p - B^2 - 2B + 2)/n (Haldane 1937, Biometrika 29:133).
    """
    excess = variance = 0.0
    for r in rollouts:
        counts, p = binned(r)
        bins, n = len(p), COMPLETIONS
        excess += float(((counts - n * p) ** 2 / (n * p)).sum()) - (bins - 1)
        variance += 2 * (bins - 1) + (float((1 / p).sum()) - bins**2 - 2 * bins + 2) / n
    return excess / math.sqrt(variance)


def binned(rollouts: Rollouts) -> tuple[np.ndarray, np.ndarray]:
    """Counts and probabilities of bins expected at least once, made of answers of similar probability."""
    drawn, enough = Counter(rollouts.answers), 1 / COMPLETIONS
    counts, masses = [0], [0.0]
    for answer, p in sorted(rollouts.probabilities.items(), key=itemgetter(1), reverse=True):
        if masses[-1] >= enough:
            counts.append(0)
            masses.append(0.0)
        counts[-1] += drawn[answer]
        masses[-1] += p
    if masses[-1] < enough and len(masses) > 1:
        counts[-2:], masses[-2:] = [sum(counts[-2:])], [sum(masses[-2:])]
    return np.array(counts), np.array(masses)


def write(path: Path, records: Iterable[dict]) -> None:
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="ascii", newline="\n") as file:
        file.writelines(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    os.replace(partial, path)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "rollouts", metavar="DIR")
    parser.add_argument("--steps", type=int, default=3000, help="training steps (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: %(default)s)")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    prompts = make_prompts(np.random.default_rng(arguments.seed))
    policy = train(prompts, arguments.steps)
    named = list(zip(prompts.tokens, prompts.ids(), strict=True))
    rollouts = [log_prompt(policy, prompt, prompt_id) for prompt, prompt_id in tqdm(named, desc="rollouts")]
    check(rollouts)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write(arguments.out / "rollouts.jsonl", (record for r in rollouts for record in r.completion_records()))
    write(arguments.out / "probabilities.jsonl", (r.probability_record() for r in rollouts))


if __name__ == "__main__":
    main()

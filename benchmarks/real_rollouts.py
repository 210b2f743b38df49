"""The exact bias of the estimated entropy on real answers: GPT-4 on the game of 24, 100 prompts with 100 answers each.

Each prompt's 100 answers are taken as the population, so the expectation over groups of 16 is a Bernstein polynomial
and nothing is sampled. Run: python -m benchmarks.real_rollouts [game24_gpt4_cot_k100.jsonl]
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import polyest
from benchmarks.bias import expected, read_answers

GAME24 = Path(__file__).parents[2] / "shared" / "data" / "game24_gpt4_cot_k100.jsonl"


def mean_bias(method: str, answers: dict[str, list[str]], group_size: int = 16) -> float:
    """Σ_z p_z (Q_c(p_z) − log p_z) with p the frequencies of a prompt's answers, averaged over the prompts."""
    estimator = polyest.load("log", group_size, method)
    biases = [expected(estimator, [n / len(given) for n in Counter(given).values()]) for given in answers.values()]
    return sum(biases) / len(biases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", nargs="?", type=Path, default=GAME24, help="rollouts in JSON lines")
    answers = read_answers(parser.parse_args().path)
    print("method    mean bias of the entropy in nats, groups of 16")
    for method in ("plug_in", "harmonic", "aqp"):
        print(f"{method:<8}  {-mean_bias(method, answers):+.4f}")


if __name__ == "__main__":
    main()

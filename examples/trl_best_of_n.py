"""TRL: a graded reward, trained for its mean and for the best of 4 completions."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import tiny
from trl import GRPOConfig, GRPOTrainer

from polyest import graded
from polyest.adapters.trl import ExactAdvantagesMixin, GradedReward

luck = random.Random(0)


def quality(completions: list[str], **columns: object) -> list[float]:
    """a is worth 0.6 for sure, b 1 in four of ten cases: 0.4 on average, 0.87 for the best of four."""
    return [{"a": 0.6, "b": float(luck.random() < 0.4)}.get(text, 0.0) for text in completions]


class Trainer(ExactAdvantagesMixin, GRPOTrainer):
    """Sets the exact advantages of the best of n; n may be as large as the group."""


def train(folder: str, reward: object) -> dict[str, float]:
    """The probability of each letter in the end."""
    args = GRPOConfig(folder, num_generations=8, scale_rewards="none", loss_type="dr_grpo", **tiny.SETTINGS)
    options = {"train_dataset": tiny.prompts(), "processing_class": tiny.tokenizer()}
    return tiny.trained(Trainer(tiny.model(), reward_funcs=[reward], args=args, **options))


def main() -> None:
    best = GradedReward(graded.best_of(4), quality)  # in place of `quality`
    with TemporaryDirectory() as folder:
        for name, reward in {"the mean": quality, "the best of 4": best}.items():
            shares = train(str(Path(folder, reward.__name__)), reward)
            print(f"trained for {name}: a, the safe one, {shares['a']:.2f}; b, the risky one, {shares['b']:.2f}")


if __name__ == "__main__":
    main()

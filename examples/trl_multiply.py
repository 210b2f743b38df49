"""TRL: the reward times a bonus for rare answers, reward/√p, as a plain reward function of GRPOTrainer."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import tiny
from trl import GRPOConfig, GRPOTrainer

from polyest.adapters.trl import AnswerReward

RIGHT = "abcdef"


def correct(completions: list[str], **columns: object) -> list[float]:
    """1 for a right letter: what depends on the answer alone can be multiplied without `ExactAdvantagesMixin`."""
    return [float(text != "" and text in RIGHT) for text in completions]


def train(folder: str, reward: object) -> dict[str, float]:
    """The probability of each letter in the end."""
    args = GRPOConfig(folder, num_generations=8, scale_rewards="none", loss_type="dr_grpo", **tiny.SETTINGS)
    options = {"train_dataset": tiny.prompts(), "processing_class": tiny.tokenizer()}
    return tiny.trained(GRPOTrainer(tiny.model(), reward_funcs=[reward], args=args, **options))


def main() -> None:
    rare = AnswerReward(lambda text: text or None, "power(-0.5)", combine="multiply", reward=correct)
    with TemporaryDirectory() as folder:
        for name, reward in {"correct": correct, "correct / sqrt(p)": rare}.items():  # in place of each other
            shares = train(str(Path(folder, reward.__name__)), reward)
            right = [shares[letter] for letter in RIGHT]
            entropy = -sum(p * math.log(p) for p in right if p > 0)
            print(f"{name}: right with probability {sum(right):.2f}, as good as {math.exp(entropy):.1f} answers")


if __name__ == "__main__":
    main()

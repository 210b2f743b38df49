"""TRL: correct answers, and diversity of the answers with exact advantages."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import tiny
from trl import GRPOConfig, GRPOTrainer

from polyest.adapters.trl import AnswerReward, ExactAdvantagesMixin

RIGHT = "abcdef"


def correct(completions: list[str], **columns: object) -> list[float]:
    """1 for a right letter."""
    return [float(text != "" and text in RIGHT) for text in completions]


def answer(text: str) -> str | None:
    """What is counted: a string, a number, a tuple …; None if there is none."""
    return text.strip() or None


class Trainer(ExactAdvantagesMixin, GRPOTrainer):
    """Sets the exact advantages of the answers, and leaves those of `correct` to TRL."""


def train(folder: str, reward_funcs: list[object]) -> dict[str, float]:
    """The probability of each letter in the end."""
    args = GRPOConfig(folder, num_generations=8, scale_rewards="none", loss_type="dr_grpo", **tiny.SETTINGS)
    options = {"train_dataset": tiny.prompts(), "processing_class": tiny.tokenizer()}
    return tiny.trained(Trainer(tiny.model(), reward_funcs=reward_funcs, args=args, **options))


def main() -> None:
    diversity = AnswerReward(answer, "log", weight=0.3)  # pays −0.3·log p̂
    with TemporaryDirectory() as folder:
        for name, rewards in {"correct": [correct], "correct and diverse": [correct, diversity]}.items():
            shares = train(str(Path(folder, name)), rewards)
            right = [shares[letter] for letter in RIGHT]
            entropy = -sum(p * math.log(p) for p in right if p > 0)
            print(f"{name}: right with probability {sum(right):.2f}, as good as {math.exp(entropy):.1f} answers")


if __name__ == "__main__":
    main()

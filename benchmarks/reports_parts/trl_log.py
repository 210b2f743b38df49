"""A log of TRL's: examples/trl_diversity.py trained on eight prompts, with and without the reward for diversity."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

from benchmarks.reports_parts.places import EXAMPLES

__all__ = ["write"]

PROMPTS = "abcdefgh"
LOGGED = {"log_completions": True, "logging_strategy": "steps", "logging_steps": 3, "max_steps": 90, "seed": 1}


def write(folder: Path) -> list[Path]:
    """Two runs, each a folder of parquet files as TRL's ``log_completions`` writes them."""
    sys.path.insert(0, str(EXAMPLES))
    import tiny
    import trl_diversity as example
    from datasets import Dataset
    from trl import GRPOConfig

    from polyest.adapters.trl import AnswerReward

    diversity = AnswerReward(example.answer, "log", weight=0.3)
    runs = {"correct": [example.correct], "diverse": [example.correct, diversity]}
    prompts = Dataset.from_list([{"prompt": f"{letter}?"} for letter in PROMPTS])
    for name, rewards in runs.items():
        settings = tiny.SETTINGS | LOGGED
        args = GRPOConfig(str(folder / name), num_generations=8, scale_rewards="none", loss_type="dr_grpo", **settings)
        options = {"train_dataset": prompts, "processing_class": tiny.tokenizer()}
        with redirect_stdout(io.StringIO()):  # completions are printed, too
            tiny.trained(example.Trainer(tiny.model(), reward_funcs=rewards, args=args, **options))
    return [folder / name for name in runs]

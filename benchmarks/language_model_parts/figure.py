"""The figure: different right answers among 64, over the training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.language_model_parts.arms import ARMS

__all__ = ["draw"]


def draw(results: Sequence[dict[str, Any]], path: Path) -> None:
    """A line for each arm, the mean over seeds, and a band over all of them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    pairs = {"distinct_of_64": "different right answers among 64", "pass_at_1": "right with probability"}
    for axes, (metric, label) in zip(figure.subplots(1, 2), pairs.items(), strict=True):
        for arm in ARMS:
            runs = [result["evaluations"] for result in results if result["arm"] == arm]
            if not runs:
                continue
            steps, lines = runs[0]["step"], np.array([run[metric] for run in runs])
            (line,) = axes.plot(steps, lines.mean(axis=0), label=f"{arm} (seeds: {len(runs)})")
            axes.fill_between(steps, lines.min(axis=0), lines.max(axis=0), alpha=0.15, color=line.get_color())
        axes.set(xlabel="step", ylabel=label)
    figure.axes[1].legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=150)

"""Distance to the optimum and right answers alive, over the training."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.training.prediction import predicted
from benchmarks.training.settings import ARMS
from benchmarks.training.statistics import Results

__all__ = ["draw"]

HUES = ("tab:brown", "tab:red", "tab:orange", "tab:cyan", "tab:blue", "tab:green", "tab:olive", "black")
COLOURS = dict(zip(ARMS, HUES, strict=True))
LABELS = {"gap": "distance to the optimum, F* − F", "alive": "right answers alive"}


def draw(results: Results, path: Path) -> None:
    """Write the figure: a column per K; lines are means, bands all seeds, dots the predicted equilibria."""
    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False})
    sizes = results.group_sizes()
    figure, axes = plt.subplots(
        len(LABELS), len(sizes), figsize=(4.2 * len(sizes), 6), sharex=True, sharey="row", squeeze=False
    )
    for row, metric in zip(axes, LABELS, strict=True):
        for axis, K in zip(row, sizes, strict=True):
            for arm in filter(partial(results.common, K), ARMS):
                curve(axis, results, arm, K, metric)
        row[0].set_ylabel(LABELS[metric])
    for axis, K in zip(axes[0], sizes, strict=True):
        axis.set(title=f"K = {K}", ylim=(0, 0.3))
    for axis in axes[-1]:
        axis.set_xlabel("training step")
    curves = {line.get_label(): line for axis in axes[0] for line in axis.get_lines()}
    drawn = [curves[label] for label in ARMS.values() if label in curves]  # an arm may not be there at every K
    axes[0][-1].legend(handles=drawn, loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    figure.savefig(path, dpi=100, bbox_inches="tight")
    plt.close(figure)


def curve(axis: Axes, results: Results, arm: str, group_size: int, metric: str) -> None:
    """One arm."""
    values = results.course(arm, group_size, metric)
    steps = results.seeds(arm, group_size)[0]["evaluations"]["step"]
    axis.fill_between(steps, values.min(0), values.max(0), color=COLOURS[arm], alpha=0.2, linewidth=0)
    axis.plot(steps, values.mean(0), color=COLOURS[arm], label=ARMS[arm])
    expected = predicted(arm, group_size)
    if expected is not None:
        axis.plot(steps[-1] * 1.03, expected[metric], "o", ms=4, color=COLOURS[arm], clip_on=False)

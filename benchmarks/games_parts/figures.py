"""The figures of the games' benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from benchmarks.games_parts.arms import ARMS, COLOURS
from benchmarks.games_parts.tables import average, grouped

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

__all__ = ["draw_all"]

SAMPLED_ARMS = ("oracle", "plug_in", "harmonic", "aqp", "aqp κ=2")  # the others are in the tables

Row = dict[str, Any]


def draw_all(results: dict[str, list[Row]], folder: Path) -> None:
    """Write every figure as a PNG file."""
    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False})
    gap_against_group_size(results["expected"], folder / "gap-against-k.png")
    against_samples(results["sampled"], "gap", folder / "gap-against-samples.png")
    against_samples(results["sampled"], "kept", folder / "kept-against-samples.png")
    best_budget(results["budget"], folder / "best-budget.png")
    pooling(results["bias"], results["training"], folder / "pooling.png")
    universal(results["universal"], folder / "universal.png")


def gap_against_group_size(rows: list[Row], path: Path) -> None:
    answers = [n for n in (20, 100, 1000) if any(row["n"] == n for row in rows)]
    figure, axes = plt.subplots(1, len(answers), figsize=(3.6 * len(answers), 3.4), sharey=True, squeeze=False)
    for axis, n in zip(axes[0], answers, strict=True):
        chosen = [row for row in rows if row["n"] == n and row["tau"] == 1 and row["arm"] != "oracle"]
        for (arm,), group in grouped(chosen, "arm").items():
            by_size = sorted((K, average(cells, "gap")) for (K,), cells in grouped(group, "K").items())
            axis.plot(*zip(*by_size, strict=True), "o-", ms=3, color=COLOURS[arm], label=arm)
        sizes = np.array(sorted({row["K"] for row in chosen}), dtype=float)
        top = max(row["gap"] for row in chosen if row["K"] == sizes[0])
        for power, style in ((1, ":"), (2, "--")):
            axis.plot(
                sizes,
                1.4 * top * (sizes / sizes[0]) ** -power,
                style,
                color="grey",
                label=f"slope 1/K{'²' * (power - 1)}",
            )
        axis.set(xscale="log", yscale="log", xlabel="group size K", title=f"{n} answers, τ = 1")
        axis.set_xticks(sizes, [f"{K:g}" for K in sizes], minor=False)
        axis.minorticks_off()
    axes[0][0].set_ylabel("gap of the reached equilibrium")
    axes[0][-1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    _save(figure, path)


def against_samples(rows: list[Row], key: str, path: Path) -> None:
    shown = [row for row in rows if row["tau"] == 1 and row["n"] in (40, 300) and row["K"] in (4, 16, 64)]
    panels = grouped([row for row in shown if row["arm"] in SAMPLED_ARMS], "n", "K")
    columns = len({K for _, K in panels})
    figure, axes = plt.subplots(
        len(panels) // columns, columns, figsize=(3.4 * columns, 5.6), squeeze=False, sharey="row"
    )
    for axis, ((n, K), panel) in zip(axes.flat, sorted(panels.items()), strict=True):
        for arm in ARMS:
            _band(axis, [row for row in panel if row["arm"] == arm], key, arm)
        axis.set(title=f"{n} answers, K = {K}", xlabel="thousand completions sampled")
        if key == "gap":
            axis.set_ylim(bottom=0)
    for line in axes:
        line[0].set_ylabel("gap F(ν*) − F(ν)" if key == "gap" else "answers with > 1 % of their mass at ν*")
    handles = {label: line for axis in axes.flat for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    axes[0][-1].legend(handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1, 1))
    _save(figure, path)


def _band(axis: Axes, rows: list[Row], key: str, arm: str) -> None:
    if not rows:
        return
    by_samples = sorted(grouped(rows, "samples").items())
    x = [samples / 1000 for (samples,), _ in by_samples]
    values = np.array([[row[key] for row in cells] for _, cells in by_samples])
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9], axis=1)
    axis.fill_between(x, low, high, color=COLOURS[arm], alpha=0.2, linewidth=0)
    axis.plot(x, middle, color=COLOURS[arm], label=arm)
    if key == "gap" and arm != "oracle":
        axis.axhline(rows[0]["limit"], color=COLOURS[arm], linestyle=":", linewidth=0.9)


def best_budget(rows: list[Row], path: Path) -> None:
    figure, axis = plt.subplots(figsize=(5, 3.4))
    for place, ((groups,), group) in enumerate(sorted(grouped(rows, "M").items())):
        colour = plt.get_cmap("viridis")(place / 5)
        points = sorted(
            (kappa, average(cells, "gap"), average(cells, "predicted"))
            for (kappa,), cells in grouped(group, "kappa").items()
        )
        kappas, gaps, predicted = (np.array(column) for column in zip(*points, strict=True))
        axis.plot(kappas, gaps, "o-", ms=3, color=colour, label=f"M = {groups}")
        named = int(np.argmin(predicted))
        axis.plot(kappas[named], gaps[named], "*", ms=13, color=colour)
    axis.set(xscale="log", yscale="log", xlabel="bias budget κ", ylabel="gap at the end")
    axis.set_xticks(kappas, [f"{kappa:g}" for kappa in kappas], fontsize=7)
    axis.minorticks_off()
    axis.set_title("K = 16, 40 answers; the star: κ with the least β² + V/M", fontsize=9)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    _save(figure, path)


def pooling(bias: list[Row], training: list[Row], path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.6))
    chosen = [row for row in bias if row["method"] == "aqp"]
    for place, ((drift,), group) in enumerate(sorted(grouped(chosen, "drift").items())):
        colour = plt.get_cmap("plasma")(place / 6)
        visits = [row["visits"] for row in group]
        left.plot(visits, [row["bias"] for row in group], "o-", ms=3, color=colour, label=f"{drift:g}")
        left.plot(visits, [row["bound"] for row in group], ":", color=colour)
    left.set(xscale="log", yscale="log", xlabel="visits pooled", ylabel="largest bias, aqp, K = 8 (dotted: bound)")
    left.legend(title="drift per visit", fontsize=8)
    for place, ((step,), group) in enumerate(sorted(grouped(training, "step").items())):
        for method, style in (("harmonic", "--"), ("aqp", "-")):
            cells = sorted(grouped([row for row in group if row["method"] == method], "visits").items())
            means = [average(rows, "gap") for _, rows in cells]
            label = f"{method}, step {step:g}"
            right.plot(
                [v for (v,), _ in cells], means, "o" + style, ms=3, color=plt.get_cmap("plasma")(place / 4), label=label
            )
    right.set(xscale="log", yscale="log", xlabel="visits pooled", ylabel="gap, training on pooled groups")
    right.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    for axis in (left, right):
        axis.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
        axis.minorticks_off()
    _save(figure, path)


def universal(rows: list[Row], path: Path) -> None:
    figure, axis = plt.subplots(figsize=(4.6, 3.2))
    groups = sorted(grouped(rows, "k").items())
    k = np.array([key[0] for key, _ in groups])
    axis.plot(k, k / (k + 1), "-", color="grey", label="k/(k+1)")
    axis.plot(
        k,
        [average(group, "win_rate", min) for _, group in groups],
        "o",
        color="tab:blue",
        label="self-play, worst of 25 games",
    )
    singles = [[row["single"] for row in group] for _, group in groups]
    axis.errorbar(
        k,
        [np.mean(s) for s in singles],
        [np.std(s) for s in singles],
        fmt="s",
        color="tab:red",
        label="best single output",
    )
    axis.set(xlabel="k, draws", ylabel="win rate against any output", ylim=(0, 1))
    axis.legend(loc="lower right", fontsize=8)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=100, bbox_inches="tight")
    plt.close(figure)

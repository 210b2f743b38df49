"""Figures (extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from polyest import bernstein
from polyest.comparison import rounded_up
from polyest.errors import ArgumentError, TableNotFoundError
from polyest.estimator import Estimator, load

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from polyest.offline.trace import Frontier

__all__ = ["bias_and_noise", "estimators", "frontier_figure"]

STYLES: dict[str, dict[str, Any]] = {  # colours of Okabe and Ito, which the colour-blind tell apart
    "plug_in": {"color": "#D55E00", "linestyle": "-"},
    "harmonic": {"color": "#E69F00", "linestyle": (0, (5, 2))},
    "exact": {"color": "#009E73", "linestyle": "-"},
    "aqp": {"color": "#0072B2", "linestyle": "-"},
    "minimax": {"color": "#444444", "linestyle": (0, (1, 1.2))},
}
NOISE_ROOM = 1.6


def estimators(target: str, group_size: int, **budget: Any) -> list[Estimator]:
    """Every method that makes sense for the target and has a table; the budget is that of aqp.

    Raises:
        ArgumentError: no such target or group size.
    """
    found = [load(target, group_size, "plug_in")]
    for method in ("harmonic", "exact", "minimax", "aqp"):
        try:
            found.append(load(target, group_size, method, **(budget if method == "aqp" else {})))
        except (ArgumentError, TableNotFoundError):
            if method == "aqp" and any(value is not None for value in budget.values()):
                raise
    return found


def bias_and_noise(chosen: Sequence[Estimator]) -> Figure:
    """Two panels over p: p·(Q_c − r) and V_c, with the proved worst-case bias of aqp and minimax as a band."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    problem = chosen[0].problem
    least = min(1e-4, 0.1 / problem.group_size**2)
    p = np.unique(np.concatenate([np.geomspace(least, 1, 4000), np.linspace(0, 1, 2001)[1:]]))
    for estimator in chosen:
        table, style = estimator.table, STYLES[estimator.problem.method]
        label = estimator.problem.method + (f" (κ = {table.kappa / 100:.2f})" if table.kappa else "")
        left.plot(p, bernstein.bias(problem.target, table.coefficients, p), label=label, linewidth=1.6, **style)
        right.plot(p, bernstein.noise(problem.target, table.coefficients, p), label=label, linewidth=1.6, **style)
        if estimator.problem.method == "aqp" and table.certificate is not None:
            _mark_level(left, table.certificate.worst_case_bias.upper, style["color"])
    _finish(left, least, "bias  p·(Q(p) − r(p))")
    _finish(right, least, "noise  V(p) of one group")
    _limit_noise(right, chosen, p)
    left.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    left.legend(frameon=False)
    figure.suptitle(f"{problem.target}, groups of {problem.group_size}")
    return figure


def frontier_figure(frontier: Frontier, chosen: Sequence[Estimator]) -> Figure:
    """Worst-case noise against worst-case bias: the aqp frontier, and the estimators beside it."""
    figure = Figure(figsize=(6.6, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.loglog(frontier.bias, frontier.noise, color=STYLES["aqp"]["color"], linewidth=1.6, label="aqp frontier")
    for index, name in ((0, "minimax"), (-1, "Bayes")):
        axes.plot(frontier.bias[index], frontier.noise[index], "o", color="0.3", markersize=4)
        _label(axes, name, frontier.bias[index], frontier.noise[index])
    for estimator in chosen:
        method, certificate = estimator.problem.method, estimator.certificate
        if method in ("minimax", "exact"):
            continue
        x, y = certificate.worst_case_bias.upper, certificate.noise.upper
        axes.plot(x, y, "o", color=STYLES[method]["color"], markersize=6)
        _label(axes, str(estimator.problem.budget or method).replace("_budget", ""), x, y)
    _limit_noise_range(axes, frontier, chosen)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("worst-case bias  sup p·|Q(p) − r(p)|")
    axes.set_ylabel("noise  sup V(p) of one group")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5, which="both")
    axes.set_title(f"{chosen[0].problem.target}, groups of {chosen[0].problem.group_size}")
    return figure


def _label(axes: Axes, text: str, x: float, y: float) -> None:
    axes.annotate(text, (x, y), (6, 5), textcoords="offset points", annotation_clip=True)


def _limit_noise_range(axes: Axes, frontier: Frontier, chosen: Sequence[Estimator]) -> None:
    """A minimax table is off the scale from K = 8 on: two decades above the others are enough to see the rise."""
    ordinary = max(e.certificate.noise.upper for e in chosen if e.problem.method not in ("minimax", "exact"))
    if frontier.noise.max() > 100 * ordinary:
        axes.set_ylim(top=100 * ordinary)
        text = f"minimax: noise {frontier.noise[0]:.2g} at bias {frontier.bias[0]:.2g}"
        axes.annotate(text, (0.98, 0.97), xycoords="axes fraction", ha="right", va="top")


def _mark_level(axes: Axes, level: float, color: Any) -> None:
    axes.axhspan(-level, level, color=color, alpha=0.1, linewidth=0)
    text = f"|bias| ≤ {rounded_up(level, 3)}, proved"
    axes.annotate(text, (1, -level), (-4, -4), textcoords="offset points", ha="right", va="top", color=color)
    axes.set_ymargin(0.1)


def _limit_noise(axes: Axes, chosen: Sequence[Estimator], p: Any) -> None:
    """Minimax is off the scale from K = 8 on: keep the others legible and say so."""
    tops = {e.problem.method: float(bernstein.noise(e.problem.target, e.coefficients, p).max()) for e in chosen}
    room = NOISE_ROOM * max(top for method, top in tops.items() if method != "minimax")
    if tops.get("minimax", 0.0) > room:
        axes.set_ylim(0, room)
        text = f"minimax: up to {tops['minimax']:.2g}"
        axes.annotate(text, (0.98, 0.97), xycoords="axes fraction", ha="right", va="top")


def _finish(axes: Axes, least: float, label: str) -> None:
    axes.set_xscale("log")
    axes.set_xlim(least, 1)
    axes.set_xlabel("probability p of the answer")
    axes.set_ylabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5)

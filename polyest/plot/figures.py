"""Figures (extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, Locator, LogLocator, MaxNLocator, NullFormatter, NullLocator

from polyest.errors import ArgumentError, TableNotFoundError, shortened
from polyest.estimator import Estimator, load
from polyest.plot.labels import place
from polyest.polynomials import bernstein
from polyest.polynomials.worst_case import rounded_up
from polyest.problems.budget import BudgetArguments
from polyest.problems.problem import Problem, make_problem
from polyest.problems.targets import get_target
from polyest.storage import store

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from polyest.offline.trace import Frontier

__all__ = ["bias_and_noise", "estimators", "frontier_figure", "lacking", "save"]


class Style(TypedDict):
    """How a method is drawn."""

    color: str
    linestyle: str | tuple[int, tuple[float, float]]


STYLES: dict[str, Style] = {  # colours of Okabe and Ito, which the colour-blind tell apart
    "plug_in": {"color": "#D55E00", "linestyle": "-"},
    "harmonic": {"color": "#E69F00", "linestyle": (0, (5, 2))},
    "exact": {"color": "#009E73", "linestyle": "-"},
    "aqp": {"color": "#0072B2", "linestyle": "-"},
    "minimax": {"color": "#444444", "linestyle": (0, (1, 1.2))},
    "graded": {"color": "#CC79A7", "linestyle": "-"},
}
NOISE_ROOM = 1.6
WIDE = 30.0  # ratio of worst-case biases from which the axis becomes logarithmic beyond the smallest
LONGEST_NAME = 50  # characters of a target in a title
FEWEST_TICKS = 3
DECADES = 3.0  # of a logarithmic axis, beyond which its labels are powers of ten


def estimators(target: str, group_size: int, **budget: Unpack[BudgetArguments]) -> list[Estimator]:
    """Every method that makes sense for the target and has a table; the budget is that of aqp.

    Raises:
        ArgumentError: no such target or group size.
    """
    found = [load(target, group_size, "plug_in")]
    for method in ("harmonic", "exact", "minimax", "graded", "aqp"):
        try:
            found.append(load(target, group_size, method, **(budget if method == "aqp" else BudgetArguments())))
        except (ArgumentError, TableNotFoundError):
            if method == "aqp" and any(value is not None for value in budget.values()):
                raise
    return found


def lacking(target: str, group_size: int, **budget: Unpack[BudgetArguments]) -> list[Problem]:
    """The problems that could be drawn beside `estimators` if their tables were solved."""
    found = []
    for method in ("minimax", "aqp"):
        try:
            problem = make_problem(target, group_size, method, **(budget if method == "aqp" else BudgetArguments()))
            found += [] if store.find(problem) else [problem]
        except ArgumentError:  # it makes no sense, or no file can have that name
            continue
    return found


def save(figure: Figure, path: Path, suffix: str) -> None:
    """Write a figure; PDFs hold TrueType fonts, which journals take, not Type 3."""
    with rc_context({"pdf.fonttype": 42}):
        figure.savefig(path, format=suffix, dpi=160)


def bias_and_noise(chosen: Sequence[Estimator], absent: Sequence[Problem] = ()) -> Figure:
    """Two panels over p: p·(Q_c − r) and V_c, with the proved worst-case bias of aqp as a band.

    The bias is drawn on a linear scale up to the least worst-case bias, and logarithmic beyond if others need it.

    Args:
        chosen: what is drawn.
        absent: what the title says to be missing.
    """
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    problem = chosen[0].problem
    least = _least_probability(chosen)
    p = np.unique(np.concatenate([np.geomspace(least, 1, 4000), np.linspace(0, 1, 2001)[1:]]))
    for estimator in chosen:
        table, style = estimator.table, STYLES[estimator.problem.method]
        label = estimator.problem.method + (f" (κ = {table.kappa / 100:.2f})" if table.kappa else "")
        left.plot(p, bernstein.bias(problem.target, table.coefficients, p), label=label, linewidth=1.6, **style)
        right.plot(p, bernstein.noise(problem.target, table.coefficients, p), linewidth=1.6, **style)
        if estimator.problem.method == "aqp" and table.certificate is not None:
            _mark_level(left, table.certificate.worst_case_bias.upper, style["color"])
    unit, square = _units(problem.target)
    _finish(left, least, f"bias  p·(Q(p) − r(p))  [{unit}]")
    _finish(right, least, f"noise  V(p) of one group  [{square}]")
    _spread_bias(left, chosen, p)
    _limit_noise(right, chosen, p)
    if not get_target(problem.target).bounds_noise:
        _note(right, "not bounded towards p = 0")
    left.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    figure.legend(loc="outside lower center", ncols=5, frameon=False)
    figure.suptitle(_title(problem, absent))
    return figure


def frontier_figure(frontier: Frontier, chosen: Sequence[Estimator], absent: Sequence[Problem] = ()) -> Figure:
    """Worst-case noise against worst-case bias: the aqp frontier, and the estimators beside it."""
    figure = Figure(figsize=(6.6, 5.0), layout="constrained")
    axes = figure.subplots()
    axes.loglog(frontier.bias, frontier.noise, color=STYLES["aqp"]["color"], linewidth=1.6)
    labels = []
    for index, name in ((0, "minimax"), (-1, "Bayes")):
        axes.plot(frontier.bias[index], frontier.noise[index], "o", color="0.3", markersize=4)
        labels.append((name, float(frontier.bias[index]), float(frontier.noise[index])))
    for estimator in chosen:
        method, certificate = estimator.problem.method, estimator.certificate
        if method in ("minimax", "exact"):
            continue
        x, y = certificate.worst_case_bias.upper, certificate.noise.upper
        axes.plot(x, y, "o", color=STYLES[method]["color"], markersize=6)
        labels.append((str(estimator.problem.budget or method).replace("_budget", ""), x, y))
    _limit_noise_range(axes, frontier, chosen)
    unit, square = _units(chosen[0].problem.target)
    axes.set_xlabel(f"worst-case bias  sup p·|Q(p) − r(p)|  [{unit}]")
    axes.set_ylabel(f"noise  sup V(p) of one group  [{square}]")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5, which="both")
    figure.suptitle(_title(chosen[0].problem, [p for p in absent if p.method == "aqp"]))
    _label_decades(axes)
    place(axes, labels, (frontier.bias, frontier.noise))
    return figure


def _least_probability(chosen: Sequence[Estimator]) -> float:
    """Where the axis begins: below every place where a bias is largest."""
    usual, wide = min(1e-4, 0.1 / chosen[0].table.group_size ** 2), np.geomspace(1e-30, 1, 3001)
    curves = [np.abs(bernstein.bias(e.problem.target, e.coefficients, wide)) for e in chosen]
    tops = [float(wide[np.argmax(curve)]) for curve in curves if curve.max() > 0]
    return min([usual, *(top / 10 for top in tops if top < usual)])


def _title(problem: Problem, absent: Sequence[Problem]) -> str:
    name = shortened(problem.target, LONGEST_NAME).strip("'")
    title = f"{name}, groups of {problem.group_size}"
    return f"{title}\nnot drawn for want of a table: {', '.join(p.method for p in absent)}" if absent else title


def _units(target: str) -> tuple[str, str]:
    """The units of r and of its square."""
    if get_target(target).is_custom:
        return "unit of r", "unit of r, squared"
    return ("nats", "nats²") if target == "log" or target.startswith("js(") else ("no unit", "no unit")


def _label_decades(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        locator: Locator = LogLocator(subs=(1, 2, 5) if np.log10(high / low) < DECADES else (1,))
        places = np.asarray(locator.tick_values(low, high))
        if np.count_nonzero((places >= low) & (places <= high)) < FEWEST_TICKS:
            locator = MaxNLocator(5)
        axis.set_major_locator(locator)
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def _limit_noise_range(axes: Axes, frontier: Frontier, chosen: Sequence[Estimator]) -> None:
    """A minimax table is off the scale from K = 8 on: two decades above the others are enough to see the rise."""
    ordinary = max(e.certificate.noise.upper for e in chosen if e.problem.method not in ("minimax", "exact"))
    if frontier.noise.max() > 100 * ordinary:
        axes.set_ylim(frontier.noise.min() / 2, 100 * ordinary)
        _note(axes, f"minimax: noise {frontier.noise[0]:.2g} at bias {frontier.bias[0]:.2g}, off the scale")


def _note(axes: Axes, text: str) -> None:
    """A remark above the axes, where nothing else is."""
    axes.set_title(text, loc="right", fontsize="medium")


def _mark_level(axes: Axes, level: float, color: str) -> None:
    label = f"aqp, proved: |bias| ≤ {rounded_up(level, 3)}"
    axes.axhspan(-level, level, color=color, alpha=0.1, linewidth=0, label=label)


def _spread_bias(axes: Axes, chosen: Sequence[Estimator], p: NDArray[np.float64]) -> None:
    """A scale on which the smallest bias is seen beside the largest."""
    curves = [bernstein.bias(e.problem.target, e.coefficients, p) for e in chosen if e.problem.method != "exact"]
    tops = [float(np.abs(curve).max()) for curve in curves]
    small, large = min(tops), max(tops)
    if large > WIDE * small > 0:
        axes.set_yscale("symlog", linthresh=small, linscale=max(1.0, np.log10(large / small) / 3))
        axes.yaxis.set_major_locator(FixedLocator(_decades(small, large)))
        axes.yaxis.set_minor_locator(NullLocator())
        _note(axes, f"linear up to ±{small:.2g}, logarithmic beyond")


def _decades(small: float, large: float) -> list[float]:
    """0 and the powers of ten, of both signs, from twice `small` to beyond `large`, at most five of a sign."""
    low, high = int(np.ceil(np.log10(2 * small))), int(np.ceil(np.log10(large)))
    powers = [10.0**k for k in range(low, high + 1, 1 + (high - low) // 5)]
    return [*(-x for x in reversed(powers)), 0.0, *powers]


def _limit_noise(axes: Axes, chosen: Sequence[Estimator], p: NDArray[np.float64]) -> None:
    """Minimax is off the scale from K = 8 on: keep the others legible and say so."""
    tops = {e.problem.method: float(bernstein.noise(e.problem.target, e.coefficients, p).max()) for e in chosen}
    room = NOISE_ROOM * max(top for method, top in tops.items() if method != "minimax")
    if tops.get("minimax", 0.0) > room:
        axes.set_ylim(0, room)
        _note(axes, f"minimax: up to {tops['minimax']:.2g}, off the scale")


def _finish(axes: Axes, least: float, label: str) -> None:
    axes.set_xscale("log")
    axes.set_xlim(least, 1)
    axes.set_xlabel("probability p of the answer  [no unit]")
    axes.set_ylabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5)

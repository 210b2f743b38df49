"""What is drawn on one pair of axes (extra ``plot``): bias and noise over p, noise against bias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from matplotlib.ticker import FixedLocator, Locator, LogLocator, MaxNLocator, NullFormatter, NullLocator

from polyest.errors import ArgumentError
from polyest.estimator import Estimator
from polyest.plot.labels import place
from polyest.polynomials import bernstein
from polyest.polynomials.worst_case import rounded_up
from polyest.problems.problem import METHODS
from polyest.problems.targets import get_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from polyest.offline.trace import Frontier

    Array = NDArray[np.float64]

__all__ = ["bias", "frontier", "noise"]


class Style(TypedDict):
    """How a method is drawn."""

    color: str
    linestyle: str | tuple[int, tuple[float, float]]


OTHERS = ("#56B4E9", "#F0E442", "#000000")  # the rest of them, for methods without a style
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
FEWEST_TICKS = 3
DECADES = 3.0  # of a logarithmic axis, beyond which its labels are powers of ten


def bias(chosen: Sequence[Estimator], axes: Axes | None = None) -> Axes:
    """Draw p·(Q_c(p) − r(p)) over p, with the proved worst-case bias of aqp as a band.

    The scale is linear up to the least worst-case bias, and logarithmic beyond if others need it.

    Args:
        chosen: estimators of one target, of any group sizes.
        axes: where to draw; matplotlib's current axes by default.

    Returns:
        The axes.

    Source: theory.md §2.

    >>> import polyest
    >>> from matplotlib.figure import Figure
    >>> bias([polyest.load("log", 8)], Figure().subplots()).get_ylabel()
    'bias  p·(Q(p) − r(p))  [nats]'
    """
    target, axes, p = _target(chosen), axes or _current(), _probabilities(chosen)
    for estimator, name in zip(chosen, _names(chosen), strict=True):
        table, style = estimator.table, _style(estimator.problem.method)
        axes.plot(p, bernstein.bias(target, table.coefficients, p), label=name, linewidth=1.6, **style)
        if estimator.problem.method == "aqp" and table.certificate is not None:
            _mark_level(axes, table.certificate.worst_case_bias.upper, style["color"])
    _finish(axes, p[0], f"bias  p·(Q(p) − r(p))  [{units(target)[0]}]")
    _spread_bias(axes, chosen, p)
    axes.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    return axes


def noise(chosen: Sequence[Estimator], axes: Axes | None = None) -> Axes:
    """Draw V_c(p) over p: how much p times a reward scatters around p·r(p), of one group; arguments as in `bias`.

    Source: theory.md §2.

    >>> import polyest
    >>> from matplotlib.figure import Figure
    >>> noise([polyest.load("log", 8)], Figure().subplots()).get_ylabel()
    'noise  V(p) of one group  [nats²]'
    """
    target, axes, p = _target(chosen), axes or _current(), _probabilities(chosen)
    for estimator, name in zip(chosen, _names(chosen), strict=True):
        curve = bernstein.noise(target, estimator.table.coefficients, p)
        axes.plot(p, curve, label=name, linewidth=1.6, **_style(estimator.problem.method))
    _finish(axes, p[0], f"noise  V(p) of one group  [{units(target)[1]}]")
    _limit_noise(axes, chosen, p)
    if not get_target(target).bounds_noise:
        _note(axes, "not bounded towards p = 0")
    return axes


def frontier(curve: Frontier, chosen: Sequence[Estimator], axes: Axes | None = None) -> Axes:
    """Draw worst-case noise against worst-case bias: the aqp frontier, and the estimators beside it.

    Args:
        curve: made by `polyest.offline.trace.trace`.
        chosen, axes: as in `bias`.

    Source: theory.md §3.
    """
    target, axes = _target(chosen), axes or _current()
    axes.loglog(curve.bias, curve.noise, color=STYLES["aqp"]["color"], linewidth=1.6)
    labels = []
    for index, name in ((0, "minimax"), (-1, "Bayes")):
        axes.plot(curve.bias[index], curve.noise[index], "o", color="0.3", markersize=4)
        labels.append((name, float(curve.bias[index]), float(curve.noise[index])))
    for estimator in chosen:
        method, certificate = estimator.problem.method, estimator.certificate
        if method in ("minimax", "exact"):
            continue
        x, y = certificate.worst_case_bias.upper, certificate.noise.upper
        axes.plot(x, y, "o", color=_style(method)["color"], markersize=6)
        labels.append((str(estimator.problem.budget or method), x, y))
    _limit_noise_range(axes, curve, chosen)
    unit, square = units(target)
    axes.set_xlabel(f"worst-case bias  sup p·|Q(p) − r(p)|  [{unit}]")
    axes.set_ylabel(f"noise  sup V(p) of one group  [{square}]")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5, which="both")
    _label_decades(axes)
    place(axes, labels, (curve.bias, curve.noise))
    return axes


def _style(method: str) -> Style:
    """How a method is drawn: those that no style is named for by their place among the methods."""
    if method in STYLES:
        return STYLES[method]
    unnamed = [name for name in METHODS if name not in STYLES]
    return {"color": OTHERS[unnamed.index(method) % len(OTHERS)], "linestyle": "-."}


def units(target: str) -> tuple[str, str]:
    """The units of r and of its square."""
    if get_target(target).is_custom:
        return "unit of r", "unit of r, squared"
    return ("nats", "nats²") if target == "log" or target.startswith("js(") else ("no unit", "no unit")


def _target(chosen: Sequence[Estimator]) -> str:
    """The one target of what is drawn, which are estimators."""
    if not isinstance(chosen, Sequence) or not all(isinstance(one, Estimator) for one in chosen):
        raise ArgumentError(
            f"`chosen` must be a list of estimators; got {chosen!r:.80}; pass [polyest.load(…), …], and axes by name"
        )
    if based := [one for one in chosen if one.problem.baseline]:
        raise ArgumentError(
            f"`chosen` must pay by themselves, as what {based[0]} pays comes right only after a trainer's "
            "subtraction; draw the one without `baseline`"
        )
    targets = {estimator.problem.target for estimator in chosen}
    if len(targets) != 1 or any(estimator.problem.method == "graded" for estimator in chosen):
        raise ArgumentError(
            "`chosen` must be estimators of one target that pay for the probability of an answer; got "
            f"{', '.join(map(str, chosen)) or 'none'}; draw one target at a time"
        )
    return targets.pop()


def _current() -> Axes:
    from matplotlib import pyplot

    return pyplot.gca()


def _names(chosen: Sequence[Estimator]) -> list[str]:
    """Method and κ of each, and the group size where they differ in it."""
    sizes = {estimator.table.group_size for estimator in chosen}
    names = []
    for estimator in chosen:
        table = estimator.table
        size = f"K = {table.group_size}" if len(sizes) > 1 else ""
        said = ", ".join(filter(None, (size, f"κ = {table.kappa / 100:.2f}" if table.kappa else "")))
        names.append(estimator.problem.method + (f" ({said})" if said else ""))
    return names


def _probabilities(chosen: Sequence[Estimator]) -> Array:
    return np.unique(np.concatenate([np.geomspace(_least_probability(chosen), 1, 4000), np.linspace(0, 1, 2001)[1:]]))


def _least_probability(chosen: Sequence[Estimator]) -> float:
    """Where the axis begins: below every place where a bias is largest."""
    usual, wide = min(1e-4, 0.1 / chosen[0].table.group_size ** 2), np.geomspace(1e-30, 1, 3001)
    curves = [np.abs(bernstein.bias(e.problem.target, e.coefficients, wide)) for e in chosen]
    tops = [float(wide[np.argmax(curve)]) for curve in curves if curve.max() > 0]
    return min([usual, *(top / 10 for top in tops if top < usual)])


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


def _limit_noise_range(axes: Axes, curve: Frontier, chosen: Sequence[Estimator]) -> None:
    """A minimax table is off the scale from K = 8 on: two decades above the others are enough to see the rise."""
    ordinary = max(e.certificate.noise.upper for e in chosen if e.problem.method not in ("minimax", "exact"))
    if curve.noise.max() > 100 * ordinary:
        axes.set_ylim(curve.noise.min() / 2, 100 * ordinary)
        _note(axes, f"minimax: noise {curve.noise[0]:.2g} at bias {curve.bias[0]:.2g}, off the scale")


def _note(axes: Axes, text: str) -> None:
    """A remark above the axes, where nothing else is."""
    axes.set_title(text, loc="right", fontsize="medium")


def _mark_level(axes: Axes, level: float, color: str) -> None:
    label = f"aqp, proved: |bias| ≤ {rounded_up(level, 3)}"
    axes.axhspan(-level, level, color=color, alpha=0.1, linewidth=0, label=label)


def _spread_bias(axes: Axes, chosen: Sequence[Estimator], p: Array) -> None:
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


def _limit_noise(axes: Axes, chosen: Sequence[Estimator], p: Array) -> None:
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

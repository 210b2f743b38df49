"""Curves as SVG that takes its colours from the page, so that it is light or dark as the page is."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["COLOURS", "Axis", "Curve", "drawn", "in_words"]

APART, MOST_APART = 0.03, 0.3  # of a place over k: from curve to curve, and of all of them
COLOURS = 6  # runs that have one of their own; further ones begin again
INK, GRID = "#010101", "#020202"
ANYWHERE = (-np.inf, np.inf)
STYLES = {"solid": (0, ()), "dashed": (0, (5, 2)), "dotted": (0, (1.2, 1.6))}


class Curve(NamedTuple):
    """A curve with a band.

    Attributes:
        x, y: of equal length; x are whole numbers, NaN in y is left out.
        error: half the height of the band, or of bars; NaN is none.
        colour: number of the run.
        style: solid, dashed or dotted.
        label: what it is of, for those who read its values.
    """

    x: Array
    y: Array
    error: Array
    colour: int = 0
    style: str = "solid"
    label: str = ""

    def band(self, within: tuple[float, float]) -> tuple[Array, Array]:
        """Its lower and upper end, cut off where the measure itself ends; where no error is known, the curve."""
        reach = np.nan_to_num(self.error)
        low, high = (np.clip(self.y + side * reach, *within) for side in (-1, 1))
        return np.fmin(low, self.y), np.fmax(high, self.y)

    def values(self) -> dict[str, object]:
        """Its points, five digits of y and of errors; null is an error that is not known."""
        known = ~np.isnan(self.y)
        x = [*map(int, self.x[known].tolist())]
        y, reach = _digits(self.y[known]), _digits(self.error[known])
        return {"label": self.label, "colour": self.colour % COLOURS, "x": x, "y": y, "reach": reach}


class Axis(NamedTuple):
    """What the curves are over.

    Attributes:
        label: below it.
        names: of some places on it, where their numbers do not say what they are.
        is_log: a scale of powers of 2, with points; else lines with bands.
        ends: where it begins and ends, though no curve may reach there.
    """

    label: str
    names: dict[int, str] | None = None
    is_log: bool = False
    ends: tuple[float, float] | None = None

    def name(self, x: float) -> str:
        return str(int(x)) if self.names is None else self.names[int(x)]


def in_words(curves: Sequence[Curve], axis: Axis) -> str:
    """Where every curve begins and ends, and between what it lies."""
    return " ".join(_told(curve, axis) for curve in curves if not np.isnan(curve.y).all())


def _told(curve: Curve, axis: Axis) -> str:
    x, y = (column[~np.isnan(curve.y)] for column in (curve.x, curve.y))
    ends = f"{y[0]:.3g} at {axis.label} {axis.name(x[0])}"
    if len(y) > 1:
        ends = f"from {ends} to {y[-1]:.3g} at {axis.name(x[-1])}, between {y.min():.3g} and {y.max():.3g}"
    return f"{curve.label}: {ends}." if curve.label else f"{ends}."


def drawn(
    curves: Sequence[Curve], axis: Axis, within: tuple[float, float] = ANYWHERE
) -> tuple[str, dict[str, list[float | None]]]:
    """The picture as SVG, and its frame: ``box``, the axes from its top left in parts of it, their ends, and by what
    each curve's x is multiplied.

    What is drawn is a measure `within` two numbers, and bands end there. Text is fixed: what comes from a log stands in
    the page's HTML, where it is escaped.
    """
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "polyest", "font.size": 9, "font.family": "sans-serif"}):
        figure = Figure(figsize=(4.0, 2.35), dpi=72)  # SVG's own dots
        axes = figure.add_subplot()
        shifts = 1 + axis.is_log * np.arange(len(curves)) * min(APART, MOST_APART / max(len(curves), 1))
        for curve, shift in zip(curves, shifts.tolist(), strict=True):
            _draw(axes, curve, axis.is_log, within, shift)
        _dress(axes, curves, axis, within)
        FigureCanvasSVG(figure)
        ConstrainedLayoutEngine().execute(figure)  # as the figure's own, for which saving would draw everything twice
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    box = axes.get_position()
    frame = {"box": [box.x0, 1 - box.y1, box.x1, 1 - box.y0], "xlim": axes.get_xlim(), "ylim": axes.get_ylim()}
    frame["within"] = [end if np.isfinite(end) else np.nan for end in within]
    frame["shifts"] = shifts.tolist()
    return _themed(file.getvalue()), {name: _digits(np.array(numbers)) for name, numbers in frame.items()}


def _draw(axes: Axes, curve: Curve, powers: bool, within: tuple[float, float], shift: float) -> None:
    """One curve, its x times `shift`, so that error bars stand side by side."""
    known = ~np.isnan(curve.y)
    x, y, error, low, high = (column[known] for column in (curve.x, curve.y, curve.error, *curve.band(within)))
    colour = f"#0a0a{curve.colour % COLOURS:02x}"
    is_point = powers or len(x) == 1
    marker = "o" if is_point else ""
    axes.plot(x * shift, y, color=colour, linestyle=STYLES[curve.style], linewidth=1.6, marker=marker, markersize=3)
    if np.isnan(error).all():
        return
    if is_point:
        axes.errorbar(x * shift, y, [y - low, high - y], fmt="none", ecolor=colour, elinewidth=1.0)
    else:
        axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)


def _dress(axes: Axes, curves: Sequence[Curve], axis: Axis, within: tuple[float, float]) -> None:
    if axis.is_log:
        ticks = sorted({x for curve in curves for x in curve.x.tolist()})
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    else:
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    if axis.ends is not None:
        axes.update_datalim([(end, 0.0) for end in axis.ends], updatey=False)
    axes.set_xlabel(axis.label, color=INK)
    axes.grid(color=GRID, linewidth=0.6)
    axes.tick_params(colors=INK, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.margins(x=0.02)
    if min((np.nanmin(curve.band(within)[0], initial=np.inf) for curve in curves), default=-1) >= 0:
        low, high = axes.get_ylim()
        axes.set_ylim(bottom=max(low, -0.03 * high))  # half a line's width below 0


def _themed(text: str) -> str:
    """Colours by the page's variables, no identifiers but those that are referred to, and a size that the page sets."""
    body = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    body = re.sub(r"#0a0a(\d\d)", lambda found: f"var(--run{int(found[1])})", body)
    body = body.replace(INK, "var(--ink)").replace(GRID, "var(--grid)")
    body = re.sub(r' id="(?!\w{11}")[\w.]+"', "", body)
    body = re.sub(r'(?<==)"[^"]*"', lambda found: re.sub(r"\d+\.\d{3,}", _shorter, found[0]), body)
    return re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', body, count=1)


def _digits(numbers: Array) -> list[float | None]:
    return [None if np.isnan(number) else float(f"{number:.5g}") for number in numbers.tolist()]


def _shorter(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}"

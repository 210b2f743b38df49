"""Curves as SVG that takes its colours from the page, so that it is light or dark as the page is."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["COLOURS", "Curve", "svg"]

COLOURS = 6  # runs that have one of their own; further ones begin again
INK, GRID = "#010101", "#020202"
STYLES = {"solid": (0, ()), "faint": (0, ()), "dashed": (0, (5, 2)), "dotted": (0, (1.2, 1.6))}


class Curve(NamedTuple):
    """A curve with a band.

    Attributes:
        x, y: of equal length; NaN is left out.
        error: half the height of the band, or of bars; NaN is none.
        colour: number of the run.
        style: solid, faint, dashed or dotted.
    """

    x: Array
    y: Array
    error: Array
    colour: int = 0
    style: str = "solid"


def svg(curves: Sequence[Curve], x_label: str, *, powers: bool = False) -> str:
    """The curves over x, on a scale of powers of 2 and with points if asked for; else as lines with bands.

    Text is fixed: what comes from a log stands in the page's HTML, where it is escaped.
    """
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "polyest", "font.size": 9, "font.family": "sans-serif"}):
        figure = Figure(figsize=(4.0, 2.35), layout="constrained")
        axes = figure.add_subplot()
        for curve in curves:
            _draw(axes, curve, powers)
        _dress(axes, x_label, curves, powers)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _themed(file.getvalue())


def _draw(axes: Axes, curve: Curve, powers: bool) -> None:
    known = ~np.isnan(curve.y)
    x, y, error = (column[known] for column in (curve.x, curve.y, curve.error))
    x = x * (1 + 0.03 * curve.colour) if powers else x  # error bars side by side
    colour, alpha = f"#0a0a{curve.colour % COLOURS:02x}", 0.45 if curve.style == "faint" else 1.0
    is_point = powers or len(x) == 1
    marker = "o" if is_point else ""
    axes.plot(
        x, y, color=colour, alpha=alpha, linestyle=STYLES[curve.style], linewidth=1.6, marker=marker, markersize=3
    )
    if np.isnan(error).all():
        return
    reach = np.nan_to_num(error)
    if is_point:
        axes.errorbar(x, y, reach, fmt="none", ecolor=colour, alpha=alpha, elinewidth=1.0)
    else:
        axes.fill_between(x, y - reach, y + reach, color=colour, alpha=0.16, linewidth=0)


def _dress(axes: Axes, x_label: str, curves: Sequence[Curve], powers: bool) -> None:
    if powers:
        ticks = sorted({x for curve in curves for x in curve.x.tolist()})
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    axes.set_xlabel(x_label, color=INK)
    axes.grid(color=GRID, linewidth=0.6)
    axes.tick_params(colors=INK, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.margins(x=0.02)


def _themed(text: str) -> str:
    """Colours by the page's variables, no identifiers but those that are referred to, and a size that the page sets."""
    body = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    body = re.sub(r"#0a0a(\d\d)", lambda found: f"var(--run{int(found[1])})", body)
    body = body.replace(INK, "var(--ink)").replace(GRID, "var(--grid)")
    body = re.sub(r' id="(?!\w{11}")[\w.]+"', "", body)
    body = re.sub(r'(?<==)"[^"]*"', lambda found: re.sub(r"\d+\.\d{3,}", _shorter, found[0]), body)
    return re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img">', body, count=1)


def _shorter(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}"

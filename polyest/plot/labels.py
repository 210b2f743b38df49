"""Labels of points in a figure, placed where they cover neither each other nor the curve (extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Box = tuple[float, float, float, float]  # left, bottom, right, top, in pixels

__all__ = ["place"]

DIRECTIONS = ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0))
DISTANCES = (6, 14, 26, 40)  # points; from the second on a thin line leads to the point
SIDES = {-1: ("right", "top"), 0: ("center", "center"), 1: ("left", "bottom")}
SAME = 4.0  # pixels between points that look like one
PADDING = 2.0  # pixels around a label
HIDDEN = 1000.0  # what covering a label costs, in places of the curve that are covered
ASTRAY = 100.0  # what lying nearer to another point costs


def place(axes: Axes, labels: Sequence[tuple[str, float, float]], curve: tuple[Array, Array]) -> None:
    """Label the points (text, x, y) that lie within the axes; call it when scales and limits are settled.

    Each label goes where it hides least of the curve and of the labels before it, nearest to its own point.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = cast("Figure", axes.get_figure())
    renderer: RendererBase = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw_without_rendering()
    frame, pixels = axes.get_window_extent(renderer).extents, figure.dpi / 72
    points = _merged(axes, [label for label in labels if _holds(frame, axes.transData.transform(label[1:]))])
    spots = axes.transData.transform(list(points)) if points else np.empty((0, 2))
    ink = np.vstack([_dense(axes.transData.transform(np.column_stack(curve))), spots])
    taken: list[Box] = []
    for (point, text), spot in zip(points.items(), spots, strict=True):
        size = _size(axes, text, renderer)
        choices = [(_box(spot, size, way, far * pixels), way, far) for far in DISTANCES for way in DIRECTIONS]
        costs = [_cost(box, frame, taken, ink) + ASTRAY * _astray(box, spot, spots) for box, _, _ in choices]
        box, way, distance = choices[int(np.argmin(costs))]
        taken.append(box)
        _annotate(axes, text, point, way, distance)


def _merged(axes: Axes, labels: Sequence[tuple[str, float, float]]) -> dict[tuple[float, float], str]:
    """The texts by point; points that look like one share a label."""
    texts: dict[tuple[float, float], str] = {}
    for text, x, y in labels:
        here = axes.transData.transform((x, y))
        same = [p for p in texts if np.abs(axes.transData.transform(p) - here).max() < SAME]
        point = same[0] if same else (x, y)
        texts[point] = f"{texts[point]}, {text}" if same else text
    return texts


def _annotate(axes: Axes, text: str, point: tuple[float, float], way: tuple[int, int], distance: float) -> None:
    line = {"arrowstyle": "-", "color": "0.6", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
    axes.annotate(
        text,
        point,
        (way[0] * distance, way[1] * distance),
        textcoords="offset points",
        ha=SIDES[way[0]][0],
        va=SIDES[way[1]][1],
        arrowprops=line if distance >= DISTANCES[1] else None,
    )


def _size(axes: Axes, text: str, renderer: RendererBase) -> tuple[float, float]:
    probe = axes.text(0, 0, text)
    extent = probe.get_window_extent(renderer)
    probe.remove()
    return extent.width + 2 * PADDING, extent.height + 2 * PADDING


def _box(spot: Array, size: tuple[float, float], way: tuple[int, int], distance: float) -> Box:
    """Where a label of that size lies, on that side of the spot."""
    x, y = (s + w * distance + (w - 1) / 2 * n for s, w, n in zip(spot, way, size, strict=True))
    return float(x), float(y), float(x + size[0]), float(y + size[1])


def _holds(box: Box, point: Sequence[float] | Array) -> bool:
    return bool(box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3])


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _astray(box: Box, spot: Array, spots: Array) -> bool:
    """Whether the label lies nearer to another point than to its own."""
    own, *others = (np.hypot(*(at - np.clip(at, box[:2], box[2:]))) for at in (spot, *spots))
    return bool(min(others) < own)


def _cost(box: Box, frame: Box, taken: Sequence[Box], ink: Array) -> float:
    inside = ((ink >= box[:2]) & (ink <= box[2:])).all(axis=1)
    leaves = not (_holds(frame, box[:2]) and _holds(frame, box[2:]))
    return float(inside.sum() + HIDDEN * (sum(_meet(box, other) for other in taken) + 10 * leaves))


def _dense(path: Array) -> Array:
    """A point for about every three pixels of a path."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0, length[-1], int(min(length[-1] / 3, 5000)) + 2)
    return np.column_stack([np.interp(at, length, path[:, k]) for k in (0, 1)])

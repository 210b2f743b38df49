"""Figures: what is missing is said, nothing is printed over anything else, axes have units, small biases are seen."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

import polyest
from polyest.cli import main
from polyest.errors import ArgumentError
from polyest.plot import panels
from polyest.plot.figures import bias_and_noise, estimators, frontier_figure, lacking
from polyest.plot.labels import place

TARGETS = ["log", "power(0.5)", "power(1.5)", "power(-0.5)", "js(0.1)"]


@lru_cache(maxsize=64)
def over_p(target: str, K: int) -> Figure:
    return bias_and_noise(estimators(target, K), lacking(target, K))


@lru_cache(maxsize=64)
def along_the_frontier(target: str, K: int, points: int = 12) -> Figure:
    pytest.importorskip("cvxpy")
    from polyest.offline.trace import trace

    return frontier_figure(trace(target, K, points=points), estimators(target, K), lacking(target, K))


def out_of_view(figure: Figure) -> Iterator[Text]:
    """Labels of ticks that are not drawn."""
    for axes, minor in itertools.product(figure.axes, (False, True)):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            room = 1e-9 * (high - low)
            for at, label in zip(axis.get_ticklocs(minor=minor), axis.get_ticklabels(minor=minor), strict=True):
                if not low - room <= at <= high + room:
                    yield label


@lru_cache(maxsize=64)
def texts(figure: Figure) -> list[tuple[str, Any]]:
    """Every text that is seen, and its box in pixels; a figure is laid out once, without a picture."""
    canvas: Any = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    hidden, renderer = {id(text) for text in out_of_view(figure)}, canvas.get_renderer()
    found = {id(text): text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()}
    return [(t.get_text(), Text.get_window_extent(t, renderer)) for i, t in found.items() if i not in hidden]


def assert_legible(figure: Figure) -> None:
    seen = texts(figure)
    boxes = np.array([box.extents for _, box in seen])
    meet = (boxes[:, None, :2] <= boxes[:, 2:]).all(axis=2)
    assert [(seen[i][0], seen[j][0]) for i, j in np.argwhere(np.triu(meet & meet.T, 1))] == []
    page = figure.bbox
    assert [text for text, box in seen if box.x0 < 0 or box.y0 < 0 or box.x1 > page.x1 or box.y1 > page.y1] == []


def over_curves(figure: Figure) -> list[str]:
    """Texts that lie within the axes of a figure over p, where the curves are."""
    inside = [axes.get_window_extent() for axes in figure.axes]
    return [
        text
        for text, box in texts(figure)
        if any(frame.containsx(box.x0 + 1) and frame.containsy(box.y0 + 1) for frame in inside)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "K"),  # from 8 on minimax is off the scale; both ends for each unit, and where r(0) is infinite
    [*itertools.product(TARGETS, [8]), *itertools.product(["log", "power(0.5)", "power(-0.5)"], [2, 256])],
)
def test_nothing_is_printed_over_anything_in_figures_over_p(target: str, K: int) -> None:
    assert_legible(over_p(target, K))
    assert over_curves(over_p(target, K)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "K"),
    [
        *itertools.product(["log", "power(0.5)", "power(1.5)", "js(0.1)"], [2, 8]),
        *itertools.product(["log", "power(0.5)", "power(1.5)"], [64]),
        ("js(0.1)", 16),  # whose Bayes table takes an integral for every coefficient
    ],
)
def test_nothing_is_printed_over_anything_along_the_frontier(target: str, K: int) -> None:
    assert_legible(along_the_frontier(target, K, points=12 if K < 16 else 5))


@pytest.mark.slow
def test_labels_lie_nearest_to_their_own_points_and_the_axis_holds_them() -> None:
    figure = along_the_frontier("log", 64, points=5)
    axes, seen = figure.axes[0], dict(texts(figure))
    own = {
        str(text.get_text()): axes.transData.transform(text.xy) for text in axes.texts if isinstance(text, Annotation)
    }
    for label in ("plug_in", "Bayes", "harmonic"):
        box = seen[label]
        away = {name: np.hypot(*(at - np.clip(at, box.min, box.max))) for name, at in own.items()}
        assert min(away, key=lambda name: away[name]) == label
    low, high = axes.get_ylim()
    assert high / low < 1000  # two decades above the others, and half of the least below: not as many as minimax needs


@pytest.mark.slow
def test_points_that_coincide_share_a_label() -> None:
    labels = [text for text, _ in texts(along_the_frontier("power(0.5)", 8))]
    assert "minimax, noise_budget=1.5" in labels  # κ = 1: the default budget is met at the least bias


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_labels_of_crowded_points_keep_apart(seed: int) -> None:
    axes = (figure := Figure(layout="constrained")).subplots()
    xy = np.random.default_rng(seed).normal(0.5, 0.04, size=(7, 2))
    axes.plot([0, 1], [1, 0])
    place(axes, [(f"label {i}", x, y) for i, (x, y) in enumerate(xy)], (np.array([0, 1]), np.array([1, 0])))
    assert_legible(figure)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "bias", "noise"),
    [("log", "[nats]", "[nats²]"), ("js(0.1)", "[nats]", "[nats²]"), ("power(0.5)", "[no unit]", "[no unit]")],
)
@pytest.mark.parametrize("make", [over_p, along_the_frontier])
def test_axes_have_units(make: Callable[[str, int], Figure], target: str, bias: str, noise: str) -> None:
    labels = [label for axes in make(target, 8).axes for label in (axes.get_xlabel(), axes.get_ylabel())]
    assert all(label.endswith("]") for label in labels)
    assert any(label.endswith(bias) and "bias" in label for label in labels)
    assert any(label.endswith(noise) and "noise" in label for label in labels)


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K"), [("power(1.5)", 8), ("power(1.5)", 64), ("power(0.5)", 64), ("log", 16)])
def test_no_bias_is_a_flat_line(target: str, K: int) -> None:
    """Every curve sweeps a tenth of the height of its panel or more, wherever its scale puts it."""
    axes = over_p(target, K).axes[0]
    frame = axes.get_window_extent()
    for line in axes.get_lines()[: len(estimators(target, K))]:
        if line.get_label() == "minimax":
            continue  # the yardstick, a thirtieth of the largest at least
        heights = axes.transData.transform(np.column_stack([line.get_xdata(), line.get_ydata()]))[:, 1]
        assert np.ptp(heights) > 0.1 * frame.height


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--frontier",)])
def test_a_missing_aqp_table_is_said_and_how_to_solve_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("POLYEST_COEFFS", str(tmp_path / "none"))
    if options:
        pytest.importorskip("cvxpy")
    path = tmp_path / "js.png"
    assert main(["plot", "js(0.1)", "-k", "4", *options, "--out", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{path}\n"
    assert err.count("\n") == 1
    assert "polyest solve --target 'js(0.1)' --method aqp -k 4" in err
    figure = over_p("js(0.1)", 4) if not options else along_the_frontier("js(0.1)", 4)
    assert any("not drawn for want of a table:" in text and "aqp" in text for text, _ in texts(figure))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K"), [("power(2)", 4), ("log", 8)])
def test_nothing_is_said_where_nothing_is_missing(target: str, K: int) -> None:
    assert lacking(target, K) == []
    assert not any("want of" in text for text, _ in texts(over_p(target, K)))


@pytest.mark.slow
def test_long_names_fit_into_the_title() -> None:
    assert_legible(over_p(f"polynomial({','.join(f'1/{n}' for n in range(3, 60))})", 8))


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--frontier",)])
def test_pdfs_have_no_type_3_fonts(tmp_path: Path, options: tuple[str, ...]) -> None:
    if options:
        pytest.importorskip("cvxpy")
    path = tmp_path / "plot.pdf"
    assert main(["plot", "log", "-k", "4", *options, "--out", str(path)]) == 0
    content = path.read_bytes()
    assert b"/Type3" not in content
    assert b"/TrueType" in content or b"/CIDFontType2" in content


@pytest.mark.slow
def test_no_frontier_is_drawn_where_noise_is_infinite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cvxpy")
    assert main(["plot", "power(-0.7)", "-k", "4", "--frontier", "--out", str(tmp_path / "x.png")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), list(tmp_path.iterdir())) == ("", 1, [])
    assert "must have tables of finite noise" in err
    assert any("not bounded towards p = 0" in text for text, _ in texts(over_p("power(-0.7)", 4)))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["js(1e-9)", "js(1e-5)", "log"])
def test_the_axis_reaches_below_the_place_of_the_largest_bias(target: str) -> None:
    axes = over_p(target, 8).axes[0]
    assert_legible(over_p(target, 8))
    for line in axes.get_lines()[: len(estimators(target, 8))]:
        top = np.argmax(np.abs(np.asarray(line.get_ydata())))
        assert top > 0
        assert axes.get_xlim()[0] < np.asarray(line.get_xdata())[top] / 5


@pytest.mark.slow
def test_short_axes_have_ticks_too() -> None:
    axes = along_the_frontier("polynomial(9,0,-120,0,432,0,-576,0,256)", 3).axes[0]
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        assert sum(low <= place_ <= high for place_ in axis.get_ticklocs()) >= 3


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (polyest.load("log", 4), "`chosen` must be a list of estimators"),
        ("log", "`chosen` must be a list of estimators"),
        ([polyest.load("log", 4, baseline="group_mean")], "without `baseline`"),
        ([polyest.load("log", 4), polyest.load("power(0.5)", 4)], "draw one target at a time"),
        ([], "got none"),
    ],
)
@pytest.mark.parametrize("draw", [panels.bias, panels.noise])
def test_what_cannot_be_drawn_is_refused(draw: Callable[..., Any], chosen: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        draw(chosen, Figure().subplots())


@pytest.mark.parametrize("draw", [panels.bias, panels.noise])
def test_curves_of_several_group_sizes_are_told_apart(draw: Callable[..., Any]) -> None:
    axes = draw([polyest.load("log", K, "harmonic") for K in (4, 8)], Figure().subplots())
    assert [line.get_label() for line in axes.get_lines()][:2] == ["harmonic (K = 4)", "harmonic (K = 8)"]

"""The pictures of a report."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from polyest.report.figures import Axis, Curve, drawn, in_words


@pytest.mark.slow
@pytest.mark.parametrize("last", [1, 2, 3, 7, 1000])
def test_steps_are_whole_numbers_on_the_axis(last: int) -> None:
    steps = np.array([0.0, last])
    svg, frame = drawn([Curve(steps, 100 * steps, 0 * steps)], Axis("step"))
    named = [float(number) for number in re.findall(r">(\d+(?:\.\d+)?)</text>", svg)]
    assert frame["xlim"][1] is not None
    assert {number for number in named if number <= frame["xlim"][1]} >= {0.0}
    assert all(number.is_integer() for number in named if number <= frame["xlim"][1])


@pytest.mark.slow
@pytest.mark.parametrize("last", [0.0, 20.0])
def test_what_one_step_has_is_drawn_over_all_steps(last: float) -> None:
    """A fiftieth of room at either end, whichever step it is."""
    one = Curve(np.array([last]), np.array([0.5]), np.array([0.1]))
    xlim = drawn([one], Axis("step", ends=(0.0, 20.0)), (0.0, 1.0))[1]["xlim"]
    assert xlim == pytest.approx([-0.4, 20.4])


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.0, 0.25])
def test_what_is_never_negative_has_no_negative_tick(level: float) -> None:
    steps = np.array([0.0, 1.0, 2.0])
    for error in (0 * steps, np.full(3, np.nan)):
        assert "−" not in drawn([Curve(steps, np.full(3, level), error)], Axis("step"))[0]
    assert "−" in drawn([Curve(steps, np.full(3, -0.2), 0 * steps)], Axis("step"))[0]


@pytest.mark.slow
def test_bands_end_where_the_measure_does() -> None:
    steps, near = np.arange(3.0), Curve(np.arange(3.0), np.array([0.02, 0.5, 0.97]), np.full(3, 0.1))
    low, high = near.band((0.0, 1.0))
    assert low.tolist() == pytest.approx([0, 0.4, 0.87])
    assert high.tolist() == pytest.approx([0.12, 0.6, 1])
    assert drawn([near], Axis("step"), (0.0, 1.0))[1]["ylim"][1] < 1.06  # type: ignore[operator]
    assert drawn([near], Axis("step"))[1]["ylim"][1] > 1.06  # type: ignore[operator]
    below = Curve(steps, np.array([-0.1, 0.1, np.nan]), np.full(3, 0.05))  # an estimate may lie outside
    assert below.band((0.0, np.inf))[0].tolist()[:2] == pytest.approx([-0.1, 0.05])


@pytest.mark.slow
def test_error_bars_over_k_stand_side_by_side() -> None:
    """Also those of the first and the last step of a run, which have one colour; of many curves within a third."""
    k = np.array([1.0, 2.0])
    ends = [Curve(k, k / 4, k / 40, 0, style) for style in ("dashed", "solid")]
    svg, frame = drawn(ends, Axis("k", is_log=True))
    assert frame["shifts"] == [1, 1.03]
    bars = re.findall(
        r'd="M ([\d.]+) [\d.]+ *\n?L \1 [\d.]+ *\n?" clip-path="[^"]*" style="[^"]*stroke: var\(--run0\)', svg
    )
    assert len({*bars}) == 4
    assert drawn(ends * 20, Axis("k", is_log=True))[1]["shifts"][-1] < 1.34  # type: ignore[operator]
    assert drawn(ends, Axis("step"))[1]["shifts"] == [1, 1]


def test_points_stand_at_their_steps_however_large_these_are() -> None:
    """To five digits 123,456 and 123,457 are the same."""
    curve = Curve(np.array([123456.0, 123457.0]), np.array([0.123456789, 1.0]), np.zeros(2))
    assert curve.values()["x"] == [123456, 123457]
    assert curve.values()["y"] == [0.12346, 1.0]
    assert in_words([curve], Axis("step")).startswith("from 0.123 at step 123456 to 1 at 123457")

"""Means over prompts and parts, and differences of two runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

import polyest
from polyest.rollouts.measures.cells import Measured
from polyest.rollouts.measures.means import MeanOfGroups, Means, means_by

NO_ERROR = Measured.without_error


def test_means_count_every_prompt_alike_and_keep_parts_apart() -> None:
    """Part 0: prompts 0 (1, 2 → 1.5) and 1 (4): mean 2.75, error |4 − 1.5|/2. Part 1: one prompt, no error over them.

    Fixed: variances 1, 1 and 4: those of the prompts' means ½ and 4, error √4.5/2; part 1: √9.
    """
    measured = Measured(np.array([1.0, 2.0, 4.0, 7.0]), np.array([1.0, 1.0, 4.0, 9.0]))
    found = means_by({"distinct": measured}, np.array([0, 0, 1, 0]), np.array([0, 0, 0, 1]), 2)["distinct"]
    assert found.mean.tolist() == [2.75, 7.0]
    assert found.prompts.tolist() == [2, 1]
    assert found.se_random[0] == pytest.approx(1.25)
    assert math.isnan(found.se_random[1])
    assert found.se_fixed == pytest.approx([math.sqrt(4.5) / 2, 3.0])
    assert found.of(1).as_json() == {"mean": 7.0, "se_random": None, "se_fixed": 3.0, "prompts": 1}


def test_they_are_those_of_summary() -> None:
    rng = np.random.default_rng(0)
    values, prompts = rng.normal(size=60), rng.integers(0, 9, 60)
    values[:5] = np.nan
    found = means_by({"v": NO_ERROR(values)}, prompts, np.zeros(60, np.int64), 1)["v"].of(0)
    expected = polyest.summary(values, prompts)
    assert (found.mean, found.se_random) == pytest.approx((expected.mean, expected.standard_error), rel=1e-12)


def test_a_part_without_values_is_none() -> None:
    found = means_by({"v": NO_ERROR(np.array([np.nan, 1.0]))}, np.array([0, 1]), np.array([0, 1]), 2)["v"]
    assert found.of(0).as_json() is None
    assert found.of(1).prompts == 1


def test_means_of_some_prompts_and_of_the_others_are_those_of_all() -> None:
    rng = np.random.default_rng(1)
    values, variances = rng.normal(size=50), rng.random(50)
    values[rng.random(50) < 0.2] = np.nan
    prompts, parts = np.arange(50) // 2, np.arange(50) // 2 % 3
    whole = means_by({"v": Measured(values, variances)}, prompts, parts, 3)["v"]
    cuts = [slice(0, 10), slice(10, 34), slice(34, 50)]
    apart = [means_by({"v": Measured(values[c], variances[c])}, prompts[c], parts[c], 3)["v"] for c in cuts]
    found = Means.joined([*apart, Means.of_none(3)]).gathered(np.tile(np.arange(3), 4), 3)
    assert found.prompts.tolist() == whole.prompts.tolist()
    for name in ("mean", "se_random", "se_fixed"):
        assert getattr(found, name) == pytest.approx(getattr(whole, name), rel=1e-13)


def test_what_adding_floats_leaves_is_no_error() -> None:
    assert str(MeanOfGroups(1.0, 2e-17, math.nan, 4)) == "1.0000 ± 0"


def test_an_error_that_is_not_known_is_not_said_to_be_none() -> None:
    assert str(MeanOfGroups(1.0, math.nan, math.nan, 1)) == "1.0000"
